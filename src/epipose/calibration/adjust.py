"""Bundle adjustment of people: outliers dropped by triangulation, noise measured, cameras adjusted, and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.stats import chi2

from epipose.geometry.bundle import Bundle, BundleProblem, Freedom
from epipose.geometry.cameras import Camera
from epipose.geometry.triangulation import robust
from epipose.pose.observations import Observations

ROUNDS = 6
"""Triangulate and adjust at most so often."""
SETTLED = 0.97
"""When the noise falls to no less than this share of what it was before, the set of outliers has settled."""
ROUGH = 100.0
"""Times the noise, within which any observation agrees with a first guess of the cameras."""


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Adjusted cameras, and which observations they were adjusted to."""

    bundle: Bundle
    used: Bool[ndarray, "views frames joints"]
    residual: Float[ndarray, "views frames joints 2"]
    """Reprojection minus observation in pixels, where `used`, else 0."""

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The adjusted cameras."""
        return self.bundle.cameras


def adjust(
    cameras: Sequence[Camera],
    observations: Observations,
    freedom: Freedom,
    *,
    sigma_px: float,
    rounds: int = ROUNDS,
    loss_sigmas: float = 2.0,
) -> Adjusted:
    """Return the cameras that best explain the observations, from a first guess of cameras and of the noise.

    The first round takes what the cameras are off for noise and weighs large residuals down (Cauchy), so that a rough
    guess may move far instead of throwing out what contradicts it; the later ones are least squares over the
    observations that triangulation keeps, which is what makes the result as precise as it can be. `loss_sigmas` is the
    scale of the first round's loss: one round with a small one is less precise, but the least misled by blunders.
    """
    guess = robust(cameras, observations.pixels, observations.weight, sigma_px=ROUGH * sigma_px)
    sigma_px = max(sigma_px, noise_from(guess.residual_px, guess.used & guess.valid, observations.weight))
    offsets = np.zeros(len(cameras))
    adjusted = _round(cameras, observations, freedom, offsets, sigma_px=sigma_px, robust_px=loss_sigmas * sigma_px)
    for _ in range(rounds - 1):
        sigma_px, offsets = noise_px(adjusted, observations), adjusted.bundle.time_offsets
        adjusted = _round(adjusted.cameras, observations, freedom, offsets, sigma_px=sigma_px, robust_px=None)
        if noise_px(adjusted, observations) > SETTLED * sigma_px:
            break
    return adjusted


def _round(
    cameras: Sequence[Camera],
    observations: Observations,
    freedom: Freedom,
    offsets: Float[ndarray, "views"],
    *,
    sigma_px: float,
    robust_px: float | None,
) -> Adjusted:
    views = len(cameras)
    pixels, velocity = observations.pixels, None
    if freedom.time_offsets:
        velocity = observations.velocity
        pixels = pixels + velocity * offsets[:, None, None, None]
    triangulated = robust(cameras, pixels, observations.weight, sigma_px=sigma_px)
    used = triangulated.used & triangulated.valid
    kept = (used.sum(axis=0) >= 2).ravel()
    problem = BundleProblem(
        observations.pixels.reshape(views, -1, 2)[:, kept],
        (observations.weight * used).reshape(views, -1)[:, kept],
        freedom,
        robust_px=robust_px,
        pixel_velocity=None if velocity is None else velocity.reshape(views, -1, 2)[:, kept],
    )
    bundle = problem.solve(cameras, triangulated.points.reshape(-1, 3)[kept])
    residual = np.zeros_like(observations.pixels).reshape(views, -1, 2)
    residual[:, kept] = bundle.residual
    used = used & kept.reshape(used.shape[1:])
    return Adjusted(bundle, used, residual.reshape(observations.pixels.shape))


def noise_px(adjusted: Adjusted, observations: Observations) -> float:
    """Return the noise of an observation of weight 1, in pixels, that adjusted cameras leave."""
    return noise_from(np.linalg.norm(adjusted.residual, axis=-1), adjusted.used, observations.weight)


def noise_from(
    residual_px: Float[ndarray, "views frames joints"],
    used: Bool[ndarray, "views frames joints"],
    weight: Float[ndarray, "views frames joints"],
) -> float:
    """Return the noise of an observation of weight 1, in pixels, from the median of the points' squared residuals.

    A point seen by m views leaves 2m - 3 squared normal deviates, so each number of views has its own median.
    """
    seen = used.sum(axis=0)
    squared = np.sum(used * weight * residual_px**2, axis=0)
    estimates, counts = [], []
    for count in np.unique(seen[seen >= 2]):
        those = squared[seen == count]
        estimates.append(np.median(those) / chi2.median(2 * count - 3))
        counts.append(len(those) * (2 * count - 3))
    # A hundredth of a pixel: noise-free test data must not divide by zero.
    return float(max(np.sqrt(np.average(estimates, weights=counts)), 0.01)) if counts else 0.01
