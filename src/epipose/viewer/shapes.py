"""Joints, bones and uncertainties of one moment as instances of unit shapes: a ball and a rod from -1/2 to 1/2 on z."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.geometry.rotations import quaternion_from_rotation, rotation_onto

JOINT_RADIUS_M, BONE_RADIUS_M = 0.026, 0.018
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


def _upright(count: int) -> Float[ndarray, "count 4"]:
    return np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))


def ball(rings: int = 10, spokes: int = 16) -> tuple[Float[ndarray, "vertices 3"], Int[ndarray, "faces 3"]]:
    """Return vertices and triangles (counter-clockwise from outside) of a ball of radius 1."""
    polar = np.repeat(np.linspace(0, np.pi, rings), spokes)
    around = np.tile(np.arange(spokes) * 2 * np.pi / spokes, rings)
    vertices = np.column_stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)])
    return vertices, _strips(rings, spokes)


def rod(spokes: int = 12) -> tuple[Float[ndarray, "vertices 3"], Int[ndarray, "faces 3"]]:
    """Return vertices and triangles of an open rod of radius 1 from z = -1/2 to 1/2."""
    around = np.tile(np.arange(spokes) * 2 * np.pi / spokes, 2)
    height = np.repeat([0.5, -0.5], spokes)
    return np.column_stack([np.cos(around), np.sin(around), height]), _strips(2, spokes)


def _strips(rings: int, spokes: int) -> Int[ndarray, "faces 3"]:
    a = np.arange((rings - 1) * spokes)
    beside = a - a % spokes + (a + 1) % spokes
    return np.concatenate([np.stack([a, a + spokes, beside + spokes], 1), np.stack([a, beside + spokes, beside], 1)])
