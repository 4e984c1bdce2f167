"""The views' clocks to a fraction of a frame, by bundle adjustment with a time offset for each view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.calibration.adjust import adjust
from epipose.calibration.left_right import find_swaps
from epipose.calibration.people import PeopleCalibration, spread
from epipose.calibration.sync import coarse_offsets
from epipose.calibration.trust import repetition
from epipose.errors import InputError
from epipose.geometry.bundle import Freedom
from epipose.geometry.lenses import Lens
from epipose.pose.keypoints import Keypoints
from epipose.pose.observations import Observations
from epipose.pose.resampling import common_clock, observe, on_clock, steadied

ROUNDS = 40
"""Most rounds of adjustment. Two or three settle it, but for somebody who walks in a circle: there a view's delay looks
nearly like its turn around the middle, and offsets come nearer by a tenth of what is missing in each round."""
STEADY_SECONDS = 0.04
SETTLED_FRAMES = 0.02
"""Offsets that move less than this from one round to the next are final."""
AS_GOOD = 0.94
"""Share of the support of the clocks that motion speaks for, from which on views are taken to be in sync."""
SIGNIFICANT_SIGMAS, SIGNIFICANT_FRAMES = 3.0, 0.25
"""Smaller offsets are taken for none: cameras that are in sync should stay so."""


@dataclass(frozen=True, eq=False)
class Clocks:
    """Time offsets and the calibration at these offsets. A common time is a view's own time less its offset."""

    offsets: Float[ndarray, "views"]
    """Seconds against the first view."""
    sigma: Float[ndarray, "views"]
    """One standard deviation in seconds; 0 for the first view, which is the reference."""
    calibration: PeopleCalibration


def find_clocks(
    views: Sequence[Keypoints],
    lenses: Sequence[Lens],
    threshold_px: float,
    calibrate: Callable[[Observations], PeopleCalibration],
) -> Clocks:
    """Return the clocks of views that film one person, and the cameras `calibrate` finds with them.

    `lenses` may be guesses; `calibrate` is called with the observations on the common clock.
    """
    coarse, none = coarse_offsets(views, lenses, threshold_px), np.zeros(len(views))
    if not np.any(coarse):
        return _settled(views, none, calibrate)
    # Whoever turns and walks in a circle at an even pace looks nearly alike to delayed and to turned cameras.
    delayed, in_sync = (_attempted(views, start, calibrate) for start in (coarse, none))
    if isinstance(delayed, InputError):
        if isinstance(in_sync, InputError):
            raise delayed
        return in_sync
    if isinstance(in_sync, InputError):
        return delayed
    as_good = in_sync.calibration.support >= AS_GOOD * delayed.calibration.support
    return in_sync if as_good else delayed


def _attempted(
    views: Sequence[Keypoints],
    start: Float[ndarray, "views"],
    calibrate: Callable[[Observations], PeopleCalibration],
) -> Clocks | InputError:
    """Return the clocks from `start` (seconds), or why there are none."""
    try:
        return _settled(views, start, calibrate)
    except InputError as error:
        return error


def _settled(
    views: Sequence[Keypoints],
    start: Float[ndarray, "views"],
    calibrate: Callable[[Observations], PeopleCalibration],
) -> Clocks:
    """Return the clocks that bundle adjustment finds from `start` (seconds)."""
    offsets, calibration = start, calibrate(_observed(views, start))
    frame = min(float(np.median(np.diff(view.times))) for view in views)
    calm = [steadied(view, STEADY_SECONDS) for view in views]
    cameras, sigma = calibration.cameras, np.zeros(len(views))
    for _ in range(ROUNDS):
        swapped = find_swaps(cameras, _observed(views, offsets), calibration.sigma_px)
        observations = _observed(calm, offsets).mirrored(swapped)
        # A detector's blunders last and move with the body, so that least squares would take them for time.
        adjusted = adjust(
            cameras, observations, Freedom(time_offsets=True), sigma_px=calibration.sigma_px, rounds=1, loss_sigmas=1.0
        )
        cameras, change = adjusted.cameras, adjusted.bundle.time_offsets
        variance = np.diag(adjusted.bundle.covariance.beyond_cameras()) * repetition(adjusted.residual, observations)
        sigma[1:] = np.sqrt(variance)
        offsets = offsets + change
        if np.max(np.abs(change)) < SETTLED_FRAMES * frame:
            break
    else:
        sigma = np.maximum(sigma, ROUNDS * np.abs(change))
    apart = np.abs(offsets - np.median(offsets))
    if np.all((apart < SIGNIFICANT_SIGMAS * sigma.max()) | (apart < SIGNIFICANT_FRAMES * frame)):
        offsets = np.zeros(len(views))
    if np.any(offsets != start):
        calibration = calibrate(_observed(views, offsets))
    return Clocks(offsets, sigma, calibration)


def _observed(views: Sequence[Keypoints], offsets: Float[ndarray, "views"]) -> Observations:
    """Return the person on the common clock, in as many frames as calibration uses."""
    observations = observe(on_clock(views, offsets, common_clock(views, offsets)))
    return observations.at(spread(observations))
