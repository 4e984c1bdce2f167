"""Panoptic Studio: several people with numbers, centimetres, Y down, OpenCV's distortion, 29.97 frames per second."""

from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from epipose.datasets import Recording, Wanted
from epipose.datasets.panoptic import PLUGIN
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Human36mLens
from epipose.io.keypoint_files import read_keypoints
from epipose.pipeline.lesson_examples import HoldOut, cut_examples
from epipose.pipeline.prepare import prepare
from epipose.pipeline.progress import no_report
from epipose.pipeline.teaching import load_teaching
from epipose.training.recorded_examples import Cut
from tests.datasets import panoptic_miniature as mini

SEQUENCE = mini.SEQUENCES[1]
IDS = (0, mini.LATE)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini.write(tmp_path_factory.mktemp("filmed"), videos=True)


@pytest.fixture(scope="module")
def unfilmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini.write(tmp_path_factory.mktemp("unfilmed"))


def recordings(root: Path, **wanted: object) -> dict[str, Recording]:
    found, notes = PLUGIN.recordings(root, Wanted(**wanted))
    assert notes == []
    return {recording.name: recording for recording in found}


def off_px(camera: Camera, positions: ndarray, known: ndarray, true: ndarray) -> float:
    seen, valid = camera.project(positions)
    assert valid.all()
    return float(np.abs(seen - true)[known].max())


def test_joints_reproject_onto_what_the_cameras_filmed(filmed: Path) -> None:
    found = recordings(filmed)
    assert list(found) == list(mini.SEQUENCES)
    for sequence, recording in found.items():
        poses = recording.read().poses
        assert poses.skeleton.joint_names == mini.JOINTS
        assert set(recording.cameras) == {"00_07", "00_12"}
        for column, number in enumerate(IDS):
            positions, known = poses.positions[:, column].astype(float), poses.weight[:, column] > 0
            true = mini.people(sequence)[number]
            np.testing.assert_allclose(positions[known], true[known], atol=1e-5)
            for view, camera in recording.cameras.items():
                assert camera.size_wh == mini.SIZE
                assert off_px(camera, true, known, mini.pixels(sequence, number, view)) < 0.01
                assert off_px(camera, positions[known], ..., mini.pixels(sequence, number, view)[known]) < 0.1


@pytest.mark.parametrize("change", ["tangential", "no third", "none"])
def test_another_model_of_distortion_would_be_noticed(change: str, unfilmed: Path) -> None:
    worst = 0.0
    for view, camera in recordings(unfilmed)[SEQUENCE].cameras.items():
        k1, k2, p1, p2, k3 = camera.lens.coefficients
        kind, numbers = {
            "tangential": (Human36mLens, (k1, k2, p1, p2, k3)),
            "no third": (BrownConrady, (k1, k2, p1, p2, 0.0)),
            "none": (BrownConrady, (0.0,) * 5),
        }[change]
        other = Camera(kind(camera.lens.focal, camera.lens.centre, numbers), camera.cam_from_world, camera.size_wh)
        true = mini.people(SEQUENCE)[0]
        worst = max(worst, off_px(other, true, ..., mini.pixels(SEQUENCE, 0, view)))
    assert worst > 0.1


def test_everybody_has_a_column_and_only_what_was_found_counts(filmed: Path) -> None:
    """Rows are frames of the videos, from the first on, also where nobody was found."""
    poses = recordings(filmed)[SEQUENCE].read().poses
    expected = np.zeros((mini.FIRST + mini.FRAMES, 2, 19))
    for frame in range(len(expected)):
        expected[frame] = [[mini.there(number, frame)] * 19 for number in IDS]
    for joint, frame in (mini.MISSING, mini.DOUBTED):
        assert expected[frame, 0, mini.JOINTS.index(joint)] == 1
        expected[frame, 0, mini.JOINTS.index(joint)] = 0
    np.testing.assert_array_equal(poses.weight, expected)
    assert not poses.positions[expected == 0].any()


def test_people_stand_upright_in_metres_with_left_on_their_left(unfilmed: Path) -> None:
    recording = recordings(unfilmed)[SEQUENCE]
    poses = recording.read().poses
    for column in range(2):
        there = poses.weight[:, column].all(axis=1)
        joints = dict(zip(mini.JOINTS, poses.positions[there, column].swapaxes(0, 1), strict=True))
        assert ((joints["nose"][:, 2] > 1.2) & (joints["nose"][:, 2] < 1.9)).all()
        assert np.abs(np.minimum(joints["left_ankle"], joints["right_ankle"])[:, 2] - 0.08).max() < 0.1
        for side in ("eye", "ear", "hip", "shoulder"):
            left = joints[f"left_{side}"] - joints[f"right_{side}"]
            forward = joints["nose"] - joints["neck"]
            assert ((np.cross([0, 0, 1.0], forward) * left).sum(axis=1) > 0).all()
    assert all(0.5 < camera.centre[2] < 3 for camera in recording.cameras.values())


def test_the_clock_is_that_of_the_videos_and_29_97_without(filmed: Path, unfilmed: Path) -> None:
    times = recordings(filmed)[SEQUENCE].read().poses.times
    np.testing.assert_allclose(times, np.arange(mini.FIRST + mini.FRAMES) * 1.001 / 30, atol=1e-6)
    times = recordings(unfilmed)[SEQUENCE].read().poses.times
    np.testing.assert_allclose(times, (mini.FIRST + np.arange(mini.FRAMES)) * 1.001 / 30, atol=1e-9)
    assert set(recordings(unfilmed)[SEQUENCE].cameras) == set(mini.VIEWS)


def test_pictures_stand_in_for_videos(tmp_path: Path) -> None:
    """Only moments count of which every camera has a picture, in an older layout of the poses too."""
    root = mini.write(tmp_path, mini.SEQUENCES[:1], pictures=True, folder="hdPose3d_stage1_coco19/hd")
    recording = recordings(root)[mini.SEQUENCES[0]]
    contents = recording.read()
    frames = range(mini.FIRST, mini.FIRST + mini.FRAMES - 1)
    assert set(contents.pictures) == set(recording.cameras) == {"00_07", "00_12"}
    for view, files in contents.pictures.items():
        assert [file.name for file in files] == [f"{view}_{frame:08}.jpg" for frame in frames]
    np.testing.assert_allclose(contents.poses.times, np.array(frames) * 1.001 / 30)
    np.testing.assert_allclose(contents.poses.positions[0, 0], mini.people(recording.name)[0][mini.FIRST], atol=1e-5)


def test_sequences_can_be_chosen_by_name_and_kind(unfilmed: Path) -> None:
    assert list(recordings(unfilmed, actions=("pizza",))) == [mini.SEQUENCES[0]]
    assert list(recordings(unfilmed, actions=("POSE", mini.SEQUENCES[1]))) == [mini.SEQUENCES[1]]
    with pytest.raises(
        InputError, match="nothing of sequence haggling; it has 160906_pizza1, 171204_pose1_sample, pizz"
    ):
        recordings(unfilmed, actions=("haggling",))
    with pytest.raises(InputError, match="does not name its people; choose sequences"):
        recordings(unfilmed, subjects=("S1",))


def test_captures_of_several_people_are_learned_from(filmed: Path, tmp_path: Path) -> None:
    done = prepare("panoptic", filmed, tmp_path, Wanted(actions=(SEQUENCE,)))
    assert (done.captures, done.poses, done.views) == ((SEQUENCE,), mini.FIRST + mini.FRAMES, ("00_07", "00_12"))
    keypoints = read_keypoints(tmp_path / SEQUENCE / "keypoints" / "truth" / "00_12.npz")
    assert keypoints.score[mini.FIRST, 0].any()
    assert not keypoints.score[: mini.FIRST].any()
    teaching = load_teaching(tmp_path / SEQUENCE, "truth", "auto", no_report)
    divided = cut_examples([teaching], HoldOut(share=0.2), Cut(64), tmp_path / "examples", no_report)
    shown = sum(mini.there(number, frame) for number in IDS for frame in range(mini.FIRST + mini.FRAMES))
    assert len(divided.learned.joints) + len(divided.held_out.joints) <= 2 * shown
    assert len(divided.learned.joints) > 0
    assert prepare("panoptic", filmed, tmp_path, Wanted(actions=(SEQUENCE,))).written == 0
