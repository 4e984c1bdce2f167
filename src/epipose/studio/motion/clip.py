"""One recorded motion: the joints of a person over time, under names of our own whatever their program calls them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.joint_names import plain_name

_SIDED = {
    "hip": ("up_leg", "upleg", "upper_leg", "thigh", "hip"),
    "knee": ("low_leg", "lower_leg", "shin", "calf", "knee", "leg"),
    "ankle": ("ankle", "foot"),
    "toe": ("toe_base", "toebase", "toe", "toes", "toe0", "ball", "foot_index"),
    "shoulder": ("up_arm", "upper_arm", "uparm", "upperarm", "shldr", "arm", "shoulder"),
    "elbow": ("fore_arm", "forearm", "low_arm", "lower_arm", "lowerarm", "elbow"),
    "wrist": ("wrist", "hand"),
}
"""What programs call each joint, the surest first: a program's "shoulder" is a collar bone where it has an "arm"."""
_MIDDLE = {
    "spine": ("chest", "spine1", "spine_1", "spine", "abdomen"),
    "head": ("head",),
}
NEEDED = tuple(
    f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)
"""The joints that every clip has; the toes of both sides, `spine` and `head` are taken where they are known."""
_APART = (
    *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right")
      for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "shoulder"))),
    ("left_hip", "right_hip"),
    ("left_shoulder", "right_shoulder"),
)  # fmt: skip
"""Joints that are never in one place."""
_SAME_PLACE = 1e-3
"""Share of a person's size under which two joints are in one place."""
_PREFIX = re.compile(r"^(.*:|mixamorig\d*_|bip\d+[ _])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Clip:
    """A person's joints over time: metres, Z up, the floor near 0. No NaN: joints not always known are left out."""

    name: str
    joint_names: tuple[str, ...]
    positions: Float[ndarray, "frames joints 3"]
    times: Float[ndarray, "frames"]
    """Seconds from 0."""

    def joint(self, name: str) -> Float[ndarray, "frames 3"]:
        """Return where the joint `name` is over time."""
        return self.positions[:, self.joint_names.index(name)]


def make_clip(
    where: str, name: str, joints: Sequence[str], positions: Float[ndarray, "frames joints 3"], step: float
) -> Clip:
    """Return the clip of `positions` (Z up) of joints as their program calls them, one frame every `step` seconds.

    Raises InputError, which begins with `where`, for too few joints or none that is known in every frame.
    """
    if len(positions) == 0:
        raise InputError(f"{where} holds zero frames; give a clip that moves")
    own = our_joints(joints)
    found = {joint: positions[:, at] for joint, at in own.items() if np.all(np.isfinite(positions[:, at]))}
    missing = [joint for joint in NEEDED if joint not in found]
    if missing:
        raise InputError(f"{where} lacks the joints {', '.join(missing)} of a person; give a clip of a whole body")
    for joint, other in _APART:
        if np.any(np.linalg.norm(found[joint] - found[other], axis=-1) < _SAME_PLACE * _extent(found)):
            raise InputError(f"{where} has {joint} and {other} in one place; give a clip of a whole body")
    known = tuple(found)
    return Clip(name, known, np.stack([found[joint] for joint in known], axis=1), np.arange(len(positions)) * step)


def _extent(joints: Mapping[str, Float[ndarray, "frames 3"]]) -> float:
    """Return about how large a person is: from the hips to the ankles and to the shoulders, or 1 if not even that."""
    ways = [np.linalg.norm(joints["left_hip"] - joints[f"left_{end}"], axis=-1) for end in ("ankle", "shoulder")]
    return float(sum(np.median(way) for way in ways)) or 1.0


def our_joints(names: Sequence[str]) -> dict[str, int]:
    """Return where in `names`, as some program calls its joints, each of ours is."""
    plain = [plain_name(_PREFIX.sub("", name)) for name in names]
    wanted = {f"{side}_{part}": (side, words) for part, words in _SIDED.items() for side in ("left", "right")}
    found = {}
    for joint, (side, words) in wanted.items():
        spelt = [f"{side}_{word}" for word in words if f"{side}_{word}" in plain]
        if spelt:
            found[joint] = plain.index(spelt[0])
    for joint, middle in _MIDDLE.items():
        spelt = [word for word in middle if word in plain]
        if spelt:
            found[joint] = plain.index(spelt[0])
    return found
