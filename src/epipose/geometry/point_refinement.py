"""Points moved to where they are most likely: least squares of the reprojection error, for blocks of points at once.

Arrays hold one number a row, as in `linear_triangulation`. Residuals are whitened: a squared residual of 1 is one
standard deviation. They are taken between ideal points, with the lens's own scale at the observation, so that they
equal those in real pixels to first order.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import MIN_DEPTH
from epipose.geometry.linear_triangulation import LinearSystem

EASY_DAMPING = 1e-9
"""Levenberg-Marquardt damping, relative to the normal matrix, with which points start: practically Gauss-Newton."""

DAMPING_STEP = 1e4
"""Factor of the damping after a step that failed, and divisor after one that succeeded."""


STILL = 1e-10
"""Gain of a step, in squared standard deviations, below which a point is where it belongs."""

MORE_STEPS = 10
"""Steps for points that the usual few leave on their way: rays nearly parallel, or far from the linear solution."""


class Sights(NamedTuple):
    """What the views see of n points."""

    x: Float[ndarray, "views n"]
    """Ideal points; any finite number where not observed."""
    y: Float[ndarray, "views n"]
    xx: Float[ndarray, "views n"]
    """Inverse covariance of the ideal points, entries xx, xy, yy; 0 where not observed."""
    xy: Float[ndarray, "views n"]
    yy: Float[ndarray, "views n"]

    @property
    def observed(self) -> Bool[ndarray, "views n"]:
        """Which views see a point."""
        return self.xx > 0

    def take(self, points: ndarray | slice) -> "Sights":
        """Return the sights of some of the points."""
        return Sights(*(row[:, points] for row in self))


class Fit(NamedTuple):
    """Points with what their views make of them."""

    points: Float[ndarray, "3 n"]
    squared: Float[ndarray, "views n"]
    """Squared whitened residuals, also of views that were not used."""
    in_front: Bool[ndarray, "views n"]
    cost: Float[ndarray, "n"]
    """Sum of `squared` over the used views."""
    normal: Float[ndarray, "6 n"]
    """Inverse covariance of the points: entries xx, xy, xz, yy, yz, zz."""
    gradient: Float[ndarray, "3 n"]


def sights_of(
    cameras: Sequence[Camera], pixels: Float[ndarray, "views n 2"], weights: Float[ndarray, "views n"], sigma_px: float
) -> Sights:
    """Return what cameras see; a pixel that its lens cannot invert counts as not observed."""
    rows = np.empty((5, *weights.shape))
    for view, camera in enumerate(cameras):
        x, y, metric, valid = camera.lens.undistort_with_metric(pixels[view])
        rows[:2, view] = x, y
        rows[2:, view] = metric * (weights[view] * valid / sigma_px**2)
    return Sights(*rows)


class Triangulator:
    """Cameras prepared to triangulate any number of points."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        """Take the cameras whose `Sights` will be given, in the same order."""
        motions = np.stack([camera.ideal_from_world for camera in cameras])
        self.linear = LinearSystem(motions)
        self.centres = np.stack([camera.centre for camera in cameras])
        self.rotation = np.concatenate(np.moveaxis(motions[..., :3], 1, 0))
        self.translation = np.concatenate(np.moveaxis(motions[..., 3:], 1, 0))
        self.normal_from_cameras = _normal_from_cameras(motions[..., :3])

    def fit(self, sights: Sights, used: Bool[ndarray, "views n"], *, steps: int) -> Fit:
        """Return the most likely points given the `used` views, by `steps` from the linear solution."""
        weights = np.where(used, 0.5 * (sights.xx + sights.yy), 0.0)
        return self.refine(sights, used, self.linear.solve(sights.x, sights.y, weights), steps=steps)

    def refine(
        self, sights: Sights, used: Bool[ndarray, "views n"], points: Float[ndarray, "3 n"], *, steps: int
    ) -> Fit:
        """Return the points after Levenberg-Marquardt steps, none of which makes a point worse."""
        fit = self.evaluate(sights, used, points)
        damping = np.full(points.shape[1], EASY_DAMPING)
        for _ in range(steps):
            step = _solved(_damped(fit.normal, damping), fit.gradient)
            trial = self.evaluate(sights, used, fit.points - step)
            better = trial.cost <= fit.cost
            if np.all(better):
                fit = trial
                continue
            fit = Fit(*(np.where(better, new, old) for old, new in zip(fit, trial, strict=True)))
            damping = np.where(better, EASY_DAMPING, damping * DAMPING_STEP)
        return fit

    def settled(self, sights: Sights, used: Bool[ndarray, "views n"], fit: Fit) -> Fit:
        """Return the fit with more steps for the few points that still move."""
        step = _solved(_damped(fit.normal, EASY_DAMPING), fit.gradient)
        moving = np.flatnonzero(np.sum(step * fit.gradient, axis=0) > STILL)
        if moving.size:
            more = self.refine(sights.take(moving), used[:, moving], fit.points[:, moving], steps=MORE_STEPS)
            for row, new in zip(fit, more, strict=True):
                row[..., moving] = new
        return fit

    def evaluate(self, sights: Sights, used: Bool[ndarray, "views n"], points: Float[ndarray, "3 n"]) -> Fit:
        """Return residuals and normal equations at `points`."""
        u, v, depth = (self.rotation @ points + self.translation).reshape(3, *used.shape)
        closeness = 1 / np.where(np.abs(depth) > MIN_DEPTH, depth, MIN_DEPTH)
        u, v = u * closeness, v * closeness
        du, dv = u - sights.x, v - sights.y
        gu, gv = sights.xx * du + sights.xy * dv, sights.xy * du + sights.yy * dv
        squared = gu * du + gv * dv
        slope = used * closeness
        gradient = np.stack([slope * gu, slope * gv, -slope * (gu * u + gv * v)]).reshape(-1, points.shape[1])
        scale = slope * closeness
        xx, xy, yy = scale * sights.xx, scale * sights.xy, scale * sights.yy
        xz, yz = xx * u + xy * v, xy * u + yy * v
        in_cameras = np.stack([xx, xy, -xz, yy, -yz, xz * u + yz * v]).reshape(-1, points.shape[1])
        return Fit(
            points,
            squared,
            depth > MIN_DEPTH,
            np.sum(squared * used, axis=0),
            self.normal_from_cameras @ in_cameras,
            self.rotation.T @ gradient,
        )


def covariance_of(normal: Float[ndarray, "6 n"]) -> Float[ndarray, "n 3 3"]:
    """Return the inverses of normal matrices; finite, but enormous, along directions that nothing determines."""
    xx, xy, xz, yy, yz, zz = _inverse(_damped(normal, 1e-12))
    return np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=-1).reshape(-1, 3, 3)


def _normal_from_cameras(rotations: Float[ndarray, "views 3 3"]) -> Float[ndarray, "6 6*views"]:
    """Return the linear map from normal matrices in camera axes (entry, then view) to their sum in world axes."""
    entries = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    table = np.empty((6, 6, len(rotations)))
    for row, (i, j) in enumerate(entries):
        for column, (p, q) in enumerate(entries):
            product = rotations[:, p, i] * rotations[:, q, j]
            table[row, column] = product if p == q else product + rotations[:, q, i] * rotations[:, p, j]
    return table.reshape(6, -1)


def _damped(normal: Float[ndarray, "6 n"], relative: Float[ndarray, "n"] | float) -> Float[ndarray, "6 n"]:
    """Add a share of the trace to the diagonal, and a trifle for points that nobody sees."""
    xx, xy, xz, yy, yz, zz = normal
    more = relative * (xx + yy + zz) + 1e-12
    return np.stack([xx + more, xy, xz, yy + more, yz, zz + more])


def _inverse(matrix: Float[ndarray, "6 n"]) -> Float[ndarray, "6 n"]:
    """Return the inverse of symmetric matrices by cofactors."""
    xx, xy, xz, yy, yz, zz = matrix
    first, second, third = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    determinant = xx * first + xy * second + xz * third
    rest = [xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy]
    return np.asarray(np.stack([first, second, third, *rest]) / np.maximum(determinant, 1e-300))


def _solved(matrix: Float[ndarray, "6 n"], vector: Float[ndarray, "3 n"]) -> Float[ndarray, "3 n"]:
    xx, xy, xz, yy, yz, zz = _inverse(matrix)
    x, y, z = vector
    return np.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])
