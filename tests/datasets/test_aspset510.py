"""ASPset-510: a world in the axes of one camera made upright, clips of C3D, and a pose of the data set itself."""

from pathlib import Path

import numpy as np
import pytest

from epipose.datasets import Recording, Wanted
from epipose.datasets.aspset510 import PLUGIN
from epipose.errors import InputError
from epipose.io.camera_files import read_cameras
from epipose.io.recorded_truth import read_known_poses
from epipose.pipeline.prepare import prepare
from epipose.pose.skeletons import load_skeleton
from tests.datasets import aspset510_miniature as mini

ORDER = [mini.JOINTS.index(joint) for joint in load_skeleton("mpi_inf_3dhp17").joint_names]
"""Of the joints, which are those of MPI-INF-3DHP."""
ALL = [*mini.CLIPS["trainval"], *mini.CLIPS["test"]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini.write(tmp_path_factory.mktemp("aspset") / "ASPset-510")


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini.write(tmp_path_factory.mktemp("aspset"), ("04ac-0001", "1e28-0001"), videos=True)


def recordings(root: Path, **wanted: object) -> dict[str, Recording]:
    found, _ = PLUGIN.recordings(root, Wanted(**wanted))
    return {recording.name: recording for recording in found}


def test_joints_reproject_onto_what_the_cameras_filmed(root: Path) -> None:
    found = recordings(root)
    assert list(found) == ALL
    for clip, recording in found.items():
        poses = recording.read().poses
        assert poses.skeleton == load_skeleton("mpi_inf_3dhp17")
        known = poses.weight[:, 0] > 0
        assert set(recording.cameras) == ({mini.TEST_VIEW} if clip in mini.CLIPS["test"] else set(mini.VIEWS))
        for view, camera in recording.cameras.items():
            assert camera.size_wh == mini.SIZE
            seen, valid = camera.project(poses.positions[:, 0].astype(float))
            assert valid[known].all()
            assert np.abs(seen - mini.pixels(clip, view)[:, ORDER])[known].max() < 0.1


def test_a_pose_of_the_data_set_itself_lies_where_the_official_programs_see_it(tmp_path: Path) -> None:
    mini.write_c3d(tmp_path / "trainval/joints_3d/04ac/04ac-0026.c3d", np.array([mini.REAL_JOINTS] * 2))
    cameras = tmp_path / "trainval" / "cameras" / "04ac"
    mini.write_camera(cameras / "04ac-right.json", np.array(mini.REAL_INTRINSIC), np.array(mini.REAL_EXTRINSIC))
    # The left camera is the origin; its lens does not matter here.
    mini.write_camera(cameras / "04ac-left.json", np.array(mini.REAL_INTRINSIC), np.eye(4))
    recording = recordings(tmp_path)["04ac-0026"]
    poses = recording.read().poses
    seen, _ = recording.cameras["right"].project(poses.positions[0, 0].astype(float))
    assert np.abs(seen - np.array(mini.REAL_PIXELS)[ORDER]).max() < 0.1
    joints = dict(zip(poses.skeleton.joint_names, poses.positions[0, 0], strict=True))
    body = joints["neck"] - joints["pelvis"]
    assert body[2] / np.linalg.norm(body) > 0.98
    assert 1.4 < joints["head_top"][2] < 1.9
    assert min(joints["left_ankle"][2], joints["right_ankle"][2]) == pytest.approx(0.08, abs=1e-3)
    assert all(0.5 < camera.centre[2] < 3 for camera in recording.cameras.values())


def test_level_tripods_tell_which_way_is_up_and_feet_where_the_floor_is(root: Path) -> None:
    """The cameras look up and down by some degrees, each by its own."""
    for clip in mini.CLIPS["trainval"]:
        recording = recordings(root)[clip]
        for view, camera in recording.cameras.items():
            rotation, centre = mini.placed(view)
            np.testing.assert_allclose(camera.cam_from_world.rotation[:, 2], rotation[:, 2], atol=1e-9)
            assert camera.centre[2] == pytest.approx(centre[2], abs=0.05)
        poses = recording.read().poses
        known = poses.weight[:, 0] > 0
        np.testing.assert_allclose(poses.positions[:, 0, :, 2][known], mini.truth(clip)[:, ORDER, 2][known], atol=0.05)
    worlds = [recordings(root)[clip].cameras["left"].cam_from_world.matrix for clip in ("04ac-0001", "04ac-0002")]
    np.testing.assert_array_equal(*worlds)


def test_people_have_left_on_their_left(root: Path) -> None:
    for recording in recordings(root).values():
        poses = recording.read().poses
        joints = dict(zip(poses.skeleton.joint_names, poses.positions[:, 0].swapaxes(0, 1), strict=True))
        left = joints["left_hip"] - joints["right_hip"]
        true = dict(zip(mini.JOINTS, mini.truth(recording.name).swapaxes(0, 1), strict=True))
        # The turn from the true world to this one is about the vertical: it keeps what is left of where arms point.
        for found, known in ((joints, left), (true, true["left_hip"] - true["right_hip"])):
            arm = found["right_wrist"] - found["pelvis"]
            found["side"] = (np.cross([0, 0, 1.0], arm) * known).sum(axis=1)
        np.testing.assert_allclose(joints["side"], true["side"], atol=0.02)


def test_missing_joints_have_no_weight(root: Path) -> None:
    clip, frame, joint = mini.MISSING
    weight = recordings(root)[clip].read().poses.weight
    assert weight[frame, 0, ORDER.index(mini.JOINTS.index(joint))] == 0
    assert weight.sum() == weight.size - 1


def test_clips_become_captures_of_videos_at_50_per_second(filmed: Path, tmp_path: Path) -> None:
    done = prepare("aspset510", filmed, tmp_path)
    assert done.captures == ("04ac-0001", "1e28-0001")
    assert done.notes == ("1e28 has one camera, which is taken as level: nothing else says which way is up",)
    for clip in done.captures:
        known = read_known_poses(tmp_path / clip / "truth")
        np.testing.assert_allclose(known.poses.times, np.arange(mini.FRAMES) / 50, atol=1e-6)
        links = sorted(file.name for file in (tmp_path / clip / "videos").iterdir())
        assert links == sorted(f"{view}.mkv" for view in read_cameras(tmp_path / clip / "cameras.toml").cameras)


def test_subjects_and_clips_can_be_chosen(root: Path) -> None:
    assert list(recordings(root, subjects=("04AC",))) == ["04ac-0001", "04ac-0002"]
    assert list(recordings(root, actions=("0001",))) == ["04ac-0001", "1bc2-0001", "1e28-0001"]
    with pytest.raises(InputError, match="nothing of subject S1; it has 1bc2, 1e28, 04ac"):
        recordings(root, subjects=("S1",))
    with pytest.raises(InputError, match="nothing of clip 0030; it has 0001, 0002"):
        recordings(root, actions=("0030",))
    with pytest.raises(InputError, match="left to prepare; ask for other subjects or clips"):
        recordings(root, subjects=("1bc2",), actions=("0002",))
