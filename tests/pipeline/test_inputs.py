"""What the stages start from: keypoints of every view, and the cameras that are known beforehand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.camera_files import write_cameras
from epipose.io.capture_folder import open_capture
from epipose.io.keypoint_files import read_keypoints
from epipose.io.keypoint_files.npz import write_npz
from epipose.pipeline.inputs import HEAD_JOINTS, calibration_views, load_inputs
from epipose.pipeline.known_cameras import Known, known_cameras
from epipose.pipeline.progress import no_report
from epipose.pose.skeletons import load_skeleton
from tests.io.made_videos import write_video
from tests.pipeline.captures import CAMERAS, make_capture

NAMES = list(CAMERAS)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return make_capture(tmp_path / "walk")


def known(capture: Path, cameras: str = "auto", intrinsics: str | None = None) -> Known:
    return known_cameras(open_capture(capture), cameras, intrinsics)


def test_views_keep_their_clocks_and_the_joints_that_all_have(capture: Path) -> None:
    file = capture / "keypoints" / "made" / "cam3.npz"
    fewer = tuple(name for name in load_skeleton("coco17").joint_names if name != "left_wrist")
    write_npz(file, read_keypoints(file).select(fewer))
    inputs = load_inputs(capture, "auto", None, no_report)
    assert inputs.names == tuple(NAMES)
    joints = {people.skeleton.joint_names for people in inputs.people}
    assert len(joints) == 1
    assert "left_wrist" not in joints.pop()
    assert all(len(people.times) == 90 for people in inputs.people)


def test_views_without_common_joints_are_refused(capture: Path) -> None:
    file = capture / "keypoints" / "made" / "cam3.npz"
    write_npz(file, read_keypoints(file).select(("nose", "left_wrist")))
    with pytest.raises(InputError, match="one detector for all views"):
        load_inputs(capture, "auto", None, no_report)


def test_a_view_without_keypoints_or_video_is_named(capture: Path) -> None:
    (capture / "keypoints" / "other").mkdir()
    (capture / "keypoints" / "made" / "cam3.npz").rename(capture / "keypoints" / "other" / "cam3.npz")
    with pytest.raises(InputError, match=r"cam\d"):
        load_inputs(capture, "auto", None, no_report)


def test_nothing_is_known_of_bare_keypoints(capture: Path) -> None:
    found = known(capture)
    assert found.cameras is None
    assert found.lenses is None


def test_the_users_camera_file_gives_places_and_lenses(capture: Path) -> None:
    write_cameras(capture / "cameras.toml", CAMERAS)
    found = known(capture)
    assert found.cameras is not None
    for name, camera in found.cameras.items():
        np.testing.assert_allclose(camera.cam_from_world.matrix, CAMERAS[name].cam_from_world.matrix, atol=1e-12)
    only_lenses = known(capture, "people")
    assert only_lenses.cameras is None
    assert only_lenses.lenses is not None
    nothing = known(capture, intrinsics="estimate")
    assert (nothing.cameras, nothing.lenses) == (None, None)


def test_a_file_of_lenses_gives_no_places_and_no_warning(capture: Path) -> None:
    found = known(capture, intrinsics=str(capture / "lenses.toml"))
    assert found.cameras is None
    assert found.lenses is not None
    assert found.lenses["cam2"].lens == CAMERAS["cam2"].lens
    assert found.notes == ()


def test_named_lenses_go_with_named_places(capture: Path) -> None:
    longer = {
        name: replace(camera, lens=replace(camera.lens, focal=(1000.0, 1000.0))) for name, camera in CAMERAS.items()
    }
    write_cameras(capture / "bent.toml", longer)
    found = known(capture, str(capture / "given.toml"), str(capture / "bent.toml"))
    views, _ = calibration_views(load_inputs(capture, "auto", None, no_report), found)
    for view in views:
        assert view.camera is not None
        assert view.camera.lens.focal == (1000.0, 1000.0)
        assert view.lens == view.camera.lens
        np.testing.assert_allclose(view.camera.centre, CAMERAS[view.name].centre, atol=1e-12)


def test_cameras_that_a_calibration_wrote_are_not_taken_for_given(capture: Path) -> None:
    write_cameras(capture / "cameras.toml", CAMERAS, metadata={"made_by": "epipose"})
    assert known(capture).cameras is None
    assert known(capture).lenses is None
    named = known(capture, str(capture / "cameras.toml"))
    assert named.cameras is not None


def test_a_camera_file_that_lacks_a_view_is_refused(capture: Path) -> None:
    write_cameras(capture / "cameras.toml", {name: CAMERAS[name] for name in NAMES[:3]})
    with pytest.raises(InputError, match="cam4"):
        known(capture)


def test_calibrations_of_other_picture_sizes_are_fitted_and_noted(capture: Path) -> None:
    odd = {
        **CAMERAS,
        "cam2": CAMERAS["cam2"].resized((960, 540)),
        "cam3": replace(CAMERAS["cam3"], size_wh=(1920, 1088)),
    }
    write_cameras(capture / "cameras.toml", odd)
    views, notes = calibration_views(load_inputs(capture, "auto", None, no_report), known(capture))
    assert set(notes) == {"cam2", "cam3"}
    assert "960x540" in notes["cam2"]
    for view in views:
        assert view.camera is not None
        assert view.camera.size_wh == (1920, 1080)
        np.testing.assert_allclose(view.camera.lens.parameters, CAMERAS[view.name].lens.parameters, rtol=1e-9)


def test_calibration_leaves_out_the_head(capture: Path) -> None:
    views, _ = calibration_views(load_inputs(capture, "auto", None, no_report), known(capture))
    for view in views:
        assert not set(view.keypoints.skeleton.joint_names) & set(HEAD_JOINTS)
        assert view.keypoints.score.shape[1] == 1


def pose2sim(folder: Path, source: Path) -> Path:
    """Write a Pose2Sim session: OpenPose JSON per frame in pose/<camera>_json, and calibration/Calib.toml."""
    body25 = load_skeleton("body25")
    for name in NAMES:
        keypoints = read_keypoints(source / "keypoints" / "made" / f"{name}.npz")
        target = folder / "pose" / f"{name}_json"
        target.mkdir(parents=True)
        for frame in range(40):
            values = np.zeros((len(body25), 3))
            for joint, known_as in enumerate(body25.joint_names):
                if known_as in keypoints.skeleton.joint_names:
                    index = keypoints.skeleton.index(known_as)
                    values[joint] = [*keypoints.pixels[frame, 0, index], keypoints.score[frame, 0, index]]
            people = [{"pose_keypoints_2d": values.ravel().round(3).tolist()}]
            text = json.dumps({"version": 1.3, "people": people})
            (target / f"{name}_{frame:012d}_keypoints.json").write_text(text, encoding="utf-8")
    write_cameras(folder / "calibration" / "Calib.toml", CAMERAS)
    return folder


def test_a_folder_of_pose2sim_is_taken_as_it_is(capture: Path, tmp_path: Path) -> None:
    session = pose2sim(tmp_path / "session", capture)
    inputs = load_inputs(session, "auto", 25.0, no_report)
    assert inputs.names == tuple(NAMES)
    np.testing.assert_allclose(inputs.people[0].times[:3], [0, 0.04, 0.08])
    found = known(session)
    assert found.cameras is not None
    views, _ = calibration_views(inputs, found)
    assert {view.size_wh for view in views} == {(1920, 1080)}
    with pytest.raises(InputError, match="frame rate"):
        load_inputs(session, "auto", None, no_report)
    (session / "calibration" / "Calib.toml").unlink()
    with pytest.raises(InputError, match="how large the picture is"):
        load_inputs(session, "auto", 25.0, no_report)


def test_files_that_count_frames_get_the_exact_times_of_a_video(capture: Path, tmp_path: Path) -> None:
    session = pose2sim(tmp_path / "session", capture)
    (session / "videos").mkdir()
    # A phone that drops from 30 to 15 frames per second half-way.
    milliseconds = [*(33 * i for i in range(20)), *(660 + 66 * i for i in range(20))]
    for number, name in enumerate(NAMES):
        write_video(session / "videos" / f"{name}.mp4", 40, milliseconds=milliseconds, size_wh=(160 + 16 * number, 96))
    inputs = load_inputs(session, "auto", None, no_report)
    for people in inputs.people:
        np.testing.assert_allclose(people.times, np.array(milliseconds) / 1000, atol=1e-3)


def test_places_that_are_named_do_not_go_with_estimated_lenses(capture: Path) -> None:
    with pytest.raises(InputError, match="leave out --intrinsics estimate"):
        known(capture, str(capture / "given.toml"), "estimate")
