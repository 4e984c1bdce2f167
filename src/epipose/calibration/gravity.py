"""Which way is up, and where the floor is, from a person who stands and walks on it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_onto
from epipose.pose.skeletons import Skeleton

FOOT_HEIGHTS = {
    "left_ankle": 0.07,
    "right_ankle": 0.07,
    "left_heel": 0.02,
    "right_heel": 0.02,
    "left_foot_index": 0.02,
    "right_foot_index": 0.02,
    "left_big_toe": 0.02,
    "right_big_toe": 0.02,
    "left_toe": 0.02,
    "right_toe": 0.02,
}
"""Height in metres of a joint above the floor while its foot stands on it."""
STANDING_SPEED = 0.2
"""Metres per second below which a foot stands."""
LEAST_FLOOR = 0.3
"""Standard deviation, in metres, of the foothold's positions across their narrower direction that makes a floor."""
LARGEST_LEAN = np.deg2rad(15)
"""A floor that leans more than this against the body's axis is not believed."""


@dataclass(frozen=True, eq=False)
class Gravity:
    """The motion into a world with Z up, the floor at 0 and the person's middle above the origin."""

    world_from_scene: Rigid
    source: str


def find_gravity(
    positions: Float[ndarray, "frames joints 3"],
    valid: Bool[ndarray, "frames joints"],
    times: Float[ndarray, "frames"],
    skeleton: Skeleton,
    forward: Float[ndarray, "3"],
) -> Gravity | None:
    """Return the upright world of a metric scene, with `forward` (scene axes) as its Y direction seen from above.

    The body's axis gives a first answer (people stand upright more than they lean to any one side); standing feet that
    cover enough floor give a better one. None when neither feet nor trunk were seen.
    """
    up = _body_up(positions, valid, skeleton)
    if up is None:
        return None
    source = "upright bodies"
    feet, heights = _footholds(positions, valid, times, skeleton)
    if len(feet) >= 10:
        floor_up = _plane_normal(feet, up)
        if floor_up is not None:
            up, source = floor_up, "the floor under the feet"
    to_upright = rotation_onto(up, np.array([0, 0, 1.0]))
    heading = to_upright @ forward
    turn = np.arctan2(heading[0], heading[1])
    cosine, sine = np.cos(turn), np.sin(turn)
    rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ to_upright
    upright = positions[valid] @ rotation.T
    ground = (feet @ rotation.T)[:, 2] - heights if len(feet) else upright[:, 2]
    # The lower tenth: feet that are lifted slowly also count as standing.
    origin = np.array([*np.median(upright[:, :2], axis=0), np.quantile(ground, 0.1 if len(feet) else 0.001)])
    return Gravity(Rigid(rotation, -origin), source)


def _body_up(positions: ndarray, valid: ndarray, skeleton: Skeleton) -> Float[ndarray, "3"] | None:
    """Return the usual direction from feet to hips to shoulders, as a median over frames and body parts."""
    directions = []
    for lower, upper in (("ankle", "hip"), ("hip", "shoulder"), ("ankle", "shoulder")):
        names = [f"{side}_{part}" for part in (lower, upper) for side in ("left", "right")]
        if not set(names) <= set(skeleton.joint_names):
            continue
        joints = [skeleton.index(name) for name in names]
        seen = valid[:, joints].all(axis=1)
        part = positions[seen][:, joints]
        directions.append((part[:, 2] + part[:, 3] - part[:, 0] - part[:, 1]) / 2)
    if not directions or not sum(map(len, directions)):
        return None
    unit = np.concatenate(directions)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    up = unit.mean(axis=0)
    for _ in range(10):
        # Weiszfeld's iteration: the direction with the least sum of angles, which bending down does not pull along.
        weights = 1 / np.maximum(np.linalg.norm(unit - up, axis=1), 0.05)
        up = np.average(unit, axis=0, weights=weights)
        up = up / np.linalg.norm(up)
    return np.asarray(up)


def _footholds(
    positions: ndarray, valid: ndarray, times: ndarray, skeleton: Skeleton
) -> tuple[Float[ndarray, "n 3"], Float[ndarray, "n"]]:
    """Return positions of foot joints while they stand, and each one's height above the floor."""
    feet, heights = [np.zeros((0, 3))], [np.zeros(0)]
    span = np.maximum(times[2:] - times[:-2], 1e-9)[:, None]
    for name, height in FOOT_HEIGHTS.items():
        if name not in skeleton.joint_names or len(times) < 3:
            continue
        joint = skeleton.index(name)
        speed = np.linalg.norm((positions[2:, joint] - positions[:-2, joint]) / span, axis=1)
        seen = valid[2:, joint] & valid[1:-1, joint] & valid[:-2, joint]
        standing = positions[1:-1, joint][seen & (speed < STANDING_SPEED)]
        feet.append(standing)
        heights.append(np.full(len(standing), height))
    return np.concatenate(feet), np.concatenate(heights)


def _plane_normal(feet: Float[ndarray, "n 3"], up: Float[ndarray, "3"]) -> Float[ndarray, "3"] | None:
    """Return the normal of the floor under the feet, if they cover enough of it and it agrees with the body."""
    kept = np.ones(len(feet), bool)
    normal = up
    for _ in range(5):
        centred = feet[kept] - feet[kept].mean(axis=0)
        _, widths, axes = np.linalg.svd(centred, full_matrices=False)
        if widths[1] / np.sqrt(kept.sum()) < LEAST_FLOOR:
            return None
        normal = axes[2] * np.sign(axes[2] @ up)
        height = (feet - feet[kept].mean(axis=0)) @ normal
        kept = np.abs(height) < max(3 * np.median(np.abs(height[kept])), 0.02)
        if kept.sum() < 10:
            return None
    return normal if np.arccos(np.clip(normal @ up, -1, 1)) < LARGEST_LEAN else None
