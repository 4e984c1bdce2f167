"""What two views of the same points say about each other.

A matrix of the pair (a, b) satisfies `point_b @ matrix @ point_a = 0` for homogeneous image points: ideal points for an
essential matrix, pixels without distortion for a fundamental one.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.linear_triangulation import camera_centres
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import skew


def essential_from_motion(b_from_a: Rigid) -> Float[ndarray, "*batch 3 3"]:
    """Return the essential matrices of cameras related by `b_from_a`; as long as the distance between the cameras."""
    return np.asarray(skew(b_from_a.translation) @ b_from_a.rotation)


def fundamental_from_cameras(camera_a: Camera, camera_b: Camera) -> Float[ndarray, "3 3"]:
    """Return the fundamental matrix between the pixels of two cameras, without their distortion."""
    essential = essential_from_motion(camera_b.cam_from_world @ camera_a.cam_from_world.inverse())
    return np.asarray(np.linalg.inv(camera_b.lens.matrix).T @ essential @ np.linalg.inv(camera_a.lens.matrix))


def fundamental_from_projections(projections: Float[ndarray, "2 3 4"]) -> Float[ndarray, "3 3"]:
    """Return the fundamental matrix of two projection matrices (Hartley and Zisserman 2004, 9.1)."""
    centre = np.append(camera_centres(projections[:1])[0], 1.0)
    return np.asarray(skew(projections[1] @ centre) @ projections[1] @ np.linalg.pinv(projections[0]))


def eight_point_fundamental(
    points_a: Float[ndarray, "n 2"], points_b: Float[ndarray, "n 2"], weights: Float[ndarray, "n"] | None = None
) -> Float[ndarray, "3 3"]:
    """Return the rank-2 matrix of unit norm that fits 8 or more matches best, after normalisation (Hartley 1997).

    `weights` are inverse variances, 0 for matches to leave out.
    """
    matrix, a_normal, b_normal = _eight_point(points_a, points_b, weights)
    left, values, right = np.linalg.svd(matrix)
    fundamental = b_normal.T @ (left * [values[0], values[1], 0.0]) @ right @ a_normal
    return np.asarray(fundamental / np.linalg.norm(fundamental))


def eight_point_essential(
    ideal_a: Float[ndarray, "n 2"], ideal_b: Float[ndarray, "n 2"], weights: Float[ndarray, "n"] | None = None
) -> Float[ndarray, "3 3"]:
    """Return the essential matrix (singular values 1, 1, 0) that is nearest to the eight-point solution."""
    matrix, a_normal, b_normal = _eight_point(ideal_a, ideal_b, weights)
    left, _, right = np.linalg.svd(b_normal.T @ matrix @ a_normal)
    return np.asarray((left * [1.0, 1.0, 0.0]) @ right)


def sampson_distance(
    matrix: Float[ndarray, "3 3"], points_a: Float[ndarray, "*batch 2"], points_b: Float[ndarray, "*batch 2"]
) -> Float[ndarray, "*batch"]:
    """Return how far a match must move, in both images together, to satisfy the matrix (first order; Sampson 1982).

    In units of the points; of noise with standard deviation s in every coordinate it has the root mean square s.
    """
    a, b = _homogeneous(points_a), _homogeneous(points_b)
    line_b, line_a = a @ matrix.T, b @ matrix
    slope = np.sum(line_a[..., :2] ** 2, axis=-1) + np.sum(line_b[..., :2] ** 2, axis=-1)
    return np.asarray(np.abs(np.sum(b * line_b, axis=-1)) / np.sqrt(np.maximum(slope, 1e-300)))


def decompose_essential(essential: Float[ndarray, "3 3"]) -> tuple[Rigid, Rigid, Rigid, Rigid]:
    """Return the four motions `b_from_a`, of unit translation, that have the essential matrix up to sign."""
    left, _, right = np.linalg.svd(essential)
    # The sign of an essential matrix is free; with proper rotations on both sides the products below are proper too.
    left, right = left * np.linalg.det(left), right * np.linalg.det(right)
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    one, other, direction = left @ quarter @ right, left @ quarter.T @ right, left[:, 2]
    return Rigid(one, direction), Rigid(one, -direction), Rigid(other, direction), Rigid(other, -direction)


class ChosenMotion(NamedTuple):
    """A motion chosen because the points then lie in front of both cameras."""

    b_from_a: Rigid
    """Of unit translation: two views do not know their distance."""
    share_in_front: float
    """Share of the points' weight in front of both cameras, 0 to 1; an honest match has nearly 1."""


def motion_from_essential(
    essential: Float[ndarray, "3 3"],
    ideal_a: Float[ndarray, "n 2"],
    ideal_b: Float[ndarray, "n 2"],
    weights: Float[ndarray, "n"] | None = None,
) -> ChosenMotion:
    """Return, of the four motions of an essential matrix, the one with the most points in front of both cameras."""
    counted = np.ones(len(ideal_a)) if weights is None else weights
    candidates = decompose_essential(essential)
    votes = [float(counted @ _in_front_of_both(motion, ideal_a, ideal_b)) for motion in candidates]
    best = int(np.argmax(votes))
    return ChosenMotion(candidates[best], votes[best] / max(float(counted.sum()), 1e-300))


def _in_front_of_both(
    b_from_a: Rigid, ideal_a: Float[ndarray, "n 2"], ideal_b: Float[ndarray, "n 2"]
) -> Float[ndarray, "n"]:
    """Return 1 for the matches whose rays come nearest to each other at positive depths, else 0."""
    ray_a, ray_b = _homogeneous(ideal_a) @ b_from_a.rotation.T, _homogeneous(ideal_b)
    aa, bb, ab = np.sum(ray_a**2, axis=-1), np.sum(ray_b**2, axis=-1), np.sum(ray_a * ray_b, axis=-1)
    at, bt = ray_a @ b_from_a.translation, ray_b @ b_from_a.translation
    # Least squares of depth_a ray_a + translation = depth_b ray_b, without the positive determinant.
    depth_a, depth_b = ab * bt - bb * at, aa * bt - ab * at
    return np.asarray((depth_a > 0) & (depth_b > 0), dtype=float)


def _eight_point(
    points_a: Float[ndarray, "n 2"], points_b: Float[ndarray, "n 2"], weights: Float[ndarray, "n"] | None
) -> tuple[Float[ndarray, "3 3"], Float[ndarray, "3 3"], Float[ndarray, "3 3"]]:
    """Return the best matrix between normalised points, and what normalises the points of a and b."""
    counted = np.ones(len(points_a)) if weights is None else weights
    a_normal, b_normal = _normalising(points_a, counted), _normalising(points_b, counted)
    a, b = _homogeneous(points_a) @ a_normal.T, _homogeneous(points_b) @ b_normal.T
    equations = (b[:, :, None] * a[:, None, :]).reshape(-1, 9)
    _, vectors = np.linalg.eigh(equations.T @ (equations * counted[:, None]))
    return vectors[:, 0].reshape(3, 3), a_normal, b_normal


def _normalising(points: Float[ndarray, "n 2"], weights: Float[ndarray, "n"]) -> Float[ndarray, "3 3"]:
    """Return the matrix that moves points to mean 0 and mean square distance 2."""
    total = max(float(weights.sum()), 1e-300)
    mean = weights @ points / total
    spread = float(weights @ np.sum((points - mean) ** 2, axis=-1)) / total
    scale = np.sqrt(2 / spread) if spread > 0 else 1.0
    return np.array([[scale, 0.0, -scale * mean[0]], [0.0, scale, -scale * mean[1]], [0.0, 0.0, 1.0]])


def _homogeneous(points: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 3"]:
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
