"""What a capture has to show: which cameras, whose poses, and where and when they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.io.pose_files import read_poses, write_poses
from epipose.runtime.placing import LEVEL
from epipose.viewer.recording import open_recording
from tests.viewer.recorded import true_capture, truth_of, without_truth


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return true_capture(tmp_path / "turning")


def test_everything_that_is_there_is_shown(capture: Path) -> None:
    recording = open_recording(capture)
    known = truth_of(capture)
    assert [track.name for track in recording.tracks] == ["smooth", "triangulated", "truth"]
    assert [view.name for view in recording.views] == ["cam1", "cam2", "cam3", "cam4"]
    for view in recording.views:
        np.testing.assert_allclose(view.camera.centre, known.cameras[view.name].centre, atol=1e-6)
        assert view.time_offset_s == known.time_offsets_s[view.name]
        assert view.source == capture / "videos" / f"{view.name}.mp4"
    assert recording.tracks[0].covariance is not None
    assert recording.notes == ()
    assert recording.span_s == (known.poses.times[0], known.poses.times[-1])
    assert recording.frame_s == pytest.approx(0.04, abs=0.01)


def test_the_truth_is_laid_on_the_cameras_that_were_found(capture: Path) -> None:
    # Cameras that were found from people stand in a world of their own: turned, shifted, larger, and later.
    found = read_cameras(capture / "cameras.toml").cameras
    motion = Rigid.from_rotvec(np.array([0.1, -0.2, 1.0]), np.array([1.0, 2.0, 0.5]))
    moved = {name: camera.moved(motion, 1.1) for name, camera in found.items()}
    offsets = [truth_of(capture).time_offsets_s[name] - 0.3 for name in moved]
    write_cameras(capture / "cameras.toml", moved, metadata={"made_by": "epipose", "time_offsets_s": offsets})
    truth = open_recording(capture).tracks[-1]
    own = truth_of(capture).poses
    np.testing.assert_allclose(truth.poses.positions, motion.apply(1.1 * own.positions.astype(float)), atol=1e-4)
    np.testing.assert_allclose(truth.poses.times, own.times - 0.3)


def test_cameras_are_those_by_which_the_poses_were_found(capture: Path) -> None:
    ours = read_cameras(capture / "cameras.toml").cameras
    given = {name: camera.moved(Rigid(np.eye(3), np.array([7.0, 0, 0]))) for name, camera in ours.items()}
    (capture / "cameras.toml").rename(capture / "cameras-estimated.toml")
    write_cameras(capture / "cameras.toml", given)
    report = {"sources": {"cameras": "people"}, "views": [{"name": name, "time_offset_s": 0.5} for name in ours]}
    (capture / "report.json").write_text(json.dumps(report))
    views = open_recording(capture).views
    np.testing.assert_allclose(views[0].camera.centre, ours["cam1"].centre, atol=1e-6)
    assert views[0].time_offset_s == 0.5
    # `epipose triangulate`, later, took those that were given.
    write_poses(capture / "poses" / "triangulated.npz", read_poses(capture / "poses" / "smooth.npz"))
    np.testing.assert_allclose(open_recording(capture).views[0].camera.centre, given["cam1"].centre, atol=1e-6)
    named = open_recording(capture, cameras=str(capture / "cameras-estimated.toml")).views
    np.testing.assert_allclose(named[0].camera.centre, ours["cam1"].centre, atol=1e-6)


@pytest.mark.parametrize("world", ["cameras.toml", None])
def test_what_one_camera_said_stands_in_the_same_world(capture: Path, world: str | None) -> None:
    known, late = truth_of(capture), 0.25
    camera = known.cameras["cam2"]
    told = {"made_by": "epipose", "time_offsets_s": [0.0, late, 0.0, 0.0]}
    write_cameras(capture / "cameras.toml", known.cameras, metadata=told)
    positions = known.poses.positions.astype(float)
    if world is None:
        positions = (LEVEL @ camera.cam_from_world).apply(positions)
    said = replace(known.poses, positions=positions.astype(np.float32), times=known.poses.times - late)
    folder = capture / "predicted" / "cam2"
    write_poses(folder / "poses.npz", said)
    (folder / "prediction.json").write_text(json.dumps({"world": world, "measure": "camera metres"}))
    track = next(track for track in open_recording(capture).tracks if track.name == "predicted/cam2")
    np.testing.assert_allclose(track.poses.positions, known.poses.positions, atol=1e-4)
    np.testing.assert_allclose(track.poses.times, known.poses.times)
    (folder / "prediction.json").write_text(json.dumps({"world": None, "measure": "relative metres"}))
    recording = open_recording(capture)
    assert all(track.name != "predicted/cam2" for track in recording.tracks)
    assert "predict again with --cameras" in recording.notes[0]


def test_without_cameras_there_are_people_and_a_note(capture: Path) -> None:
    (capture / "cameras.toml").unlink()
    recording = open_recording(without_truth(capture))
    assert recording.views == ()
    assert len(recording.tracks) == 2
    assert "no cameras are shown" in recording.notes[0]


def test_a_broken_video_costs_its_pictures_only(capture: Path) -> None:
    (capture / "videos" / "cam3.mp4").write_bytes(b"no video")
    recording = open_recording(capture)
    assert [view.source is None for view in recording.views] == [False, False, True, False]
    assert "cam3.mp4" in recording.notes[0]


def test_nothing_to_look_at_is_said_with_the_remedy(capture: Path, tmp_path: Path) -> None:
    for file in (capture / "poses").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="holds no poses to look at; run `epipose reconstruct"):
        open_recording(without_truth(capture))
    with pytest.raises(InputError, match="there is no folder"):
        open_recording(tmp_path / "elsewhere")


def test_damaged_poses_are_named(capture: Path) -> None:
    (capture / "poses" / "smooth.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"smooth\.npz"):
        open_recording(capture)
