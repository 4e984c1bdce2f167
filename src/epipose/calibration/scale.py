"""Metric scale: how long the calibration's unit is, from the person's height or from what bodies are like."""

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.pose.bones import MEAN_STATURE_M, STATURE_SIGMA_M, stature_of, stature_ratio
from epipose.pose.skeletons import Skeleton

RATIO_FLOOR = 0.04
"""Relative error that remains however many bones are measured: they share joints and a detector's idea of joints."""
FEWEST_FRAMES = 3
"""In which both ends of a bone must be known."""
CHAIN_RATIO, CHAIN_SIGMA = 0.955, 0.03
"""Top of the head to ankle along the body, over the stature, and its relative standard deviation.

What is missing are the height of the ankle (0.039 of the stature, Drillis & Contini 1966) and what spine and neck are
longer than the straight lines between their ends. Nearly all of a body is in it, so it depends little on proportions.
"""

_CHAINS = (
    (1.0, ("head_top", "thorax", "pelvis")),
    *((0.5, (f"{side}_hip", f"{side}_knee", f"{side}_ankle")) for side in ("left", "right")),
)
"""The ways along the body, and how much each counts."""


@dataclass(frozen=True)
class Scale:
    """Metres per unit of the calibration."""

    factor: float
    sigma: float
    """One standard deviation, as a share of the factor."""
    source: str
    """Where it comes from, in words."""


def scale_from_body(
    positions: Float[ndarray, "frames joints 3"],
    valid: Bool[ndarray, "frames joints"],
    skeleton: Skeleton,
    height_m: float | None,
) -> Scale | None:
    """Return the scale at which the person has the height `height_m` (m), or that of an average adult if None.

    The way from the top of the head to the ankles tells the stature in the calibration's unit. Where it is not seen,
    every bone with a known share of the stature (see `pose.bones`) gives an estimate; the two are not joined, for what
    one is wrong by the other is wrong by too. None when nothing was seen.
    """
    found = _stature_of_chain(positions, valid, skeleton) or _stature_of_bones(positions, valid, skeleton)
    if found is None:
        return None
    stature, sigma = found
    if height_m is not None:
        return Scale(height_m / stature, sigma, f"the person's height of {height_m:.2f} m")
    sigma = float(np.hypot(sigma, STATURE_SIGMA_M / MEAN_STATURE_M))
    return Scale(MEAN_STATURE_M / stature, sigma, f"an average adult's height of {MEAN_STATURE_M:.2f} m")


def _stature_of_bones(
    positions: Float[ndarray, "frames joints 3"], valid: Bool[ndarray, "frames joints"], skeleton: Skeleton
) -> tuple[float, float] | None:
    """Return the stature that the lengths of single bones speak for, and its relative standard deviation."""
    lengths = {}
    for joint, other in combinations(range(len(skeleton)), 2):
        names = skeleton.joint_names[joint], skeleton.joint_names[other]
        both = valid[:, joint] & valid[:, other]
        if stature_ratio(*names) is not None and both.sum() >= FEWEST_FRAMES:
            lengths[names] = float(np.median(np.linalg.norm(positions[both, joint] - positions[both, other], axis=-1)))
    found = stature_of(lengths)
    return found and (found[0], float(np.hypot(RATIO_FLOOR, found[1])))


def _stature_of_chain(
    positions: Float[ndarray, "frames joints 3"], valid: Bool[ndarray, "frames joints"], skeleton: Skeleton
) -> tuple[float, float] | None:
    """Return the same from the top of the head by thorax, pelvis and knees to the ankles; None if one is not seen."""
    total = 0.0
    for share, chain in _CHAINS:
        if not set(chain) <= set(skeleton.joint_names):
            return None
        for joint, other in pairwise(map(skeleton.index, chain)):
            both = valid[:, joint] & valid[:, other]
            if both.sum() < FEWEST_FRAMES:
                return None
            total += share * float(np.median(np.linalg.norm(positions[both, joint] - positions[both, other], axis=-1)))
    return total / CHAIN_RATIO, CHAIN_SIGMA
