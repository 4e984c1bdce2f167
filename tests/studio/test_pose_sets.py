"""Sets of poses: of bodies that differ, on the floor, whole clips held out, the same for the same seed."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.pose.bones import bone_lengths
from epipose.studio.bodies import JOINTS
from epipose.studio.motion.clip import Clip
from epipose.studio.motion.clips import read_clips
from epipose.studio.pose_sets import TAKE, PoseSet, make_pose_set, read_pose_set, write_pose_set

NAMES = ("amp_walk", "amp_hop", "amp_cartwheel", "cmueval_test_walking_1")


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def clips(shared: Path) -> list[Clip]:
    return [clip for clip in read_clips(shared / "mocap" / "mocap_joints.npz") if clip.name in NAMES]


@pytest.fixture(scope="module")
def made(clips: list[Clip]) -> tuple[PoseSet, list[str]]:
    notes: list[str] = []
    return make_pose_set(400, clips, 3, ["cmueval_test", "amp_hop"], notes.append), notes


def test_holds_as_many_poses_as_asked_of_every_kind(made: tuple[PoseSet, list[str]]) -> None:
    poses, _ = made
    assert poses.positions.shape == (400, 21, 3)
    kinds = np.array([name.partition(" ")[0] for name in poses.sources])[poses.source]
    assert {kind: int((kinds == kind).sum()) for kind in ("made-up", "random")} == {"made-up": 80, "random": 120}
    assert np.bincount(poses.source[np.isin(kinds, ["made-up", "random"])]).max() == TAKE


def test_bodies_differ_in_size_and_shape_and_stand_on_the_floor(made: tuple[PoseSet, list[str]]) -> None:
    poses, _ = made
    lengths = bone_lengths(poses.positions.astype(float), poses.skeleton)
    # Bones of one pose over their usual lengths: a body's size, and by how much its bones differ from that.
    relative = np.log(lengths / np.median(lengths, axis=0))
    assert relative.mean(axis=1).std() > 0.04
    assert (relative - relative.mean(axis=1, keepdims=True)).std() > 0.02
    limbs = [joint for joint, name in enumerate(JOINTS) if name.endswith(("ankle", "wrist", "knee"))]
    assert np.median(poses.positions[:, limbs, 2].min(axis=1)) == pytest.approx(0.07, abs=0.05)


def test_whole_clips_are_held_out_and_those_that_no_body_follows_left_out(made: tuple[PoseSet, list[str]]) -> None:
    poses, notes = made
    held_out = {name for name, test in zip(poses.sources, poses.held_out, strict=True) if test}
    assert "amp_cartwheel" not in poses.sources
    assert any("amp_cartwheel is left out" in note for note in notes)
    assert {"cmueval_test_walking_1", "amp_hop"} <= held_out
    assert "amp_walk" in set(poses.sources) - held_out
    tests, others = poses.part(held_out=True), poses.part(held_out=False)
    assert len(tests) + len(others) == 400
    assert not (tests.reshape(len(tests), 1, -1) == others.reshape(1, len(others), -1)).all(axis=2).any()


def test_the_seed_decides_and_a_file_keeps_everything(tmp_path: Path) -> None:
    poses = make_pose_set(70, [], 5, note=quiet)
    write_pose_set(tmp_path / "poses.npz", poses)
    again = read_pose_set(tmp_path / "poses.npz")
    for other in (again, make_pose_set(70, [], 5, note=quiet)):
        np.testing.assert_array_equal(other.positions, poses.positions)
        np.testing.assert_array_equal(other.source, poses.source)
        np.testing.assert_array_equal(other.held_out, poses.held_out)
        assert (other.sources, other.skeleton) == (poses.sources, poses.skeleton)
    assert not np.array_equal(make_pose_set(70, [], 6, note=quiet).positions, poses.positions)


def test_refuses_what_cannot_be(tmp_path: Path, clips: list[Clip]) -> None:
    with pytest.raises(InputError, match="no clip nobody to hold out"):
        make_pose_set(10, clips, 0, ["nobody"], quiet)
    with pytest.raises(InputError, match="teaches nothing"):
        make_pose_set(0, [], 0, note=quiet)
    path = tmp_path / "poses.npz"
    write_pose_set(path, make_pose_set(10, [], 0, note=quiet))
    with np.load(path) as archive:
        arrays = dict(archive)
    for name, wrong in (
        ("positions", arrays["positions"][:, :20]),
        ("positions", arrays["positions"] * np.float32(np.nan)),
        ("source", arrays["source"] + np.int32(99)),
        ("held_out", arrays["held_out"].astype(float)),
        ("skeleton", np.array("nobody")),
        ("sources", None),
    ):
        changed = {key: array for key, array in {**arrays, name: wrong}.items() if array is not None}
        np.savez(path, **changed)
        with pytest.raises(InputError):
            read_pose_set(path)
