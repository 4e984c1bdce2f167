"""Reading BVH: the hierarchy, the channels in whatever order, and forward kinematics."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.exporters._common import poses_from_positions, reading, z_up
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

_NO_LENGTH = 1e-9


@dataclass(frozen=True, eq=False)
class _Joint:
    name: str
    parent: int | None
    offset: Float[ndarray, "3"]
    channels: tuple[str, ...]


def read(path: Path) -> Poses:
    """Return the joints of a BVH file, in its own length unit, turned from Y up to Z up; end sites are left out."""
    with reading(path, "BVH"):
        words = path.read_text(encoding="utf-8").split()
        motion = words.index("MOTION")
        joints = _hierarchy(words[:motion])
        frames, step, numbers = int(words[motion + 2]), float(words[motion + 5]), words[motion + 6 :]
        width = sum(len(joint.channels) for joint in joints)
        if frames < 1 or not step > 0 or len(numbers) != frames * width:
            raise InputError(f"it should hold {frames} frames of {width} channels")
        positions = _forward(joints, np.array(numbers, dtype=float).reshape(frames, width))
        kept = [i for i, j in enumerate(joints) if j.parent is None or np.linalg.norm(j.offset) > _NO_LENGTH]
        return poses_from_positions(z_up(positions[:, None, kept]), np.arange(frames) * step, _skeleton(joints, kept))


def _hierarchy(words: list[str]) -> list[_Joint]:
    joints: list[_Joint] = []
    above: list[int] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word in {"ROOT", "JOINT"}:
            name = words[at + 1]
            offset = np.array(words[at + 4 : at + 7], dtype=float)
            count = int(words[at + 8])
            if (
                words[at + 2 : at + 4] != ["{", "OFFSET"]
                or words[at + 7] != "CHANNELS"
                or (word == "ROOT") != (not joints)
            ):
                raise InputError(f"its joint {name} does not begin with OFFSET and CHANNELS")
            joints.append(_Joint(name, above[-1] if above else None, offset, tuple(words[at + 9 : at + 9 + count])))
            above.append(len(joints) - 1)
            at += 9 + count
        elif word == "End":
            at += 8
        elif word == "}":
            above.pop()
            at += 1
        else:
            at += 1
    return joints


def _forward(joints: list[_Joint], channels: Float[ndarray, "frames channels"]) -> Float[ndarray, "frames joints 3"]:
    rotations: list[ndarray] = []
    positions: list[ndarray] = []
    start = 0
    for joint in joints:
        local, shift = np.broadcast_to(np.eye(3), (len(channels), 3, 3)), np.tile(joint.offset, (len(channels), 1))
        for channel, values in zip(joint.channels, channels[:, start:].T, strict=False):
            axis = "XYZ".index(channel[0])
            if channel[1:] == "position":
                shift[:, axis] = values if joint.parent is None else joint.offset[axis] + values
            else:
                local = local @ rotation_from_rotvec(np.radians(values)[:, None] * np.eye(3)[axis])
        start += len(joint.channels)
        turn = local if joint.parent is None else rotations[joint.parent] @ local
        place = (
            shift
            if joint.parent is None
            else positions[joint.parent] + (rotations[joint.parent] @ shift[..., None])[..., 0]
        )
        rotations.append(turn)
        positions.append(place)
    return np.stack(positions, axis=1)


def _skeleton(joints: list[_Joint], kept: list[int]) -> Skeleton:
    names = tuple(joint.name for joint in joints)
    parents = tuple(None if joint.parent is None else names[joint.parent] for joint in joints)
    whole = Skeleton("bvh", names, parents, ())
    return whole.subset([names[joint] for joint in kept])
