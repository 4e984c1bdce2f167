"""Time offsets between views, from the motion of the person that all of them film.

Coarse: joints speed up and slow down in all views together, whatever the direction of view, so the correlation of
their speeds peaks at the true lag. Middle: at the true lag most joints obey one epipolar geometry. Fine: bundle
adjustment with a free clock for each view (see `people.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.calibration.pairs import agreement
from epipose.geometry.lenses import Lens
from epipose.pose.keypoints import Keypoints
from epipose.pose.observations import Observations
from epipose.pose.resampling import LEAST_SCORE, observe, on_clock, resampled

LONGEST_LAG = 2.0
"""Seconds to either side that are searched."""
LEAST_OVERLAP = 0.5
"""Seconds that two views must film together at a lag for it to be considered."""
LONGEST_EXCERPT = 60.0
"""Seconds of a long recording whose motion is compared."""
PEAKS = 5
"""Lags of best correlation whose epipolar geometry is tried."""
STARTS = 2
"""Best of those from which a finer search starts."""
SCAN_STEPS = 4
"""Frames between the lags that are tried where no peak is convincing."""
CONVINCING = 0.5
"""Share of joints that agree at a lag from which on it is believed."""
CLEARLY_BETTER = 1.1
"""A lag other than none must make so many times more joints agree than no lag does."""


@dataclass(frozen=True)
class _Lagged:
    lag: float
    agreement: float


def coarse_offsets(views: Sequence[Keypoints], lenses: Sequence[Lens], threshold_px: float) -> Float[ndarray, "views"]:
    """Return each view's offset in seconds against the first, to about half a frame; one person a view.

    A time on the common clock is a view's own time less its offset. `lenses` may be guesses. Offsets are chained along
    the pairs that agree best.
    """
    views = _busiest(views)
    links = {}
    for view in range(len(views)):
        for other in range(view + 1, len(views)):
            links[view, other] = _pair_lag((views[view], views[other]), (lenses[view], lenses[other]), threshold_px)
    offsets = {0: 0.0}
    while len(offsets) < len(views):
        open_links = [pair for pair in links if (pair[0] in offsets) != (pair[1] in offsets)]
        first, second = max(open_links, key=lambda pair: links[pair].agreement)
        lag = links[first, second].lag
        if first in offsets:
            offsets[second] = offsets[first] + lag
        else:
            offsets[first] = offsets[second] - lag
    return np.array([offsets[view] for view in range(len(views))])


def _busiest(views: Sequence[Keypoints]) -> list[Keypoints]:
    """Return the part of a long recording in which the first view sees most of the person: enough to compare motion."""
    first = views[0]
    seen = np.concatenate([[0.0], np.cumsum(np.sum(first.score[:, 0] >= LEAST_SCORE, axis=-1))])
    ends = np.searchsorted(first.times, first.times + LONGEST_EXCERPT, side="right")
    start = int(np.argmax(seen[ends] - seen[:-1]))
    begin, end = first.times[start] - LONGEST_LAG, first.times[start] + LONGEST_EXCERPT + LONGEST_LAG
    return [view.between(begin, end) for view in views]


def _pair_lag(pair: tuple[Keypoints, Keypoints], lenses: tuple[Lens, Lens], threshold_px: float) -> _Lagged:
    """Return the offset of the second view against the first at which the two agree best."""
    step = float(min(np.median(np.diff(view.times)) for view in pair))

    def tried(lags: Iterable[float]) -> list[_Lagged]:
        return [_Lagged(lag, _agreement(pair, lenses, lag, threshold_px)) for lag in lags]

    still = _Lagged(0.0, _agreement(pair, lenses, 0.0, threshold_px))
    found = [still, *tried(_speed_peaks(pair, step))]
    if max(lagged.agreement for lagged in found) < CONVINCING:
        # No peak is near the truth: look everywhere.
        found += tried(np.arange(-LONGEST_LAG, LONGEST_LAG + step, SCAN_STEPS * step).tolist())
    best = max((_polished(start, step, tried) for start in _best(found, STARTS)), key=lambda lagged: lagged.agreement)
    return best if best.agreement > CLEARLY_BETTER * still.agreement else still


def _best(found: list[_Lagged], count: int) -> list[_Lagged]:
    return sorted(found, key=lambda lagged: -lagged.agreement)[:count]


def _polished(best: _Lagged, step: float, tried: Callable[[Iterable[float]], list[_Lagged]]) -> _Lagged:
    """Return the best lag near a good one, by ever smaller steps to either side."""
    spacing = SCAN_STEPS * step
    while spacing > 0.3 * step:
        [best] = _best([best, *tried([best.lag - spacing, best.lag + spacing])], 1)
        spacing /= 2
    return best


def _agreement(pair: tuple[Keypoints, Keypoints], lenses: tuple[Lens, Lens], lag: float, threshold_px: float) -> float:
    """Return the share of joints, of those seen by both at a lag, that obey one epipolar geometry."""
    observations = _overlapping(pair, lag)
    shared = np.all(observations.weight > 0, axis=0)
    if observations.times[-1] - observations.times[0] < LEAST_OVERLAP or not shared.any():
        return 0.0
    first, second = (
        lens.undistort(pixels[shared])[0] for lens, pixels in zip(lenses, observations.pixels, strict=True)
    )
    focal = float(np.sqrt(np.prod([np.mean(lens.focal) for lens in lenses])))
    # A tight threshold: what remains of a wrong lag is small wherever the person moves slowly.
    return agreement(first, second, focal, threshold_px=threshold_px / 2)


def _overlapping(pair: tuple[Keypoints, Keypoints], lag: float) -> Observations:
    """Return both views at the first one's times, with the second's clock shifted back by `lag`."""
    first, second = pair
    together = (first.times + lag >= second.times[0]) & (first.times + lag <= second.times[-1])
    clock = first.times[together] if together.any() else first.times[:1]
    return observe(on_clock(pair, np.array([0.0, lag]), clock))


def _speed_peaks(pair: tuple[Keypoints, Keypoints], step: float) -> list[float]:
    """Return the lags (s) at which the joints' speeds in two views are most alike, best first."""
    speeds = [_speeds(view, step) for view in pair]
    longest = round(LONGEST_LAG / step)
    shift = round((pair[1].times[0] - pair[0].times[0]) / step)
    lags = range(-longest, longest + 1)
    score = np.array([_correlation(speeds[0], speeds[1], lag - shift, round(LEAST_OVERLAP / step)) for lag in lags])
    peaks = [i for i in range(len(lags)) if score[i] == score[max(i - 3, 0) : i + 4].max() and score[i] > 0]
    return [float(lags[i] * step) for i in sorted(peaks, key=lambda i: -score[i])[:PEAKS]]


def _speeds(view: Keypoints, step: float) -> Float[ndarray, "frames joints"]:
    """Return the logarithm of each joint's speed at even times; NaN where it is not known."""
    clock = np.arange(view.times[0], view.times[-1] + 1e-9, step)
    even = observe([replace(resampled(view, clock), times=clock)])
    speed = np.linalg.norm(even.velocity[0], axis=-1)
    seen = (even.weight[0] > LEAST_SCORE) & (speed > 0)
    usual = np.median(speed[seen]) if seen.any() else 1.0
    return np.where(seen, np.log(speed / usual + 0.1), np.nan)


def _correlation(first: ndarray, second: ndarray, lag: int, least: int) -> float:
    """Return the correlation of two sets of speeds when the second is read `lag` steps later; 0 for a short overlap."""
    start, stop = max(0, -lag), min(len(first), len(second) - lag)
    if stop - start < least:
        return 0.0
    a, b = first[start:stop], second[start + lag : stop + lag]
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 50:
        return 0.0
    # Each joint is compared with its own mean: that hands move more than hips tells nothing about time.
    centred = []
    for values in (a, b):
        known = np.where(both, values, 0)
        mean = known.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
        centred.append(np.where(both, values - mean, 0))
    norm = np.sqrt(np.sum(centred[0] ** 2) * np.sum(centred[1] ** 2))
    return float(np.sum(centred[0] * centred[1]) / norm) if norm > 0 else 0.0
