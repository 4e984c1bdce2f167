"""BVH replayed by a second forward kinematics, on SciPy's rotations."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from epipose import exporters, plugins
from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.pose.bones import bone_statistics
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton, load_skeleton
from tests.bodies import as_skeleton, moving_people, without


@pytest.fixture
def bvh() -> Exporter:
    plugin: Exporter = plugins.load(exporters, "bvh")
    return plugin


def _replay(path: Path) -> tuple[dict[str, np.ndarray], float, np.ndarray]:
    """Return joint positions (frames, 3) in the file's axes, the frame time, and the channels; all joints are ZXY."""
    head, motion = path.read_text(encoding="utf-8").split("MOTION\n")
    frames, step, *rows = motion.strip().split("\n")
    channels = np.array([[float(word) for word in row.split()] for row in rows])
    assert frames == f"Frames: {len(channels)}"
    positions: dict[str, np.ndarray] = {}
    turns: list[Rotation] = []
    places: list[np.ndarray] = []
    column, name, end_site = 0, "", False
    for line in head.split("\n"):
        words = line.split()
        if words[:1] in (["ROOT"], ["JOINT"], ["End"]):
            name, end_site = words[1], words[0] == "End"
        elif words[:1] == ["OFFSET"]:
            offset = np.array([float(word) for word in words[1:]])
            place = channels[:, :3] if not places else places[-1] + turns[-1].apply(offset)
            turn = turns[-1] if turns else Rotation.identity(len(channels))
            places.append(place)
            turns.append(turn)
            if not end_site:
                positions[name] = place
        elif words[:1] == ["CHANNELS"]:
            assert words[-3:] == ["Zrotation", "Xrotation", "Yrotation"]
            column += int(words[1])
            turns[-1] = turns[-1] * Rotation.from_euler("ZXY", channels[:, column - 3 : column], degrees=True)
        elif words == ["}"]:
            places.pop()
            turns.pop()
    assert column == channels.shape[1]
    return positions, float(step.removeprefix("Frame Time: ")), channels


def _distance(replayed: dict[str, np.ndarray], poses: Poses, person: int = 0) -> np.ndarray:
    """Return how far each known joint lies from where it was, in metres; (x, y, z) of the world is (y, z, x) there."""
    seen = np.flatnonzero(np.all(poses.weight[:, person] > 0, axis=0))
    shown = np.stack([replayed[poses.skeleton.joint_names[joint]] for joint in seen], axis=1)
    return np.asarray(np.linalg.norm(shown - poses.positions[:, person, seen][..., [1, 2, 0]], axis=-1))


def test_rigid_people_are_replayed_exactly(bvh: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=50)
    files = bvh.write(tmp_path / "walk.bvh", poses)
    assert [file.name for file in files] == ["walk.bvh", "walk_person2.bvh"]
    for person, file in enumerate(files):
        replayed, step, _ = _replay(file)
        assert step == pytest.approx(1 / 29.97, rel=1e-9)
        assert np.max(_distance(replayed, poses, person)) < bvh.precision_m


@pytest.mark.parametrize("name", ["coco17", "mediapipe33", "halpe26", "openpose18"])
def test_bodies_without_a_trunk_get_a_pelvis_and_a_neck(bvh: Exporter, tmp_path: Path, name: str) -> None:
    poses = moving_people(frames=30, people=1)
    body = as_skeleton(poses, load_skeleton(name))
    replayed, _, _ = _replay(bvh.write(tmp_path / "a.bvh", body)[0])
    assert next(iter(replayed)) == "pelvis"
    assert np.max(_distance(replayed, body)) < 2 * bvh.precision_m
    hips = poses.positions[:, 0, [poses.skeleton.index("left_hip"), poses.skeleton.index("right_hip")]].mean(axis=1)
    np.testing.assert_allclose(replayed["pelvis"], hips[:, [1, 2, 0]], atol=1e-5)


def test_directions_are_kept_when_lengths_vary(bvh: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=60, people=1)
    noise = np.random.default_rng(0).normal(size=poses.positions.shape).astype(np.float32) * 0.01
    noisy = Poses(poses.positions + noise, poses.uncertainty, poses.weight, poses.times, poses.skeleton)
    replayed, _, _ = _replay(bvh.write(tmp_path / "a.bvh", noisy)[0])
    lengths = np.median(_bones(noisy)[1], axis=0)
    for bone, (parent, child) in enumerate(poses.skeleton.bones):
        ends = [replayed[poses.skeleton.joint_names[joint]] for joint in (parent, child)]
        shown = ends[1] - ends[0]
        np.testing.assert_allclose(shown, _bones(noisy)[0][:, bone][:, [1, 2, 0]] * lengths[bone], atol=1e-5)
    deepest = 6 * np.nanmax(bone_statistics(noisy).variation * bone_statistics(noisy).mean)
    assert np.mean(_distance(replayed, noisy)) < deepest


def _bones(poses: Poses) -> tuple[np.ndarray, np.ndarray]:
    parents, children = zip(*poses.skeleton.bones, strict=True)
    bones = poses.positions[:, 0, list(children)] - poses.positions[:, 0, list(parents)]
    lengths = np.linalg.norm(bones, axis=-1)
    return bones / lengths[..., None], lengths


def test_a_gap_holds_the_last_posture(bvh: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=20, people=1)
    missing = np.zeros(poses.weight.shape, bool)
    missing[8:12] = missing[:3] = True
    replayed, _, channels = _replay(bvh.write(tmp_path / "a.bvh", without(poses, missing))[0])
    np.testing.assert_array_equal(channels[8:12], np.repeat(channels[7:8], 4, axis=0))
    np.testing.assert_array_equal(channels[:3], np.repeat(channels[3:4], 3, axis=0))
    assert np.max(np.abs(replayed["nose"][12] - poses.positions[12, 0, poses.skeleton.index("nose")][[1, 2, 0]])) < 1e-5


def test_angles_do_not_jump(bvh: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=300, people=1, frame_rate=200.0)
    _, _, channels = _replay(bvh.write(tmp_path / "a.bvh", poses)[0])
    assert np.max(np.abs(np.diff(channels[:, 3:], axis=0))) < 180


def test_joints_that_were_never_seen_are_left_out_and_people_never_seen_refused(bvh: Exporter, tmp_path: Path) -> None:
    poses = moving_people(frames=9, people=1)
    missing = np.zeros(poses.weight.shape, bool)
    missing[:, :, [poses.skeleton.index("spine"), poses.skeleton.index("left_wrist")]] = True
    seen = without(poses, missing)
    replayed, _, _ = _replay(bvh.write(tmp_path / "a.bvh", seen)[0])
    assert not {"spine", "left_wrist"} & set(replayed)
    with pytest.raises(InputError, match=r"b\.bvh: this person was never seen"):
        bvh.write(tmp_path / "b.bvh", without(poses, np.ones(poses.weight.shape, bool)))
    assert not (tmp_path / "b.bvh").exists()


def test_loose_points_hang_on_the_first(bvh: Exporter, tmp_path: Path) -> None:
    skeleton = Skeleton("wand", ("tip one", "middle"), (None, None), ())
    poses = moving_people(frames=8, people=1)
    wand = Poses(poses.positions[:, :, :2], poses.uncertainty[:, :, :2], poses.weight[:, :, :2], poses.times, skeleton)
    replayed, _, _ = _replay(bvh.write(tmp_path / "a.bvh", wand)[0])
    assert list(replayed) == ["tip_one", "middle"]
    np.testing.assert_allclose(replayed["middle"], wand.positions[:, 0, 1][:, [1, 2, 0]], atol=1e-5)


def test_files_of_the_cmu_database_are_read_as_scipy_replays_them(bvh: Exporter, shared: Path) -> None:
    path = shared / "mocap" / "bvh" / "cmu_12_01_walk.bvh"
    poses = bvh.read(path)
    assert poses.frame_rate == pytest.approx(120, rel=1e-3)
    # Turned about the vertical by its own first heading, a leg of this file is one of constant length.
    thigh = [poses.skeleton.index(joint) for joint in ("LeftUpLeg", "LeftLeg")]
    lengths = np.linalg.norm(np.diff(poses.positions[:, 0, thigh], axis=1), axis=-1)
    np.testing.assert_allclose(lengths, np.linalg.norm([2.03633, -5.59477, 0]), rtol=1e-5)
    assert np.all(poses.positions[:, 0, poses.skeleton.index("Head"), 2] > poses.positions[:, 0, 0, 2])
