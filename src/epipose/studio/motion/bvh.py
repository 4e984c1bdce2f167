"""Reading BVH (Biovision hierarchy): the skeleton, its channels in whatever order, and where they bring its joints.

BVH states no unit and no axes. The skeleton at rest says which way is up (Y or Z), and the unit is the one of UNITS
that gives the legs a human length. The lowest joint of all frames (but for a hundredth of them) comes to the floor.
A first frame from which the limbs leap into the second is a pose for calibration, and is left out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.motion.clip import NEEDED, Clip, make_clip, our_joints

UNITS = (1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45)
"""Metres in a unit: metres, centimetres, millimetres, inches, and the unit of Carnegie Mellon's skeletons."""
_LEG = 0.83
_LEAP, _FEWEST = 2.0, 10
"""How much further than ever after a joint goes in a leap, and frames that are needed to say so."""
_Z_UP_FROM_Y_UP = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
_CHANNELS = {f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation")}


@dataclass(frozen=True, eq=False)
class _Joint:
    name: str
    parent: int
    offset: Float[ndarray, "3"]
    channels: tuple[str, ...]


def read_bvh(path: Path) -> Clip:
    """Return the motion of a BVH file; raises InputError, naming it, for a file that is damaged or of no person."""
    try:
        words = path.read_text(encoding="utf-8", errors="replace").split()
    except OSError as error:
        raise InputError(f"could not read {path} ({error.strerror}); check the path") from error
    if words[:1] != ["HIERARCHY"] or "MOTION" not in words:
        raise InputError(f"{path} is no BVH file: it lacks HIERARCHY or MOTION; export it again")
    motion = words.index("MOTION")
    try:
        joints = _hierarchy(words[1:motion])
        table, step = _motion(words[motion + 1 :], sum(len(joint.channels) for joint in joints))
    except (ValueError, IndexError) as error:
        raise InputError(f"{path} is damaged: {error}; export it again") from error
    positions = _placed(joints, table)
    positions = positions[_leaps(positions) :]
    names = [joint.name for joint in joints]
    return make_clip(str(path), path.stem, names, _metric(positions, _at_rest(joints), our_joints(names)), step)


def _hierarchy(words: list[str]) -> list[_Joint]:
    """Return the joints in the order of the file; the ends of chains (End Site) move nothing and are left out."""
    joints: list[_Joint] = []
    above: list[int] = []
    at = 0
    while at < len(words):
        if words[at] in ("ROOT", "JOINT"):
            name, begins, offset = _opened(words, at)
            count = int(words[begins + 1])
            channels = tuple(words[begins + 2 : begins + 2 + count])
            if words[begins] != "CHANNELS" or len(channels) != count or not set(channels) <= _CHANNELS:
                raise ValueError(f"the CHANNELS of joint {name} are not understood")
            joints.append(_Joint(name, above[-1] if above else -1, offset, channels))
            above.append(len(joints) - 1)
            at = begins + 2 + count
        elif words[at] == "End":
            at += words[at:].index("}") + 1
        elif words[at] == "}" and above:
            above.pop()
            at += 1
        else:
            raise ValueError(f"its HIERARCHY holds {words[at]!r} where a joint should begin or end")
    if above or not joints:
        raise ValueError("its HIERARCHY ends before its joints do")
    return joints


def _opened(words: list[str], at: int) -> tuple[str, int, Float[ndarray, "3"]]:
    """Return the name of the joint that begins at word `at`, where its channels begin, and its OFFSET."""
    brace = at + words[at:].index("{")
    offset = np.array(words[brace + 2 : brace + 5], float)
    if words[brace + 1] != "OFFSET" or offset.shape != (3,) or not np.all(np.isfinite(offset)):
        raise ValueError(f"joint {words[at + 1]} has no OFFSET of three numbers")
    return " ".join(words[at + 1 : brace]), brace + 5, offset


def _motion(words: list[str], width: int) -> tuple[Float[ndarray, "frames channels"], float]:
    """Return the table of channels and the seconds between frames."""
    if words[:1] != ["Frames:"] or words[2:4] != ["Frame", "Time:"]:
        raise ValueError("its MOTION does not begin with Frames: and Frame Time:")
    frames, step, numbers = int(words[1]), float(words[4]), np.array(words[5:], float)
    if frames < 1 or not 0 < step < np.inf:
        raise ValueError(f"it holds {frames} frames of {step:g} seconds")
    if len(numbers) != frames * width or not np.all(np.isfinite(numbers)):
        raise ValueError(f"it should hold {frames} rows of {width} numbers, and it holds {len(numbers)} numbers")
    return numbers.reshape(frames, width), step


def _at_rest(joints: list[_Joint]) -> Float[ndarray, "joints 3"]:
    """Return where joints are before anything moves."""
    places: list[ndarray] = []
    for joint in joints:
        places.append(joint.offset + (places[joint.parent] if joint.parent >= 0 else 0.0))
    return np.stack(places)


def _placed(joints: list[_Joint], table: Float[ndarray, "frames channels"]) -> Float[ndarray, "frames joints 3"]:
    """Return where the channels bring each joint; channels of position stand instead of the joint's offset."""
    turns: list[ndarray] = []
    places: list[ndarray] = []
    start = 0
    for joint in joints:
        turn = np.broadcast_to(np.eye(3), (len(table), 3, 3))
        shift = np.tile(joint.offset, (len(table), 1))
        for channel, values in zip(joint.channels, table[:, start : start + len(joint.channels)].T, strict=True):
            axis = "XYZ".index(channel[0])
            if channel.endswith("position"):
                shift[:, axis] = values
            else:
                turn = turn @ rotation_from_rotvec(np.radians(values)[:, None] * np.eye(3)[axis])
        start += len(joint.channels)
        if joint.parent >= 0:
            shift = places[joint.parent] + (turns[joint.parent] @ shift[..., None])[..., 0]
            turn = turns[joint.parent] @ turn
        turns.append(turn)
        places.append(shift)
    return np.stack(places, axis=1)


def _leaps(positions: Float[ndarray, "frames joints 3"]) -> int:
    """Return 1 if the first frame is another pose than the motion begins with, and 0 otherwise."""
    way = np.linalg.norm(np.diff(positions - positions[:, :1], axis=0), axis=-1).max(axis=-1)
    return int(len(way) > _FEWEST and way[0] > _LEAP * way[1:].max())


def _metric(
    positions: Float[ndarray, "frames joints 3"], rest: Float[ndarray, "joints 3"], own: dict[str, int]
) -> Float[ndarray, "frames joints 3"]:
    """Return `positions` in metres, Z up, on the floor; as they are if they are not those of a person."""
    if not set(NEEDED) <= set(own):
        return positions
    sides = [
        {part: own[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "shoulder")} for side in ("left", "right")
    ]
    up = sum(rest[side["shoulder"]] - rest[side["ankle"]] for side in sides)
    if abs(up[1]) >= abs(up[2]):
        positions = positions @ _Z_UP_FROM_Y_UP.T
    bones = [(side[a], side[b]) for side in sides for a, b in (("hip", "knee"), ("knee", "ankle"))]
    leg = sum(float(np.linalg.norm(rest[a] - rest[b])) for a, b in bones) / 2
    unit = min(UNITS, key=lambda metres: abs(np.log(max(metres * leg, 1e-9) / _LEG)))
    positions = positions * unit
    low = np.percentile(positions[..., 2].min(axis=1), 1)
    return np.asarray(positions - np.array([0.0, 0.0, low]))
