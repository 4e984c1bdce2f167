"""Motions that lay one set of points on another, and how far cameras are from others whatever the world."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between, nearest_rotation, rotation_onto

COLLINEAR = 1e-9
"""Second singular value, relative to the first, below which points count as lying on a line."""


def similarity(
    source: Float[ndarray, "n 3"], target: Float[ndarray, "n 3"], weights: Float[ndarray, "n"] | None = None
) -> tuple[float, Rigid]:
    """Return (scale, target_from_source) with the least squares of `motion.apply(scale * source) - target`.

    After Umeyama (1991); `weights` are inverse variances. Points on a line leave the turn about it open: the smallest
    rotation is taken. A single place leaves all but the shift open: no rotation, scale 1.
    """
    counted = np.ones(len(source)) if weights is None else weights
    from_mean, to_mean, rotation, correlation = _turn(source, target, counted)
    spread = float(counted @ np.sum((source - from_mean) ** 2, axis=-1))
    scale = float(np.sum(rotation * correlation)) / spread if spread > 0 else 1.0
    return scale, Rigid(rotation, to_mean - scale * rotation @ from_mean)


def rigid(
    source: Float[ndarray, "n 3"], target: Float[ndarray, "n 3"], weights: Float[ndarray, "n"] | None = None
) -> Rigid:
    """Return `target_from_source` with the least squares of `motion.apply(source) - target`; else as `similarity`."""
    counted = np.ones(len(source)) if weights is None else weights
    from_mean, to_mean, rotation, _ = _turn(source, target, counted)
    return Rigid(rotation, to_mean - rotation @ from_mean)


def pair_rotation_errors(found: Sequence[Camera], true: Sequence[Camera]) -> Float[ndarray, "pairs"]:
    """Return the error of the relative rotation of every two cameras (radians), in the order of `combinations`."""
    errors = []
    for i, j in combinations(range(len(true)), 2):
        relative, wanted = (c[j].cam_from_world.rotation @ c[i].cam_from_world.rotation.T for c in (found, true))
        errors.append(float(angle_between(relative, wanted)))
    return np.array(errors)


def _turn(
    source: Float[ndarray, "n 3"], target: Float[ndarray, "n 3"], weights: Float[ndarray, "n"]
) -> tuple[Float[ndarray, "3"], Float[ndarray, "3"], Float[ndarray, "3 3"], Float[ndarray, "3 3"]]:
    """Return the weighted means, the best rotation, and the correlation (target by source) that it maximises."""
    total = max(float(weights.sum()), 1e-300)
    from_mean, to_mean = weights @ source / total, weights @ target / total
    correlation = (target - to_mean).T @ ((source - from_mean) * weights[:, None])
    left, values, right = np.linalg.svd(correlation)
    if values[0] <= 1e-300:
        rotation = np.eye(3)
    elif values[1] <= COLLINEAR * values[0]:
        rotation = rotation_onto(right[0], left[:, 0])
    else:
        rotation = nearest_rotation(correlation)
    return from_mean, to_mean, rotation, correlation
