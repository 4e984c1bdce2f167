from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from epipose.errors import InputError
from epipose.exporters.bvh import BvhExporter
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import load_skeleton
from epipose.studio.motion.bvh import read_bvh
from epipose.studio.motion.clip import NEEDED, Clip
from epipose.studio.motion.clips import read_clips

CHAINS = [
    ("Hips", None, (0.0, 0.0, 0.0)),
    *((f"{side}UpLeg", "Hips", (sign * 9.0, -4.0, 1.0)) for side, sign in (("Left", 1), ("Right", -1))),
    *((f"{side}Leg", f"{side}UpLeg", (0.0, -41.0, 1.0)) for side in ("Left", "Right")),
    *((f"{side}Foot", f"{side}Leg", (1.0, -42.0, -2.0)) for side in ("Left", "Right")),
    *((f"{side}Shoulder", "Hips", (sign * 3.0, 48.0, 0.0)) for side, sign in (("Left", 1), ("Right", -1))),
    *((f"{side}Arm", f"{side}Shoulder", (sign * 14.0, 0.0, 0.0)) for side, sign in (("Left", 1), ("Right", -1))),
    *((f"{side}ForeArm", f"{side}Arm", (sign * 28.0, 0.0, 0.0)) for side, sign in (("Left", 1), ("Right", -1))),
    *((f"{side}Hand", f"{side}ForeArm", (sign * 25.0, 0.0, 1.0)) for side, sign in (("Left", 1), ("Right", -1))),
]
OURS = {"UpLeg": "hip", "Leg": "knee", "Foot": "ankle", "Arm": "shoulder", "ForeArm": "elbow", "Hand": "wrist"}


def written(order: str, rng: np.random.Generator, frames: int = 4) -> tuple[str, dict[str, np.ndarray]]:
    """Return a BVH file of CHAINS in centimetres, and where SciPy's rotations bring each of its joints."""
    children = {name: [child for child, parent, _ in CHAINS if parent == name] for name, _, _ in CHAINS}
    offsets = {name: np.array(offset) for name, _, offset in CHAINS}
    lines, rows, places = ["HIERARCHY"], [np.zeros((frames, 0))], {}

    def add(name: str, place: np.ndarray, turn: Rotation) -> None:
        root = name == "Hips"
        angles = rng.uniform(-80, 80, (frames, 3))
        shift = rng.normal(0, 30, (frames, 3)) if root else np.tile(offsets[name], (frames, 1))
        channels = "Zposition Xposition Yposition " if root else ""
        channels += " ".join(f"{axis}rotation" for axis in order)
        lines.append(f"{'ROOT' if root else 'JOINT'} {name}\n{{\nOFFSET {' '.join(map(str, offsets[name].tolist()))}")
        lines.append(f"CHANNELS {6 if root else 3} {channels}")
        rows.append(np.concatenate([shift[:, [2, 0, 1]], angles], axis=1) if root else angles)
        places[name] = place + turn.apply(shift)
        turn = turn * Rotation.from_euler(order.upper(), angles, degrees=True)
        for child in children[name]:
            add(child, places[name], turn)
        lines.append("}" if children[name] else "End Site\n{\nOFFSET 0 1 0\n}\n}")

    add("Hips", np.zeros((frames, 3)), Rotation.identity(frames))
    table = "\n".join(" ".join(f"{number:.9f}" for number in row) for row in np.concatenate(rows, axis=1).tolist())
    return "\n".join([*lines, f"MOTION\nFrames: {frames}\nFrame Time: 0.04", table, ""]), places


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YZX", "ZYX"])
def test_brings_joints_where_scipy_does_whatever_the_order_of_channels(tmp_path: Path, order: str) -> None:
    text, places = written(order, np.random.default_rng(5))
    (tmp_path / "a.bvh").write_text(text)
    clip = read_bvh(tmp_path / "a.bvh")
    expected = {
        f"{side.lower()}_{ours}": 0.01 * places[f"{side}{theirs}"][:, [2, 0, 1]]
        for side in ("Left", "Right")
        for theirs, ours in OURS.items()
    }
    floor = clip.joint("left_hip")[0, 2] - expected["left_hip"][0, 2]
    for name, place in expected.items():
        np.testing.assert_allclose(clip.joint(name), place + np.array([0, 0, floor]), atol=1e-6)
    np.testing.assert_allclose(clip.times, [0, 0.04, 0.08, 0.12])


def test_reads_what_our_exporter_wrote(tmp_path: Path, shared: Path) -> None:
    clip = next(c for c in read_clips(shared / "mocap" / "mocap_joints.npz") if c.name == "cmu_131_02_walk_mj")
    skeleton = load_skeleton("coco17").subset([*NEEDED, "nose"])
    positions = np.stack([clip.joint("head" if name == "nose" else name) for name in skeleton.joint_names], axis=1)
    weight = np.ones((*positions.shape[:1], 1, len(skeleton.joint_names)), np.float32)
    poses = Poses(positions[:, None].astype(np.float32), 0 * weight, weight, clip.times, skeleton)
    BvhExporter().write(tmp_path / "a.bvh", poses)
    again = read_bvh(tmp_path / "a.bvh")
    # Both are on their own floors.
    gap = again.joint("left_hip")[0] - clip.joint("left_hip")[0]
    for name in NEEDED:
        np.testing.assert_allclose(again.joint(name), clip.joint(name) + gap, atol=0.01)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("cmu_01_01", "cmu_01_01_playground_jumps"),
        ("cmu_12_01_walk", "cmu_12_01_walk"),
        ("cmu_131_01", "cmu_131_01_walk_hop_mj"),
    ],
)
def test_agrees_with_another_reader_on_recorded_files(shared: Path, file: str, name: str) -> None:
    """The archive's clips were made of these files, at every fourth frame from the second, by a program not ours."""
    own = read_bvh(shared / "mocap" / "bvh" / f"{file}.bvh")
    other = next(clip for clip in read_clips(shared / "mocap" / "mocap_joints.npz") if clip.name == name)

    def distances(clip: Clip, frames: slice) -> np.ndarray:
        joints = np.stack([clip.joint(joint) for joint in NEEDED], axis=1)[frames]
        return np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)

    start = 1 if file == "cmu_131_01" else 0
    ours, theirs = distances(own, slice(start, None, 4)), distances(other, slice(None))
    count = min(len(ours), len(theirs))
    assert count >= len(theirs) - 1
    np.testing.assert_allclose(ours[:count], theirs[:count], atol=1e-3)
    assert own.times[1] == pytest.approx(1 / 120, rel=1e-3)


def test_leaves_out_a_first_frame_for_calibration(shared: Path) -> None:
    """Carnegie Mellon's files begin with a T-pose, but for one of ours."""
    folder = shared / "mocap" / "bvh"
    kept = {path.stem: len(read_bvh(path).times) for path in sorted(folder.iterdir())}
    assert kept == {"cmu_01_01": 2751, "cmu_12_01_walk": 523, "cmu_131_01": 994}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("HIERARCHY", "HELLO", "no BVH file"),
        ("Frames: 4", "Frames: 0", "0 frames"),
        ("Frames: 4", "Frames: 5", "5 rows"),
        ("Frame Time: 0.04", "Frame Time: nan", "nan seconds"),
        ("Frame Time: 0.04\n", "Frame Time: 0.04\nfoo ", "foo"),
        ("Frame Time: 0.04\n", "Frame Time: 0.04\n1.5 ", "damaged"),
        ("Zrotation", "Wrotation", "CHANNELS"),
        ("OFFSET 9.0 -4.0 1.0", "OFFSET 9.0 x 1.0", "damaged"),
        ("OFFSET 9.0 -4.0 1.0", "OFFSET 9.0 -4.0 inf", "LeftUpLeg"),
        ("LeftForeArm", "LeftBranch", "left_elbow"),
        ("RightUpLeg", "RightBranch", "right_hip"),
        ("}\nMOTION", "MOTION", "ends before"),
        ("MOTION", "}\nMOTION", "begin or end"),
    ],
)
def test_refuses_damaged_files_by_name(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text, _ = written("ZXY", np.random.default_rng(0))
    assert old in text
    path = tmp_path / "bad.bvh"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=reason) as error:
        read_bvh(path)
    assert "bad.bvh" in str(error.value)


def test_refuses_a_file_cut_off_anywhere(tmp_path: Path) -> None:
    text, _ = written("ZXY", np.random.default_rng(0))
    path = tmp_path / "cut.bvh"
    for end in range(0, len(text) - 14, 97):
        path.write_text(text[:end])
        with pytest.raises(InputError, match=r"cut\.bvh"):
            read_bvh(path)


def test_positions_for_every_joint_change_nothing_but_where_offsets_are_told(tmp_path: Path) -> None:
    lines = written("ZXY", np.random.default_rng(5))[0].splitlines()
    offsets = [line.removeprefix("OFFSET ") for line in lines if line.startswith("OFFSET ")]
    offsets = [offset for offset in offsets if offset != "0 1 0"]
    begin = lines.index("Frame Time: 0.04") + 1
    rows = [line.split() for line in lines[begin:] if line]
    longer = []
    for row in rows:
        after = [row[6 + 3 * k : 9 + 3 * k] for k in range(len(offsets) - 1)]
        longer.append(
            " ".join(row[:6] + [n for o, angles in zip(offsets[1:], after, strict=True) for n in (*o.split(), *angles)])
        )
    three = "CHANNELS 3 Zrotation Xrotation Yrotation"
    six = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    told = [six if line == three else line for line in lines[:begin]]
    (tmp_path / "a.bvh").write_text("\n".join(lines))
    (tmp_path / "b.bvh").write_text("\n".join([*told, *longer, ""]))
    one, other = (read_bvh(tmp_path / f"{name}.bvh") for name in "ab")
    np.testing.assert_allclose(other.positions, one.positions, atol=1e-9)
