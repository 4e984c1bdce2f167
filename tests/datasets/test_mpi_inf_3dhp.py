"""MPI-INF-3DHP: annotations in the axes of each camera, one upright world; test sets before one camera."""

from pathlib import Path

import numpy as np
import pytest

from epipose.datasets import Recording, Wanted
from epipose.datasets.mpi_inf_3dhp import PLUGIN
from epipose.errors import InputError
from epipose.io.recorded_truth import read_known_poses
from epipose.pipeline.prepare import prepare
from epipose.pipeline.triangulate import triangulate
from epipose.pose.skeletons import load_skeleton
from tests.datasets import mpi_inf_3dhp_miniature as mini

h5py = pytest.importorskip("h5py", reason="the extra 'datasets' is not installed")

TEST_JOINTS = tuple(mini.JOINTS[joint] for joint in mini.RELEVANT)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini.write_training(tmp_path_factory.mktemp("filmed"), videos=True)


@pytest.fixture(scope="module")
def unfilmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini.write_tests(mini.write_training(tmp_path_factory.mktemp("unfilmed")))


def recordings(root: Path, **wanted: object) -> dict[str, Recording]:
    found, _ = PLUGIN.recordings(root, Wanted(**wanted))
    return {recording.name: recording for recording in found}


def test_joints_reproject_onto_what_the_cameras_filmed(unfilmed: Path) -> None:
    found = recordings(unfilmed, damaged=True, actions=("Seq1", "Seq2"))
    assert list(found) == [part.name for part in mini.SEQUENCES]
    for name, recording in found.items():
        poses = recording.read().poses
        assert poses.skeleton.joint_names == mini.JOINTS
        np.testing.assert_allclose(poses.positions[:, 0], mini.truth(name), atol=1e-5)
        assert (poses.weight == 1).all()
        assert list(recording.cameras) == [f"video_{number}" for number in range(mini.CAMERAS)]
        for number, camera in enumerate(recording.cameras.values()):
            assert camera.size_wh == mini.SIZE
            seen, valid = camera.project(poses.positions[:, 0].astype(float))
            assert valid.all()
            assert np.abs(seen - mini.pixels(name, number)).max() < 0.01


def test_people_and_cameras_stand_upright_in_metres_with_left_on_their_left(unfilmed: Path) -> None:
    for name, recording in recordings(unfilmed, actions=("Seq1", "Seq2")).items():
        poses = recording.read().poses
        joints = dict(zip(poses.skeleton.joint_names, poses.positions[:, 0].swapaxes(0, 1), strict=True))
        assert ((joints["head_top"][:, 2] > 1.4) & (joints["head_top"][:, 2] < 2.0)).all(), name
        assert np.abs(np.minimum(joints["left_ankle"], joints["right_ankle"])[:, 2] - 0.08).max() < 0.05
        left = joints["left_hip"] - joints["right_hip"]
        forward = joints["left_toe"] - joints["left_ankle"]
        assert ((np.cross([0, 0, 1.0], forward) * left).sum(axis=1) > 0).all()
        assert all(1 < camera.centre[2] < 2.5 for camera in recording.cameras.values())


def test_cameras_are_those_whose_videos_were_downloaded_and_tell_the_time(filmed: Path) -> None:
    found, notes = PLUGIN.recordings(filmed, Wanted())
    for recording in found:
        poses = recording.read().poses
        rate = next(part.rate for part in mini.SEQUENCES if part.name == recording.name)
        np.testing.assert_allclose(poses.times, np.arange(mini.FRAMES) / rate, atol=1e-6)
        short = {mini.SHORT[1]} if recording.name == mini.SHORT[0] else set()
        assert set(recording.cameras) == {f"video_{number}" for number in mini.DOWNLOADED} - short
    assert notes == [
        "S4_Seq2 was left out: left and right are swapped in some of its frames",
        "S6_Seq2 has no video_2: that video ends long before the others",
    ]


def test_subjects_and_sequences_can_be_chosen(unfilmed: Path) -> None:
    assert list(recordings(unfilmed, subjects=("S1", "ts6"))) == ["S1_Seq1", "S1_Seq2", "TS6"]
    assert list(recordings(unfilmed, actions=("Seq2",))) == ["S1_Seq2", "S6_Seq2"]
    assert list(recordings(unfilmed, actions=("test",))) == list(mini.TESTS)
    with pytest.raises(InputError, match="nothing of subject S3; it has S1, S4, S6, TS1, TS6"):
        recordings(unfilmed, subjects=("S3",))
    with pytest.raises(InputError, match="nothing of sequence Walking; it has Seq1, Seq2, Test"):
        recordings(unfilmed, actions=("Walking",))
    with pytest.raises(InputError, match="left to prepare; ask for other subjects or sequences, or for --damaged"):
        recordings(unfilmed, subjects=("S4",))


def test_the_camera_of_a_test_set_is_found(unfilmed: Path) -> None:
    found, notes = PLUGIN.recordings(unfilmed, Wanted(actions=("Test",)))
    assert len(notes) == len(found) == 2
    assert "TS6 does not say which way is up" in notes[1]
    valid = [frame for frame in range(mini.FRAMES) if frame != mini.INVALID]
    for recording in found:
        poses = recording.read().poses
        assert poses.skeleton == load_skeleton("mpi_inf_3dhp17")
        assert poses.skeleton.joint_names == TEST_JOINTS
        np.testing.assert_allclose(poses.times, np.array(valid) / 25)
        (camera,) = recording.cameras.values()
        assert camera.size_wh == mini.TEST_SIZES[recording.name]
        np.testing.assert_allclose(camera.lens.matrix, mini.sole_camera(recording.name)[0], atol=1e-3)
        seen, _ = camera.project(poses.positions[:, 0].astype(float))
        assert np.abs(seen - mini.sole_pixels(recording.name)[valid]).max() < 0.1
        true = mini.truth(recording.name)[valid][:, mini.RELEVANT]
        np.testing.assert_allclose(poses.positions[:, 0, :, 2], true[..., 2], atol=0.05)
        up = camera.cam_from_world.rotation[:, 2]
        np.testing.assert_allclose(up, mini.sole_camera(recording.name)[1][:, 1], atol=1e-9)


def test_test_sets_become_captures_of_pictures(tmp_path: Path) -> None:
    root = mini.write_tests(tmp_path / "root", ("TS6",), pictures=True)
    done = prepare("mpi_inf_3dhp", root, tmp_path / "out", every=2)
    assert (done.captures, done.poses, done.views) == (("TS6",), 3, ("camera",))
    names = sorted(file.name for file in (tmp_path / "out" / "TS6" / "images" / "camera").iterdir())
    assert names == ["img_000001.jpg", "img_000004.jpg", "img_000006.jpg"]


def test_true_keypoints_triangulate_to_the_truth(filmed: Path, tmp_path: Path) -> None:
    prepare("mpi_inf_3dhp", filmed, tmp_path, Wanted(subjects=("S6",)))
    folder = tmp_path / "S6_Seq2"
    triangulate(folder, detector="truth", smooth="none")
    true = read_known_poses(folder / "truth").poses
    with np.load(folder / "poses" / "triangulated.npz") as arrays:
        assert np.abs(arrays["positions"] - true.positions)[arrays["weight"] > 0].max() < 1e-3
