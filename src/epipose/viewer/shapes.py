"""Joints, bones and uncertainties of one moment as instances of unit shapes: a ball and a rod from -1/2 to 1/2 on z."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.geometry.rotations import quaternion_from_rotation, rotation_onto

JOINT_RADIUS_M, BONE_RADIUS_M = 0.026, 0.018
DENSE_M, THINNEST = 0.1, 0.03
"""Half axes up to which uncertainty is drawn densely, and how dense it is at least."""
NOTHING = 1e-6
"""Size of what is not known: instances cannot come and go."""


class Instances(NamedTuple):
    """Where copies of a shape are: places (m), turns (quaternions w x y z) and sizes along the shape's own axes."""

    positions: Float[ndarray, "n 3"]
    wxyzs: Float[ndarray, "n 4"]
    scales: Float[ndarray, "n 3"]


def balls(points: Float[ndarray, "n 3"], known: Bool[ndarray, "n"]) -> Instances:
    """Return a ball of radius JOINT_RADIUS_M for every joint that is known."""
    scales = np.where(known[:, None], JOINT_RADIUS_M, NOTHING)
    return Instances(points, _upright(len(points)), np.broadcast_to(scales, points.shape))


def rods(points: Float[ndarray, "n 3"], known: Bool[ndarray, "n"], bones: Int[ndarray, "bones 2"]) -> Instances:
    """Return a rod of unit radius made BONE_RADIUS_M thin for every bone both of whose ends are known."""
    begins, ends = points[bones[:, 0]], points[bones[:, 1]]
    along = ends - begins
    length = np.linalg.norm(along, axis=-1)
    shown = known[bones].all(axis=-1) & (length > NOTHING)
    direction = np.where(shown[:, None], along, [0.0, 0.0, 1.0])
    wxyzs = quaternion_from_rotation(rotation_onto(np.broadcast_to([0.0, 0.0, 1.0], direction.shape), direction))
    scales = np.stack([np.full(len(bones), BONE_RADIUS_M)] * 2 + [length], axis=-1)
    return Instances((begins + ends) / 2, wxyzs, np.where(shown[:, None], scales, NOTHING))


def ellipsoids(
    points: Float[ndarray, "n 3"],
    known: Bool[ndarray, "n"],
    sigma: Float[ndarray, "n"],
    covariance: Float[ndarray, "n 6"] | None,
    enlarged: float,
) -> Instances:
    """Return one standard deviation (m) around every joint, `enlarged`: balls, or ellipsoids where `covariance` is.

    `covariance`: entries xx, xy, xz, yy, yz, zz in square metres.
    """
    known = known & (sigma > 0)
    if covariance is None:
        axes, deviations = _upright(len(points)), np.repeat(sigma[:, None], 3, axis=1)
    else:
        variances, turns = np.linalg.eigh(covariance[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3))
        turns[..., 2] *= np.sign(np.linalg.det(turns))[:, None]
        axes, deviations = quaternion_from_rotation(turns), np.sqrt(np.maximum(variances, 0))
    return Instances(points, axes, np.where(known[:, None], np.maximum(enlarged * deviations, NOTHING), NOTHING))


def haze(sizes: Float[ndarray, "n 3"]) -> Float[ndarray, "n"]:
    """Return how opaque solids of these half axes (m) are, 0 to 1: large ones are thin, or they would hide the rest."""
    radius = np.cbrt(np.prod(sizes, axis=-1))
    return np.asarray(np.clip((DENSE_M / np.maximum(radius, NOTHING)) ** 2, THINNEST, 1.0))


def _upright(count: int) -> Float[ndarray, "count 4"]:
    return np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
