"""Optimal triangulation from two views, and from many views by their pairs."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.epipolar import fundamental_from_projections
from epipose.geometry.linear_triangulation import blocks
from epipose.geometry.triangulation import dlt

NEIGHBOURS = 2
"""How many nearest cameras each camera is paired with."""

FAR = 1e9
"""A place on the pencil of epipolar lines that stands for infinity."""


def polynomial(
    projections: Float[ndarray, "2 3 4"], points: Float[ndarray, "2 *batch 2"]
) -> Float[ndarray, "*batch 3"]:
    """Return the points whose two projections are nearest to `points` (Hartley and Sturm 1997, the global optimum)."""
    corrected = corrected_matches(fundamental_from_projections(projections), points)
    return dlt(projections, corrected, np.ones(points.shape[:-1]))


def corrected_matches(
    fundamental: Float[ndarray, "3 3"], points: Float[ndarray, "2 *batch 2"]
) -> Float[ndarray, "2 *batch 2"]:
    """Return the matches nearest to `points` (least sum of squares over both images) that fit `fundamental` exactly."""
    flat = points.reshape(2, -1, 2)
    corrected = np.empty_like(flat)
    for block in blocks(flat.shape[1]):
        matches = _Matches(fundamental, flat[:, block])
        corrected[:, block] = matches.nearest(matches.best_line())
    return corrected.reshape(points.shape)


def neighbouring_pairs(cameras: Sequence[Camera]) -> list[tuple[int, int]]:
    """Return the pairs of each camera with its two nearest, by angle as seen from where the optical axes meet."""
    axes = np.stack([camera.cam_from_world.rotation[2] for camera in cameras])
    centres = np.stack([camera.centre for camera in cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    middle = centres.mean(axis=0)
    # Parallel axes meet nowhere: the pseudo-inverse then stays at the middle along them.
    meeting = middle + np.linalg.pinv(across.sum(axis=0), rcond=1e-6) @ np.einsum("vij,vj->i", across, centres - middle)
    rays = centres - meeting
    rays = rays / np.maximum(np.linalg.norm(rays, axis=-1, keepdims=True), 1e-300)
    nearness = rays @ rays.T
    np.fill_diagonal(nearness, -np.inf)
    nearest = np.argsort(-nearness, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(cameras) - 1)]
    return sorted({(min(view, int(other)), max(view, int(other))) for view, row in enumerate(nearest) for other in row})


def pairs(
    cameras: Sequence[Camera], pixels: Float[ndarray, "views *batch 2"], weights: Float[ndarray, "views *batch"]
) -> Float[ndarray, "*batch 3"]:
    """Return the vector median of the points that neighbouring pairs of cameras find by `polynomial`.

    The rule of EpipolarPose (Kocabas et al. 2019); a weight counts only as 0 (missing) or not. A point that no
    neighbouring pair sees comes from all its views by `dlt`.
    """
    projections = np.stack([camera.px_from_world for camera in cameras])
    straight, seen = np.empty_like(pixels, dtype=float), weights > 0
    for view, camera in enumerate(cameras):
        ideal, valid = camera.lens.undistort(pixels[view])
        straight[view] = ideal * camera.lens.focal + np.asarray(camera.lens.centre)
        seen[view] &= valid
    chosen = neighbouring_pairs(cameras)
    both = np.stack([seen[a] & seen[b] for a, b in chosen])
    found = np.stack([polynomial(projections[[a, b]], straight[[a, b]]) for a, b in chosen])
    rest = dlt(projections, straight, seen.astype(float))
    return np.where(np.any(both, axis=0)[..., None], _vector_median(found, both), rest)


def _vector_median(
    candidates: Float[ndarray, "k *batch 3"], present: Bool[ndarray, "k *batch"]
) -> Float[ndarray, "*batch 3"]:
    """Return the candidate with the least sum of distances to the others (Astola et al. 1990)."""
    total = np.zeros(present.shape)
    for other, there in zip(candidates, present, strict=True):
        total += np.where(there, np.linalg.norm(candidates - other, axis=-1), 0.0)
    best = np.argmin(np.where(present, total, np.inf), axis=0)
    return np.asarray(np.take_along_axis(candidates, best[None, ..., None], axis=0)[0])


class _Matches:
    """Matches in axes of their own: points at the origin, epipoles on the first axis, and a unit that suits both.

    The matrix then is (f f' d, -f' c, -f' d; -f b, a, b; -f d, c, d), and the corresponding epipolar lines are
    numbered by t, where the line of the first image crosses the second axis.
    """

    def __init__(self, fundamental: Float[ndarray, "3 3"], points: Float[ndarray, "2 n 2"]) -> None:
        self.points = points
        left, _, right = np.linalg.svd(fundamental)
        # With the smallest singular value removed the matrix has epipoles at all.
        rank_two = fundamental - np.outer(left[:, 2], left[:, 2] @ fundamental)
        epipoles = np.stack([right[2], left[:, 2]])[:, None]
        ahead = epipoles[..., :2] - points * epipoles[..., 2:]
        length = np.maximum(np.linalg.norm(ahead, axis=-1), 1e-300)
        self.ahead = ahead / length[..., None]
        f = epipoles[..., 2] / length
        self.unit = 1 / np.maximum(np.max(np.abs(f), axis=0), 1e-12)
        self.f, self.f_other = f * self.unit
        aside = np.stack([-self.ahead[..., 1], self.ahead[..., 0]], axis=-1)
        zero, one = np.zeros((*length.shape, 1)), np.ones((*length.shape, 1))
        first = np.concatenate([aside, zero], axis=-1) * self.unit[:, None]
        second = np.concatenate([points, one], axis=-1)
        rows = [np.einsum("ni,ij,nj->n", u[1], rank_two, v[0]) for u in (first, second) for v in (first, second)]
        self.a, self.b, self.c, self.d = np.stack(rows) / np.maximum(np.max(np.abs(rows), axis=0), 1e-300)

    def best_line(self) -> Float[ndarray, "n"]:
        """Return the t with the least sum of squared distances of both points to their lines."""
        coefficients = self._stationary_polynomial()
        candidates = np.concatenate([_real_parts_of_roots(coefficients), np.full((1, len(self.unit)), FAR)])
        best = np.argmin(self.squared_distance(candidates), axis=0)
        t = np.take_along_axis(candidates, best[None], axis=0)[0]
        slopes = coefficients[:-1] * np.arange(6, 0, -1)[:, None]
        for _ in range(2):
            slope = _value(slopes, t)
            polished = t - _value(coefficients, t) / np.where(slope == 0, np.inf, slope)
            t = np.where(self.squared_distance(polished) <= self.squared_distance(t), polished, t)
        return np.asarray(t)

    def squared_distance(self, t: Float[ndarray, "*k n"]) -> Float[ndarray, "*k n"]:
        """Return the sum of squared distances of both points to the lines t, in the matches' own unit."""
        along, across = self.a * t + self.b, self.c * t + self.d
        other = across**2 / np.maximum(along**2 + (self.f_other * across) ** 2, 1e-300)
        return np.asarray(t**2 / (1 + (self.f * t) ** 2) + other)

    def nearest(self, t: Float[ndarray, "n"]) -> Float[ndarray, "2 n 2"]:
        """Return the points of the lines t that are nearest to the matches."""
        along, across = self.a * t + self.b, self.c * t + self.d
        lines = np.stack([[self.f * t, np.ones_like(t), -t], [-self.f_other * across, along, across]])
        x, y, offset = np.moveaxis(lines, 1, 0)
        scale = -offset / np.maximum(x * x + y * y, 1e-300) * self.unit
        aside = np.stack([-self.ahead[..., 1], self.ahead[..., 0]], axis=-1)
        return np.asarray(self.points + (x * scale)[..., None] * self.ahead + (y * scale)[..., None] * aside)

    def _stationary_polynomial(self) -> Float[ndarray, "7 n"]:
        """Return the coefficients, highest power first, of the polynomial whose roots make the distance stationary."""
        a, b, c, d, f2, g2 = self.a, self.b, self.c, self.d, self.f**2, self.f_other**2
        q2, q1, q0 = a * a + g2 * c * c, 2 * (a * b + g2 * c * d), b * b + g2 * d * d
        k = a * d - b * c
        r2, r1, r0 = k * a * c, k * (a * d + b * c), k * b * d
        return np.stack(
            [
                -f2 * f2 * r2,
                q2 * q2 - f2 * f2 * r1,
                2 * q2 * q1 - f2 * f2 * r0 - 2 * f2 * r2,
                q1 * q1 + 2 * q2 * q0 - 2 * f2 * r1,
                2 * q1 * q0 - 2 * f2 * r0 - r2,
                q0 * q0 - r1,
                -r0,
            ]
        )


def _real_parts_of_roots(coefficients: Float[ndarray, "7 n"]) -> Float[ndarray, "6 n"]:
    """Return the real parts of the roots of polynomials, as eigenvalues of companion matrices."""
    largest = np.maximum(np.max(np.abs(coefficients), axis=0), 1e-300)
    lead = np.where(np.abs(coefficients[0]) > 1e-15 * largest, coefficients[0], 1e-15 * largest)
    companion = np.zeros((coefficients.shape[1], 6, 6))
    companion[:, 0] = -(coefficients[1:] / lead).T
    companion[:, np.arange(1, 6), np.arange(5)] = 1.0
    return np.asarray(np.linalg.eigvals(companion).real.T)


def _value(coefficients: Float[ndarray, "k n"], t: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
    """Return polynomials (highest power first) at t, by Horner's rule."""
    value = np.zeros_like(t)
    for coefficient in coefficients:
        value = value * t + coefficient
    return value
