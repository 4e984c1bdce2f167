import json
from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.studio.motion.clip import NEEDED, make_clip, our_joints
from epipose.studio.motion.clips import read_clips

NAMES = {
    "mixamo": ["mixamorig:Hips", "mixamorig:LeftUpLeg", "mixamorig:LeftLeg", "mixamorig:LeftFoot"],
    "poser": ["hip", "lThigh", "lShin", "lFoot"],
    "biped": ["Bip01 Pelvis", "Bip01 L Thigh", "Bip01 L Calf", "Bip01 L Foot"],
    "blender": ["pelvis", "thigh.L", "shin.L", "foot.L"],
    "smpl": ["pelvis", "left_hip", "left_knee", "left_ankle"],
    "lower": ["hips", "leftupleg", "leftleg", "leftfoot"],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_knows_joints_by_the_names_of_many_programs(names: list[str]) -> None:
    assert our_joints(names) == {"left_hip": 1, "left_knee": 2, "left_ankle": 3}


def test_a_shoulder_is_a_collar_bone_where_there_is_an_arm() -> None:
    assert our_joints(["LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand"])["left_shoulder"] == 1
    assert our_joints(["left_shoulder", "left_elbow", "left_wrist"])["left_shoulder"] == 0
    assert our_joints(["left_ankle", "left_foot"]) == {"left_ankle": 0}


def test_reads_every_recorded_clip(shared: Path) -> None:
    clips = read_clips(shared / "mocap")
    assert len(clips) == 57
    assert sum(len(clip.times) for clip in clips) == 12_870
    for clip in clips:
        assert set(NEEDED) <= set(clip.joint_names)
        assert np.all(np.isfinite(clip.positions))
        assert 10 < 1 / clip.times[1] < 61
        # Left and right are told apart: seen along the way from the right hip to the left, toes point to one side.
        if "left_toe" in clip.joint_names:
            across = clip.joint("left_hip") - clip.joint("right_hip")
            ahead = np.cross(across, [0, 0, 1])
            toes = clip.joint("left_toe") - clip.joint("left_ankle")
            assert np.median(np.sum(ahead * toes, axis=1)) > 0
    assert "left_toe" not in next(clip for clip in clips if clip.name == "amp_walk").joint_names
    assert [clip.name for clip in read_clips(shared / "mocap" / "bvh")] == ["cmu_01_01", "cmu_12_01_walk", "cmu_131_01"]


def archive(path: Path, **changed: object) -> Path:
    arrays: dict[str, object] = {
        "joint_names": np.array(NEEDED),
        "meta": np.array(json.dumps([{"name": "a", "fps": 30}])),
        "a": np.random.default_rng(0).normal(size=(5, len(NEEDED), 3)).astype(np.float32),
    }
    arrays.update(changed)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"joint_names": None}, "lacks joint_names"),
        ({"meta": None}, "lacks joint_names or meta"),
        ({"meta": np.array("{}")}, "name and fps"),
        ({"meta": np.array("nonsense")}, "name and fps"),
        ({"meta": np.array('[{"name": "a"}]')}, "name and fps"),
        ({"meta": np.array('[{"name": "a", "fps": 0}]')}, "positive"),
        ({"meta": np.array('[{"name": "b", "fps": 30}]')}, "clip a.*no fps"),
        ({"joint_names": np.arange(12)}, "joint_names"),
        ({"a": None}, "no clip"),
        ({"a": np.zeros((5, 3, 3))}, "clip a"),
        ({"a": np.zeros((0, len(NEEDED), 3))}, "zero frames"),
        ({"a": np.full((5, len(NEEDED), 3), np.nan)}, "left_hip"),
        ({"joint_names": np.array([f"j{index}" for index in range(len(NEEDED))])}, "left_hip.*right_wrist"),
    ],
)
def test_refuses_bad_archives_by_name(tmp_path: Path, changed: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_clips(archive(tmp_path / "bad.npz", **changed))
    assert "bad.npz" in str(error.value)


def test_reads_one_archive(tmp_path: Path) -> None:
    (clip,) = read_clips(archive(tmp_path / "good.npz"))
    assert (clip.name, len(clip.times)) == ("a", 5)


def test_refuses_folders_without_motion(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no"):
        read_clips(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="holds no motion"):
        read_clips(tmp_path)


def test_joints_in_one_place_are_refused() -> None:
    positions = np.random.default_rng(0).normal(size=(20, len(NEEDED), 3))
    assert make_clip("a.npz", "a", NEEDED, positions, 0.04).positions.shape == positions.shape
    for name, other in (("left_hip", "right_hip"), ("left_knee", "left_hip"), ("right_wrist", "right_elbow")):
        wrong = positions.copy()
        wrong[7, NEEDED.index(name)] = wrong[7, NEEDED.index(other)]
        with pytest.raises(InputError, match=r"a\.npz has .* in one place"):
            make_clip("a.npz", "a", NEEDED, wrong, 0.04)
    with pytest.raises(InputError, match="in one place"):
        make_clip("a.npz", "a", NEEDED, np.zeros_like(positions), 0.04)
