"""BVH (Biovision hierarchy) as it is written: joints, their channels in whatever order, and where these bring them.

BVH states no unit and no axes; what it means is up to who reads it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rotations import rotation_from_rotvec

_CHANNELS = {f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation")}


@dataclass(frozen=True, eq=False)
class BvhJoint:
    """One joint of a hierarchy."""

    name: str
    parent: int
    """Its index, or -1 for a root."""
    offset: Float[ndarray, "3"]
    """From its parent, before anything moves."""
    channels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Bvh:
    """A BVH file, in its own unit and axes."""

    joints: tuple[BvhJoint, ...]
    """In the order of the file; the ends of chains (End Site) move nothing and are left out."""
    table: Float[ndarray, "frames channels"]
    step: float
    """Seconds between frames."""

    @property
    def rest(self) -> Float[ndarray, "joints 3"]:
        """Where joints are before anything moves."""
        places: list[ndarray] = []
        for joint in self.joints:
            places.append(joint.offset + (places[joint.parent] if joint.parent >= 0 else 0.0))
        return np.stack(places)

    def positions(self) -> Float[ndarray, "frames joints 3"]:
        """Return where the channels bring each joint; channels of position stand instead of the joint's offset."""
        table = self.table
        turns: list[ndarray] = []
        places: list[ndarray] = []
        start = 0
        for joint in self.joints:
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


def read_bvh_file(path: Path) -> Bvh:
    """Return what a BVH file holds; raises InputError, naming it, for one that is damaged."""
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
    return Bvh(tuple(joints), table, step)


def _hierarchy(words: list[str]) -> list[BvhJoint]:
    """Return the joints in the order of the file; the ends of chains (End Site) move nothing and are left out."""
    joints: list[BvhJoint] = []
    above: list[int] = []
    at = 0
    while at < len(words):
        if words[at] in ("ROOT", "JOINT"):
            name, begins, offset = _opened(words, at)
            count = int(words[begins + 1])
            channels = tuple(words[begins + 2 : begins + 2 + count])
            if words[begins] != "CHANNELS" or len(channels) != count or not set(channels) <= _CHANNELS:
                raise ValueError(f"the CHANNELS of joint {name} are not understood")
            joints.append(BvhJoint(name, above[-1] if above else -1, offset, channels))
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
