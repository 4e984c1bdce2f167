"""Points in space from the pixels of several known cameras."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.linear_triangulation import LinearSystem, blocks, camera_centres, with_metric_depth
from epipose.geometry.point_refinement import Fit, Sights, Triangulator, covariance_of, sights_of

OUTLIER_SIGMAS = 3.5
"""Standard deviations beyond which an observation counts as wrong."""

MIN_PARALLAX = np.deg2rad(1.0)
"""Angle in radians between two rays (or a ray and another's opposite) below which their distance means nothing."""

BLOCK = 4096
"""Points refined at once; they need more rows than linear triangulation."""

MAX_HYPOTHESES = 64
"""Most sets of views from which a point with wrong observations is tried."""


class Triangulated(NamedTuple):
    """Points with what is known about them."""

    points: Float[ndarray, "*batch 3"]
    covariance: Float[ndarray, "*batch 3 3"]
    """m^2, from the standard deviation of the pixels; enormous but finite along what nothing determines."""
    used: Bool[ndarray, "views *batch"]
    """Observation kept as an inlier."""
    residual_px: Float[ndarray, "views *batch"]
    """Distance between observed and reprojected pixel (first order), also for dropped views; 0 where missing."""
    valid: Bool[ndarray, "*batch"]
    """Two views or more agree, from directions that differ, on a point in front of them."""


def dlt(
    projections: Float[ndarray, "views 3 4"],
    points: Float[ndarray, "views *batch 2"],
    weights: Float[ndarray, "views *batch"],
) -> Float[ndarray, "*batch 3"]:
    """Return the linear triangulation of n views (total least squares; Hartley and Zisserman 2004, 12.2).

    `points` are in the image coordinates of `projections`, without distortion; `weights` are inverse variances, 0 where
    missing. The result does not depend on the world's origin, axes and unit. A point that fewer than two views see is
    finite but means nothing: see `well_determined`.
    """
    system = LinearSystem(projections)
    flat, flat_weights = points.reshape(len(points), -1, 2), weights.reshape(len(weights), -1)
    result = np.empty((flat.shape[1], 3))
    for block in blocks(len(result)):
        result[block] = system.solve(flat[:, block, 0], flat[:, block, 1], flat_weights[:, block]).T
    return result.reshape(*weights.shape[1:], 3)


def well_determined(
    projections: Float[ndarray, "views 3 4"],
    points: Float[ndarray, "*batch 3"],
    weights: Float[ndarray, "views *batch"],
) -> Bool[ndarray, "*batch"]:
    """Return which points lie in front of every view that sees them (weight above 0), and are seen under a parallax."""
    flat = points.reshape(-1, 3).T
    seen = weights.reshape(len(weights), -1) > 0
    axes = with_metric_depth(projections)[:, 2]
    in_front = axes[:, :3] @ flat + axes[:, 3:] > 0
    parallax = _parallax(camera_centres(projections), flat, seen)
    return np.asarray(np.all(in_front | ~seen, axis=0) & parallax).reshape(weights.shape[1:])


def robust(
    cameras: Sequence[Camera],
    pixels: Float[ndarray, "views *batch 2"],
    weights: Float[ndarray, "views *batch"],
    *,
    sigma_px: float,
) -> Triangulated:
    """Return the most likely points, without the views that are wrong about them.

    `weights` are inverse variances relative to `sigma_px` squared, 0 where missing. Each point has the set of views and
    the place that minimise the sum of squared residuals, cut off at `OUTLIER_SIGMAS` (truncated least squares): from
    pairs of views and all views but one, the views that agree and the place are improved in turn.
    """
    triangulator = Triangulator(cameras)
    flat, flat_weights = pixels.reshape(len(cameras), -1, 2), weights.reshape(len(cameras), -1)
    solution = _Solution(len(cameras), flat.shape[1])
    suspects = []
    for block in blocks(flat.shape[1], BLOCK):
        sights = sights_of(cameras, flat[:, block], flat_weights[:, block], sigma_px)
        fit = triangulator.fit(sights, sights.observed, steps=3)
        solution.put(block, fit, sights.observed)
        suspect = np.flatnonzero(~_agree(fit, sights.observed) & (sights.observed.sum(axis=0) > 2))
        suspects.append((suspect + block.start, sights.take(suspect)))
    starts = _starts(len(cameras))
    if len(cameras) > 2 and suspects:
        indices = np.concatenate([index for index, _ in suspects])
        sights = Sights(*(np.concatenate(rows, axis=1) for rows in zip(*(s for _, s in suspects), strict=True)))
        for block in blocks(len(indices), max(BLOCK // len(starts), 1)):
            solution.put(indices[block], *_best_agreement(triangulator, sights.take(block), starts))
    return solution.finished(triangulator, flat_weights, sigma_px, weights.shape)


class _Solution:
    """The points found so far, block by block."""

    def __init__(self, views: int, count: int) -> None:
        self.points, self.normal = np.empty((3, count)), np.empty((6, count))
        self.squared, self.used = np.empty((views, count)), np.empty((views, count), bool)
        self.agreed = np.empty(count, bool)

    def put(self, index: ndarray | slice, fit: Fit, used: Bool[ndarray, "views n"]) -> None:
        self.points[:, index], self.normal[:, index], self.squared[:, index] = fit.points, fit.normal, fit.squared
        self.agreed[index] = _agree(fit, used)
        self.used[:, index] = used & self.agreed[index]

    def finished(
        self,
        triangulator: Triangulator,
        weights: Float[ndarray, "views n"],
        sigma_px: float,
        shape: tuple[int, ...],
    ) -> Triangulated:
        count = len(self.agreed)
        covariance, valid = np.empty((count, 3, 3)), np.empty(count, bool)
        residual = np.empty(self.squared.shape)
        for block in blocks(count):
            covariance[block] = covariance_of(self.normal[:, block])
            valid[block] = _parallax(triangulator.centres, self.points[:, block], self.used[:, block])
            seen = weights[:, block] > 0
            residual[:, block] = sigma_px * np.sqrt(self.squared[:, block] / np.where(seen, weights[:, block], 1.0))
        batch = shape[1:]
        return Triangulated(
            self.points.T.reshape(*batch, 3),
            covariance.reshape(*batch, 3, 3),
            self.used.reshape(shape),
            residual.reshape(shape),
            valid.reshape(batch),
        )


def _agree(fit: Fit, used: Bool[ndarray, "views n"]) -> Bool[ndarray, "n"]:
    """Return at which points two used views or more have residuals as they should, one by one and together."""
    good = (fit.squared < OUTLIER_SIGMAS**2) & fit.in_front
    count = used.sum(axis=0)
    freedom = np.maximum(2.0 * count - 3, 0)
    limit = np.maximum(OUTLIER_SIGMAS**2, freedom + 3 * np.sqrt(2 * freedom))
    return np.asarray(np.all(good | ~used, axis=0) & (count > 1) & (fit.cost < limit))


def _starts(views: int) -> Bool[ndarray, "starts views"]:
    """Return the sets of views to start from: every pair, and all views but one; of too many an even choice."""
    pairs = [np.isin(np.arange(views), pair) for pair in combinations(range(views), 2)]
    all_but_one = [np.arange(views) != left_out for left_out in range(views)]
    return np.stack(pairs[:: -(-len(pairs) // MAX_HYPOTHESES)] + all_but_one)


def _best_agreement(
    triangulator: Triangulator, sights: Sights, starts: Bool[ndarray, "starts views"]
) -> tuple[Fit, Bool[ndarray, "views n"]]:
    """Return the places with the least truncated squares, and the views that agree on them."""
    count = sights.x.shape[1]
    repeated = sights.take(np.repeat(np.arange(count), len(starts)))
    used = np.tile(starts.T, count) & repeated.observed
    fit = triangulator.fit(repeated, used, steps=2)
    for _ in range(2):
        used = _agreeing(fit, repeated, used)
        fit = triangulator.refine(repeated, used, fit.points, steps=2)
    cost = np.where(fit.in_front, np.minimum(fit.squared, OUTLIER_SIGMAS**2), OUTLIER_SIGMAS**2)
    total = np.sum(cost * repeated.observed, axis=0)
    total += np.where(_parallax(triangulator.centres, fit.points, used), 0.0, np.inf)
    best = np.argmin(total.reshape(count, -1), axis=1) + np.arange(count) * len(starts)
    used = _agreeing(fit, repeated, used)[:, best]
    return triangulator.refine(sights, used, fit.points[:, best], steps=3), used


def _agreeing(fit: Fit, sights: Sights, used: Bool[ndarray, "views n"]) -> Bool[ndarray, "views n"]:
    """Return the views whose residuals are small; where fewer than two are, the views used before."""
    agreeing = sights.observed & fit.in_front & (fit.squared < OUTLIER_SIGMAS**2)
    return np.where(agreeing.sum(axis=0) > 1, agreeing, used)


def _parallax(
    centres: Float[ndarray, "views 3"], points: Float[ndarray, "3 n"], used: Bool[ndarray, "views n"]
) -> Bool[ndarray, "n"]:
    """Return which points two used views see from directions that differ enough."""
    rays = [points - centre[:, None] for centre in centres]
    lengths = [np.sum(ray * ray, axis=0) for ray in rays]
    enough = np.zeros(points.shape[1], bool)
    for a, b in combinations(range(len(centres)), 2):
        cosine_squared = np.sum(rays[a] * rays[b], axis=0) ** 2
        differ = cosine_squared < np.cos(MIN_PARALLAX) ** 2 * lengths[a] * lengths[b]
        enough |= differ & used[a] & used[b]
    return enough
