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
STANDING_SPEED = 0.3
"""Metres per second below which a foot stands."""
LEAN_SIGMA = np.deg2rad(3)
"""How far the usual direction from support to centre of mass is from upright, one standard deviation along an axis."""
SEGMENTS = (
    ("left_shoulder", "right_hip", 0.289),
    ("right_shoulder", "left_hip", 0.289),
    ("left_shoulder", "left_wrist", 0.05),
    ("right_shoulder", "right_wrist", 0.05),
    ("left_hip", "left_knee", 0.1),
    ("right_hip", "right_knee", 0.1),
    ("left_knee", "left_ankle", 0.061),
    ("right_knee", "right_ankle", 0.061),
)
"""Body segments, from the middle of two joints, with their share of the body's mass (Winter 2009, table 4.1)."""
STANDING_HEIGHT = 0.15
"""Metres above its lowest foot joint up to which a person stands on others too."""
FOOT_SIGMA = 0.03
"""Metres by which a standing foot's joint misses its height above the floor."""
SAME_STEP = 10
"""Frames of one foothold that together tell as much as one."""


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

    A body keeps its centre of mass above the feet it stands on, also where it leans or balances; standing feet that
    cover some floor add that the floor is level. Without feet the body's axis must do: people stand upright more than
    they lean to any one side. None when neither feet nor trunk were seen.
    """
    axis = _body_up(positions, valid, skeleton)
    if axis is None:
        return None
    balance = _balance_up(positions, valid, times, skeleton, axis)
    up = axis if balance is None else balance
    feet, heights = _footholds(positions, valid, times, skeleton)
    up = _leaned_on_floor(up, feet, heights)
    source = "the person's upright axis" if balance is None else "the person's balance over the standing feet"
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
    return _usual_direction(np.concatenate(directions))


def _balance_up(
    positions: ndarray, valid: ndarray, times: ndarray, skeleton: Skeleton, rough_up: Float[ndarray, "3"]
) -> Float[ndarray, "3"] | None:
    """Return the usual direction from the standing feet to the body's centre of mass; None where it was rarely seen."""
    needed = {name for first, second, _ in SEGMENTS for name in (first, second)}
    if not needed <= set(skeleton.joint_names) or len(times) < 3:
        return None
    feet = [skeleton.index(name) for name in FOOT_HEIGHTS if name in skeleton.joint_names]
    speed = np.full((len(times), len(feet)), np.inf)
    span = np.maximum(times[2:] - times[:-2], 1e-9)[:, None]
    speed[1:-1] = np.linalg.norm(positions[2:, feet] - positions[:-2, feet], axis=-1) / span
    level = np.where(valid[:, feet], positions[:, feet] @ rough_up, np.inf)
    standing = (speed < STANDING_SPEED) & (level < level.min(axis=1, keepdims=True) + STANDING_HEIGHT)
    whole = valid[:, [skeleton.index(name) for name in needed]].all(axis=1) & standing.any(axis=1)
    if whole.sum() < SAME_STEP:
        return None
    support = np.sum(positions[:, feet] * standing[..., None], axis=1)[whole] / standing.sum(axis=1)[whole, None]
    mass = np.zeros_like(support)
    for first, second, share in SEGMENTS:
        mass += share * (positions[whole, skeleton.index(first)] + positions[whole, skeleton.index(second)]) / 2
    return _usual_direction(mass - support)


def _usual_direction(vectors: Float[ndarray, "n 3"]) -> Float[ndarray, "3"]:
    """Return the direction with the least sum of angles (Weiszfeld's iteration), which outliers do not pull along."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    usual = unit.mean(axis=0)
    for _ in range(10):
        weights = 1 / np.maximum(np.linalg.norm(unit - usual, axis=1), 0.05)
        usual = np.average(unit, axis=0, weights=weights)
        usual = usual / np.linalg.norm(usual)
    return np.asarray(usual)


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


def _leaned_on_floor(
    up: Float[ndarray, "3"], feet: Float[ndarray, "n 3"], heights: Float[ndarray, "n"]
) -> Float[ndarray, "3"]:
    """Return the body's `up` leaned so that standing feet are level, weighing both by their precision."""
    if len(feet) < SAME_STEP:
        return up
    to_upright = rotation_onto(up, np.array([0, 0, 1.0]))
    upright = feet @ to_upright.T
    # Unknowns: the floor's slope along x and y, and its height; a robust loss forgives feet that are in the air.
    design = np.column_stack([upright[:, :2] - upright[:, :2].mean(axis=0), np.ones(len(feet))])
    level = upright[:, 2] - heights
    solution = np.array([0.0, 0.0, np.quantile(level, 0.1)])
    prior = np.diag([LEAN_SIGMA**-2, LEAN_SIGMA**-2, 0.0])
    for _ in range(20):
        residual = (level - design @ solution) / FOOT_SIGMA
        weights = 1 / (1 + residual**2) / (FOOT_SIGMA**2 * SAME_STEP)
        solution = np.linalg.solve(design.T * weights @ design + prior, design.T * weights @ level)
    normal = np.array([-solution[0], -solution[1], 1.0]) @ to_upright
    return np.asarray(normal / np.linalg.norm(normal))
