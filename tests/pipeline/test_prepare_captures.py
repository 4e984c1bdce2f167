"""Capture folders made of a data set: what the other stages find in them, and what a second run does."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from epipose.datasets import Wanted
from epipose.errors import InputError
from epipose.io.camera_files import read_cameras
from epipose.io.capture_folder import open_capture
from epipose.io.keypoint_files import read_keypoints
from epipose.io.pictures import picture_files, read_picture
from epipose.io.pose_files import read_poses, write_poses
from epipose.io.recorded_truth import read_known_poses
from epipose.io.videos import probe
from epipose.pipeline import inputs
from epipose.pipeline.evaluate import evaluate
from epipose.pipeline.inputs import load_inputs
from epipose.pipeline.learn import Settings, learn
from epipose.pipeline.lesson_examples import HoldOut, cut_examples
from epipose.pipeline.prepare import prepare as prepare_in_any_form
from epipose.pipeline.progress import no_report
from epipose.pipeline.teaching import load_teaching
from epipose.pipeline.triangulate import triangulate
from epipose.runtime.networks import open_network
from epipose.training.recorded_examples import Cut
from tests.datasets import h36m_miniature as mini

prepare = partial(prepare_in_any_form, form="captures")
TAKE = mini.TAKES[0]
ONE = mini.TAKES[:1]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official release of three takes with their videos."""
    return mini.write_official(tmp_path_factory.mktemp("filmed"), (*mini.TAKES[:2], mini.TAKES[5]), videos=True)


@pytest.fixture(scope="module")
def made(filmed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "h36m"
    done = prepare("h36m", filmed, out)
    assert done.recordings == ("S1_Directions-1", "S1_TakingPhoto-2", "S11_Directions-2")
    assert (done.written, done.examples, len(done.views)) == (3, 18, 4)
    assert done.notes == ("S11_Directions-2 has no camera 54138969: its video is not part of the release",)
    return out


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time of change and its content."""
    return {
        str(file.relative_to(folder)): (file.lstat().st_mtime_ns, file.read_bytes())
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_capture_has_videos_cameras_and_the_truth(made: Path) -> None:
    folder = made / TAKE.name
    capture = open_capture(folder)
    assert set(capture.view_names) == set(mini.CAMERAS)
    cameras = read_cameras(folder / "cameras.toml").cameras
    truth = read_known_poses(folder / "truth")
    for view in capture.views:
        assert view.source is not None
        assert view.source.is_symlink()
        assert probe(view.source).frame_rate == 50
        pixels, _ = cameras[view.name].project(truth.poses.positions[:, 0].astype(float))
        assert np.abs(pixels - mini.pixels(TAKE, view.name)).max() < 0.1
    assert len(open_capture(made / mini.THREE_VIEWS).views) == 3


def test_boxes_are_those_of_the_joints_that_a_camera_sees(made: Path) -> None:
    for view in mini.CAMERAS:
        with np.load(made / TAKE.name / "truth" / "views" / f"{view}.npz") as arrays:
            boxes, times = arrays["boxes"], arrays["times"]
        seen = mini.pixels(TAKE, view)
        np.testing.assert_allclose(boxes[:, 0], np.concatenate([seen.min(axis=1), seen.max(axis=1)], axis=1), atol=0.1)
        np.testing.assert_allclose(np.diff(times), 0.02)


def test_poses_are_evaluated_against_the_truth(made: Path) -> None:
    folder = made / TAKE.name
    known = read_known_poses(folder / "truth")
    off = known.poses.positions.copy()
    off[:, :, 3] += np.float32([0, 0.17, 0])
    write_poses(folder / "poses" / "off.npz", type(known.poses)(off, *[known.poses.weight] * 2, known.poses.times,
                                                                 known.poses.skeleton))  # fmt: skip
    assert evaluate(folder, poses="off").report.errors.mpjpe_m == pytest.approx(0.17 / 16, rel=0.1)
    camera = known.cameras["55011271"]
    seen = camera.cam_from_world.apply(known.poses.positions.astype(float)).astype(np.float32)
    write_poses(folder / "poses" / "seen.npz", type(known.poses)(seen, *[known.poses.weight] * 2, known.poses.times,
                                                                  known.poses.skeleton))  # fmt: skip
    assert evaluate(folder, poses="seen", view="55011271").report.errors.mpjpe_m < 1e-6


def test_true_keypoints_triangulate_to_the_truth(made: Path) -> None:
    folder = made / "S1_TakingPhoto-2"
    triangulate(folder, detector="truth", smooth="none")
    found = read_poses(folder / "poses" / "triangulated.npz")
    true = read_known_poses(folder / "truth").poses
    assert np.abs(found.positions - true.positions).max() < 1e-3


def test_supervised_learning_takes_the_truth_and_looks_for_nobody_first(made: Path) -> None:
    teaching = load_teaching(made / TAKE.name, "truth", "auto", no_report)
    assert teaching.detector == "truth"
    assert teaching.labels.poses.skeleton.name == "h36m17"
    divided = cut_examples([teaching], HoldOut(share=0.25), Cut(64), made / "examples", no_report)
    assert len(divided.learned.joints) + len(divided.held_out.joints) == 4 * TAKE.frames
    assert not (made / TAKE.name / "keypoints" / "builtin").exists()


def test_nobody_is_shown_true_keypoints_unasked_while_there_are_videos(made: Path, tmp_path: Path) -> None:
    assert inputs._chosen_keypoints(open_capture(made / TAKE.name)) != "truth"
    mini.write_metadata(mini.write_npz(tmp_path / "npz", ONE, flat=False))
    prepare("h36m", tmp_path / "npz", tmp_path / "out")
    assert load_inputs(tmp_path / "out" / TAKE.name, "auto", None, no_report).detector == "truth"


def test_keypoints_of_others_are_found_by_their_name(tmp_path: Path) -> None:
    mini.write_metadata(mini.write_npz(tmp_path / "npz", ONE))
    prepare("h36m", tmp_path / "npz", tmp_path / "out")
    found = load_inputs(tmp_path / "out" / TAKE.name, "auto", None, no_report)
    assert found.detector == "gt"
    np.testing.assert_allclose(found.people[0].pixels[:, 0], mini.pixels(TAKE, found.names[0]), atol=1e-3)


@pytest.mark.parametrize("recipe", ["lift", "lift-supervised"])
def test_keypoints_without_pictures_teach_to_lift_them_and_nothing_else(tmp_path: Path, recipe: str) -> None:
    mini.write_metadata(mini.write_npz(tmp_path / "npz", ONE))
    prepare("h36m", tmp_path / "npz", tmp_path / "out")
    folder = tmp_path / "out" / TAKE.name
    if recipe == "lift":
        triangulate(folder, smooth="none")
    report = learn([folder], Settings(recipe=recipe, steps=2, start="none"))
    assert report.learned_examples + report.held_out_examples == 4 * TAKE.frames
    network = open_network(report.file)
    assert (network.description.kind, network.description.detector) == ("lift", "gt")
    with pytest.raises(InputError, match=r"holds no video of 54138969, only keypoints, which teach --recipe lift"):
        learn([folder], Settings(recipe="supervised", steps=2))


def test_pictures_are_linked_frame_by_frame(tmp_path: Path) -> None:
    take = mini.Take(1, 2, 1, "Directions 1", frames=4)
    mini.write_pictures(mini.write_json(tmp_path / "json", (take,)), (take,))
    prepare("h36m", tmp_path / "json", tmp_path / "out", every=2)
    folder = tmp_path / "out" / take.name
    for index, view in enumerate(mini.CAMERAS):
        pictures = picture_files(folder / "images" / view)
        assert [int(read_picture(file)[500, 500, 0]) for file in pictures] == [40 * index, 40 * index + 2]
        keypoints = read_keypoints(folder / "keypoints" / "truth" / f"{view}.npz")
        np.testing.assert_allclose(keypoints.times, [0, 0.04])
        np.testing.assert_allclose(keypoints.pixels[:, 0], mini.pixels(take, view)[::2], atol=0.1)
    teaching = load_teaching(folder, "truth", "auto", no_report)
    divided = cut_examples([teaching], HoldOut(share=0.25), Cut(64), tmp_path / "examples", no_report)
    assert (len(divided.learned.joints), len(divided.held_out.joints)) == (4, 4)


def test_every_nth_frame_of_videos_becomes_a_picture(filmed: Path, tmp_path: Path) -> None:
    done = prepare("h36m", filmed, tmp_path, Wanted(subjects=("S11",)), every=5)
    assert done.examples == 2
    folder = tmp_path / mini.THREE_VIEWS
    assert not (folder / "videos").exists()
    assert {view.name for view in (folder / "images").iterdir()} == set(mini.CAMERAS) - {"54138969"}
    for view in read_cameras(folder / "cameras.toml").cameras:
        pictures = picture_files(folder / "images" / view)
        assert [file.stem for file in pictures] == ["000000", "000005"]
        # Frame k of these videos is as bright as 5 k.
        np.testing.assert_allclose([read_picture(file)[500, 500].mean() for file in pictures], [0, 25], atol=3)
    np.testing.assert_allclose(read_known_poses(folder / "truth").poses.times, [0, 0.1])
    with pytest.raises(InputError, match="every 0th"):
        prepare("h36m", filmed, tmp_path, every=0)


def test_a_second_run_does_only_what_is_missing_or_changed(tmp_path: Path) -> None:
    root = mini.write_official(tmp_path / "root", mini.TAKES[:2], videos=True)
    out = tmp_path / "out"
    assert prepare("h36m", root, out).written == 2
    before = state(out)
    assert prepare("h36m", root, out).written == 0
    assert state(out) == before

    (out / TAKE.name / "truth" / "recorded.json").unlink()
    assert prepare("h36m", root, out).written == 1
    assert {name: content for name, (_, content) in state(out).items()} == {
        name: content for name, (_, content) in before.items()
    }

    mark = out / TAKE.name / "prepared.json"
    interrupted = json.loads(mark.read_text()) | {"fingerprint": ""}
    mark.write_text(json.dumps(interrupted))
    assert prepare("h36m", root, out).written == 1

    other = mini.TAKES[1]
    mini.write_cdf(
        root / "S1" / "MyPoseFeatures" / "D3_Positions" / f"{other.file}.cdf",
        mini.joints_32(other).reshape(1, -1, 96) + 10,
    )
    assert prepare("h36m", root, out).written == 1
    moved = read_known_poses(out / other.name / "truth").poses.positions[:, 0]
    np.testing.assert_allclose(moved, mini.joints_mm(other) / 1000 + 0.01, atol=1e-5)


def test_what_is_made_is_the_same_everywhere_and_old_parts_go(filmed: Path, tmp_path: Path) -> None:
    wanted = Wanted(subjects=("S11",))
    for place in ("a", "b"):
        prepare("h36m", filmed, tmp_path / place, wanted)
    contents = [{name: content for name, (_, content) in state(tmp_path / place).items()} for place in ("a", "b")]
    assert contents[0] == contents[1]
    own = tmp_path / "a" / mini.THREE_VIEWS / "keypoints" / "mine" / "note.txt"
    own.parent.mkdir()
    own.write_text("mine")
    prepare("h36m", filmed, tmp_path / "a", wanted, every=3)
    assert not (tmp_path / "a" / mini.THREE_VIEWS / "videos").exists()
    assert own.read_text() == "mine"
    assert all(file.is_file() for file in filmed.rglob("*.mp4"))


def test_a_folder_of_somebody_else_is_left_alone(filmed: Path, tmp_path: Path) -> None:
    theirs = tmp_path / mini.THREE_VIEWS / "videos" / "mine.mp4"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"mine")
    with pytest.raises(InputError, match="was not made by epipose prepare; name another place"):
        prepare("h36m", filmed, tmp_path, Wanted(subjects=("S11",)))
    assert theirs.read_bytes() == b"mine"
