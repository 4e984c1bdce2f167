"""Points from linear equations (DLT), half a million and more a second on one core.

Arrays are kept one number a row and cut into blocks that stay in the processor's cache. The normal matrix of a point is
linear in (w, w u, w v, w (u^2 + v^2)) of its views, so a block's matrices are one matrix product; the smallest
eigenvector follows by inverse iteration with an explicit LDL^T factorisation.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from numpy import ndarray

BLOCK = 4096
"""Points worked on at once: 32 kB a row."""

ITERATIONS = 6
"""Steps of inverse iteration after which the few points that still move go to a general eigensolver."""

ENTRIES = tuple((i, j) for i in range(4) for j in range(i, 4))
"""Where the 10 unique entries of a symmetric 4x4 matrix stand."""


def blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Yield slices that cover `count` points."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def camera_centres(projections: Float[ndarray, "views 3 4"]) -> Float[ndarray, "views 3"]:
    """Return where the cameras of projection matrices stand."""
    return np.asarray(-(np.linalg.pinv(projections[..., :3]) @ projections[..., 3:])[..., 0])


def with_metric_depth(projections: Float[ndarray, "views 3 4"]) -> Float[ndarray, "views 3 4"]:
    """Return the projections scaled so that the third coordinate is the depth, positive in front of the camera."""
    axis = np.linalg.norm(projections[:, 2, :3], axis=-1)
    sign = np.where(np.linalg.det(projections[..., :3]) < 0, -1.0, 1.0)
    return np.asarray(projections * (sign / np.maximum(axis, 1e-300))[:, None, None])


class LinearSystem:
    """The equations of several views: prepared once, solved for any number of points.

    Each picture's origin moves to the foot of the optical axis, and the world to the mean of the camera centres with
    their mean distance from it as unit of length, so that neither units nor origins matter.
    """

    def __init__(self, projections: Float[ndarray, "views 3 4"]) -> None:
        """Take projections of any scale; the equations of a view count in the units of its pixels times depth."""
        metric = with_metric_depth(projections)
        centres = camera_centres(projections)
        self.origin = centres.mean(axis=0)
        spread = float(np.linalg.norm(centres - self.origin, axis=-1).mean())
        self.unit = spread if spread > 0 else 1.0
        self.foot = np.einsum("vik,vk->vi", metric[:, :2, :3], metric[:, 2, :3])
        world_from_unit = np.eye(4)
        world_from_unit[:3] = np.concatenate([np.eye(3) * self.unit, self.origin[:, None]], axis=1)
        x, y, z = np.moveaxis(metric @ world_from_unit, 1, 0)
        x, y = x - self.foot[:, :1] * z, y - self.foot[:, 1:] * z
        self.products = np.stack([self._products_of_entry(x, y, z, i, j) for i, j in ENTRIES])

    @staticmethod
    def _products_of_entry(
        x: Float[ndarray, "views 4"], y: Float[ndarray, "views 4"], z: Float[ndarray, "views 4"], i: int, j: int
    ) -> Float[ndarray, "4*views"]:
        """Return what w, w u, w v and w (u^2 + v^2) of every view add to one entry of the normal matrix."""
        constant = x[:, i] * x[:, j] + y[:, i] * y[:, j]
        by_u = -(z[:, i] * x[:, j] + z[:, j] * x[:, i])
        by_v = -(z[:, i] * y[:, j] + z[:, j] * y[:, i])
        return np.concatenate([constant, by_u, by_v, z[:, i] * z[:, j]])

    def solve(
        self, u: Float[ndarray, "views n"], v: Float[ndarray, "views n"], weights: Float[ndarray, "views n"]
    ) -> Float[ndarray, "3 n"]:
        """Return the total least squares points of one block; finite for whatever is seen."""
        u, v = u - self.foot[:, :1], v - self.foot[:, 1:]
        wu, wv = weights * u, weights * v
        features = np.concatenate([weights, wu, wv, wu * u + wv * v])
        homogeneous = _smallest_eigenvectors(self.products @ features)
        last = homogeneous[3]
        # A point at infinity is put very far away, so that everything stays finite.
        last = np.where(np.abs(last) < 1e-9, np.where(last < 0, -1e-9, 1e-9), last)
        return np.asarray(homogeneous[:3] * (self.unit / last) + self.origin[:, None])


def _smallest_eigenvectors(normal: Float[ndarray, "10 n"]) -> Float[ndarray, "4 n"]:
    """Return the unit eigenvectors of the smallest eigenvalues of symmetric, positive semidefinite 4x4 matrices."""
    factors = _Factors(normal)
    # Inverse iteration from (0, 0, 0, 1): the first step is the inhomogeneous least squares solution.
    vectors = _unit(factors.back(np.repeat([[0.0], [0.0], [0.0], [1.0]], normal.shape[1], axis=1)))
    for _ in range(ITERATIONS):
        before, vectors = vectors, _unit(factors.solve(vectors))
        moving = np.max(np.abs(vectors - before), axis=0) > 1e-12
        if not np.any(moving):
            return vectors
    full = np.empty((int(moving.sum()), 4, 4))
    for entry, (i, j) in zip(normal[:, moving], ENTRIES, strict=True):
        full[:, i, j] = full[:, j, i] = entry
    vectors[:, moving] = np.linalg.eigh(full)[1][:, :, 0].T
    return vectors


def _unit(vectors: Float[ndarray, "4 n"]) -> Float[ndarray, "4 n"]:
    x, y, z, w = vectors
    return np.asarray(vectors * (1 / np.sqrt(x * x + y * y + z * z + w * w)))


class _Factors:
    """L D L^T of positive semidefinite matrices, shifted by a trace of rounding so that it exists for singular ones."""

    def __init__(self, normal: Float[ndarray, "10 n"]) -> None:
        a00, a01, a02, a03, a11, a12, a13, a22, a23, a33 = normal
        # A shift changes no eigenvector.
        shift = 1e-14 * (a00 + a11 + a22 + a33) + 1e-200
        d0 = a00 + shift
        self.l10, self.l20, self.l30 = a01 / d0, a02 / d0, a03 / d0
        d1 = np.maximum(a11 - self.l10 * a01, 0) + shift
        b12, b13 = a12 - self.l10 * a02, a13 - self.l10 * a03
        self.l21, self.l31 = b12 / d1, b13 / d1
        d2 = np.maximum(a22 - self.l20 * a02 - self.l21 * b12, 0) + shift
        b23 = a23 - self.l20 * a03 - self.l21 * b13
        self.l32 = b23 / d2
        d3 = np.maximum(a33 - self.l30 * a03 - self.l31 * b13 - self.l32 * b23, 0) + shift
        # Only directions matter: the inverse is scaled by the last pivot to stay within range.
        self.pivots = d3 / d0, d3 / d1, d3 / d2

    def solve(self, vectors: Float[ndarray, "4 n"]) -> Float[ndarray, "4 n"]:
        x0, x1, x2, x3 = vectors
        x1 = x1 - self.l10 * x0
        x2 = x2 - self.l20 * x0 - self.l21 * x1
        x3 = x3 - self.l30 * x0 - self.l31 * x1 - self.l32 * x2
        p0, p1, p2 = self.pivots
        return self.back(np.stack([x0 * p0, x1 * p1, x2 * p2, x3]))

    def back(self, vectors: Float[ndarray, "4 n"]) -> Float[ndarray, "4 n"]:
        x0, x1, x2, x3 = vectors
        x2 = x2 - self.l32 * x3
        x1 = x1 - self.l21 * x2 - self.l31 * x3
        x0 = x0 - self.l10 * x1 - self.l20 * x2 - self.l30 * x3
        return np.stack([x0, x1, x2, x3])
