"""Metric scale: how long the calibration's unit is, from the person's height or from what bodies are like."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.pose.bones import MEAN_STATURE_M, STATURE_SIGMA_M, stature_ratio
from epipose.pose.skeletons import Skeleton

RATIO_FLOOR = 0.04
"""Relative error that remains however many bones are measured: they share joints and a detector's idea of joints."""


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

    Every bone with a known share of the stature (see `pose.bones`) gives one estimate of the stature in the
    calibration's unit. None when no such bone was seen.
    """
    statures, sigmas = [], []
    for joint, other in combinations(range(len(skeleton)), 2):
        ratio = stature_ratio(skeleton.joint_names[joint], skeleton.joint_names[other])
        both = valid[:, joint] & valid[:, other]
        if ratio is None or both.sum() < 3:
            continue
        length = np.median(np.linalg.norm(positions[both, joint] - positions[both, other], axis=-1))
        statures.append(length / ratio[0])
        sigmas.append(ratio[1])
    if not statures:
        return None
    weights = 1 / np.square(sigmas)
    stature = float(np.average(statures, weights=weights))
    sigma = float(np.hypot(RATIO_FLOOR, 1 / np.sqrt(weights.sum())))
    if height_m is not None:
        return Scale(height_m / stature, sigma, f"the person's height of {height_m:.2f} m")
    sigma = float(np.hypot(sigma, STATURE_SIGMA_M / MEAN_STATURE_M))
    return Scale(MEAN_STATURE_M / stature, sigma, f"an average adult's height of {MEAN_STATURE_M:.2f} m")
