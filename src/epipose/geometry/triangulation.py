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
from epipose.threads import one_blas_thread

OUTLIER_SIGMAS = 3.5
"""Standard deviations beyond which an observation counts as wrong."""

AMBIGUITY = 2 * np.log(10)
"""A point counts when its explanation is ten times as likely as any other (difference of -2 log likelihood)."""

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


@one_blas_thread
def robust(
    cameras: Sequence[Camera],
    pixels: Float[ndarray, "views *batch 2"],
    weights: Float[ndarray, "views *batch"],
    *,
    sigma_px: float,
) -> Triangulated:
    """Return the most likely points, without the views that are wrong about them.

    `weights` are inverse variances relative to `sigma_px` squared, 0 where missing. A point on which all views agree is
    their maximum likelihood. Otherwise pairs of views, and all views but one, propose places; the views that agree and
    the place are improved in turn, and the explanation with the most evidence wins. If the runner-up is elsewhere and
    nearly as good (two views against one other), the point is not `valid`.
    """
    triangulator = Triangulator(cameras)
    flat, flat_weights = pixels.reshape(len(cameras), -1, 2), weights.reshape(len(cameras), -1)
    solution = _Solution(len(cameras), flat.shape[1])
    suspects = []
    for block in blocks(flat.shape[1], BLOCK):
        sights = sights_of(cameras, flat[:, block], flat_weights[:, block], sigma_px)
        fit = triangulator.settled(sights, sights.observed, triangulator.fit(sights, sights.observed, steps=2))
        agreed = _agree(fit, sights.observed)
        solution.put(block, fit, sights.observed, agreed)
        suspect = np.flatnonzero(~agreed & (sights.observed.sum(axis=0) > 2))
        suspects.append((suspect + block.start, sights.take(suspect)))
    if len(cameras) > 2 and suspects:
        starts = _starts(len(cameras))
        indices = np.concatenate([index for index, _ in suspects])
        sights = Sights(*(np.concatenate(rows, axis=1) for rows in zip(*(s for _, s in suspects), strict=True)))
        for block in blocks(len(indices), max(BLOCK // len(starts), 1)):
            solution.put(indices[block], *_best_explanation(triangulator, sights.take(block), starts))
    return solution.finished(triangulator, flat_weights, sigma_px, weights.shape)


class _Solution:
    """The points found so far, block by block."""

    def __init__(self, views: int, count: int) -> None:
        self.points, self.normal = np.empty((3, count)), np.empty((6, count))
        self.squared, self.used = np.empty((views, count)), np.empty((views, count), bool)

    def put(self, index: ndarray | slice, fit: Fit, used: Bool[ndarray, "views n"], agreed: Bool[ndarray, "n"]) -> None:
        self.points[:, index], self.normal[:, index], self.squared[:, index] = fit.points, fit.normal, fit.squared
        self.used[:, index] = used & agreed

    def finished(
        self,
        triangulator: Triangulator,
        weights: Float[ndarray, "views n"],
        sigma_px: float,
        shape: tuple[int, ...],
    ) -> Triangulated:
        count = self.points.shape[1]
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
    count = used.sum(axis=0)
    freedom = np.maximum(2.0 * count - 3, 1.0)
    # 99.7 % quantile of chi-square (Wilson and Hilferty 1931).
    limit = freedom * (1 - 2 / (9 * freedom) + 2.748 * np.sqrt(2 / (9 * freedom))) ** 3
    return np.asarray(np.all(_small(fit) | ~used, axis=0) & (count > 1) & (fit.cost < limit))


def _small(fit: Fit) -> Bool[ndarray, "views n"]:
    return np.asarray((fit.squared < OUTLIER_SIGMAS**2) & fit.in_front)


def _starts(views: int) -> Bool[ndarray, "starts views"]:
    """Return the sets of views to start from: every pair, and all views but one; of too many an even choice."""
    pairs = [np.isin(np.arange(views), pair) for pair in combinations(range(views), 2)]
    all_but_one = [np.arange(views) != left_out for left_out in range(views)]
    return np.stack(pairs[:: -(-len(pairs) // MAX_HYPOTHESES)] + all_but_one)


def _best_explanation(
    triangulator: Triangulator, sights: Sights, starts: Bool[ndarray, "starts views"]
) -> tuple[Fit, Bool[ndarray, "views n"], Bool[ndarray, "n"]]:
    """Return the places with the most evidence, the views that agree on them, and which have no rival elsewhere."""
    count = sights.x.shape[1]
    repeated = sights.take(np.repeat(np.arange(count), len(starts)))
    used = np.tile(starts.T, count) & repeated.observed
    fit = triangulator.fit(repeated, used, steps=2)
    for _ in range(2):
        used = _agreeing(fit, repeated, used)
        fit = triangulator.refine(repeated, used, fit.points, steps=2)
    used = _agreeing(fit, repeated, used)
    parallax = _parallax(triangulator.centres, fit.points, used)
    against = np.where(parallax, _evidence_against(fit, repeated.observed), 1e9).reshape(count, -1)
    first = np.argmin(against, axis=1)
    best = first + np.arange(count) * len(starts)
    used = used[:, best]
    places = fit.points.T.reshape(count, -1, 3)
    winner = triangulator.refine(sights, used, fit.points[:, best], steps=2)
    winner = triangulator.settled(sights, used, winner)
    distance = np.linalg.norm(places - winner.points.T[:, None], axis=-1)
    reach = 3 * np.sqrt(np.trace(covariance_of(winner.normal), axis1=-2, axis2=-1))
    rival = np.min(np.where(distance > reach[:, None], against, np.inf), axis=1)
    alone = rival - np.min(against, axis=1) > AMBIGUITY
    return winner, used, alone & _agree(winner, used)


def _evidence_against(fit: Fit, observed: Bool[ndarray, "views n"]) -> Float[ndarray, "n"]:
    """Return -2 log of the marginal likelihood of places, up to a constant.

    Beyond the cut-off an observation is wrong, with a density that falls with the square of its distance: the only one
    without a scale. The volume in which a place may lie counts for it.
    """
    cut = OUTLIER_SIGMAS**2
    wrong = cut + 2 * np.log(np.maximum(fit.squared, cut) / cut)
    squared = np.where(fit.in_front, np.minimum(fit.squared, wrong), wrong)
    volume = np.linalg.det(covariance_of(fit.normal))
    return np.asarray(np.sum(squared * observed, axis=0) - np.log(np.maximum(volume, 1e-300)))


def _agreeing(fit: Fit, sights: Sights, used: Bool[ndarray, "views n"]) -> Bool[ndarray, "views n"]:
    """Return the views whose residuals are small; where fewer than two are, the views used before."""
    agreeing = sights.observed & _small(fit)
    return np.asarray(np.where(agreeing.sum(axis=0) > 1, agreeing, used))


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
