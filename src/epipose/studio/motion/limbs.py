"""Inverse kinematics of arms and legs: two bones and a hinge between them that only bends one way."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec, rotation_onto
from epipose.studio.bodies import Body

LEG = ("upperleg01", "lowerleg01", "foot")
ARM = ("upperarm01", "lowerarm01", "wrist")
STRAIGHTEST = 0.06
"""Radians that a hinge stays bent at least: a limb stretched to its very end would snap in a video."""
MOST_BENT = 2.6


@dataclass(frozen=True, eq=False)
class Limb:
    """An arm or leg at rest: where its upper bone, its hinge and its end (ankle, wrist) turn about, in metres."""

    upper_bone: int
    lower_bone: int
    end_bone: int
    root: Float[ndarray, "3"]
    upper: Float[ndarray, "3"]
    """From root to hinge."""
    lower: Float[ndarray, "3"]
    """From hinge to end."""

    @property
    def hinge(self) -> Float[ndarray, "3"]:
        """The axis that the lower bone bends about, at right angles to the limb."""
        axis = np.cross(self.upper, self.lower)
        return np.asarray(axis / np.linalg.norm(axis))

    @property
    def rest_bend(self) -> float:
        """How far the hinge is bent at rest, in radians."""
        return _angle(self.upper, self.lower)

    @property
    def length(self) -> float:
        """How far the end can be from the root, in metres."""
        return float(np.linalg.norm(self.upper) + np.linalg.norm(self.lower))


def limb(body: Body, bones: tuple[str, str, str], side: str) -> Limb:
    """Return an arm (ARM) or leg (LEG) of `side` "L" or "R"."""
    upper, lower, end = (body.bones.index(f"{bone}.{side}") for bone in bones)
    heads = body.heads
    return Limb(upper, lower, end, heads[upper], heads[lower] - heads[upper], heads[end] - heads[lower])


def reach(
    limb: Limb, root: Float[ndarray, "frames 3"], target: Float[ndarray, "frames 3"], normal: Float[ndarray, "frames 3"]
) -> tuple[Float[ndarray, "frames 3 3"], Float[ndarray, "frames 3 3"]]:
    """Return how the upper bone turns in the world and the lower one about it, so that the end comes to `target`.

    `root` is where the limb begins. `normal` is about which axis the hinge should bend, as far as `target` allows.
    Targets out of reach are pointed at.
    """
    first, second = np.linalg.norm(limb.upper), np.linalg.norm(limb.lower)
    towards = target - root
    distance = np.linalg.norm(towards, axis=-1)
    cosine = (distance**2 - first**2 - second**2) / (2 * first * second)
    bend = np.clip(np.arccos(np.clip(cosine, -1, 1)), STRAIGHTEST, MOST_BENT)
    ahead = np.arctan2(second * np.sin(bend), first + second * np.cos(bend))
    towards = towards / np.maximum(distance, 1e-9)[:, None]
    axis = across(normal, towards)
    direction = (rotation_from_rotvec(-axis * ahead[:, None]) @ towards[..., None])[..., 0]
    upper = frame(direction, axis) @ frame(limb.upper, limb.hinge).T
    return upper, rotation_from_rotvec(limb.hinge * (bend - limb.rest_bend)[:, None])


def aim(
    limb: Limb, direction: Float[ndarray, "frames 3"], bend: Float[ndarray, "frames"], twist: Float[ndarray, "frames"]
) -> tuple[Float[ndarray, "frames 3 3"], Float[ndarray, "frames 3 3"]]:
    """Return how the upper bone turns to point along `direction`, and the lower one to be bent by `bend` (radians).

    The upper bone turns the shortest way from rest, after `twist` (radians) about itself.
    """
    along = limb.upper / np.linalg.norm(limb.upper)
    upper = rotation_onto(np.broadcast_to(along, direction.shape), direction) @ rotation_from_rotvec(
        along * twist[:, None]
    )
    bend = np.clip(bend, STRAIGHTEST, MOST_BENT)
    return upper, rotation_from_rotvec(limb.hinge * (bend - limb.rest_bend)[:, None])


def frame(along: Float[ndarray, "*batch 3"], across_it: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the right-handed axes (in columns) whose first is `along` and whose second is as near `across_it`."""
    first = along / np.linalg.norm(along, axis=-1, keepdims=True)
    second = across(across_it, first)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def across(vector: Float[ndarray, "*batch 3"], axis: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Return the unit vector at right angles to the unit vector `axis` that is nearest to `vector`."""
    part = vector - np.sum(vector * axis, axis=-1, keepdims=True) * axis
    return np.asarray(part / np.maximum(np.linalg.norm(part, axis=-1, keepdims=True), 1e-12))


def _angle(a: Float[ndarray, "3"], b: Float[ndarray, "3"]) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
