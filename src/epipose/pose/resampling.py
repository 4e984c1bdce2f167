"""Keypoints and poses at other times: one clock for what started apart or runs at different frame rates."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.observations import Observations

LONGEST_STEP = 2.5
"""Frames further apart than so many usual steps are not interpolated between."""
LEAST_SCORE = 0.3
"""Joints below this score are guesses of the detector and count as not seen."""


def resampled(keypoints: Keypoints, times: Float[ndarray, "frames"]) -> Keypoints:
    """Return the keypoints at `times` (seconds on their own clock), linearly interpolated.

    At a time of their own they are returned unchanged; between two frames a joint is seen if both saw it, with the
    lower score; outside the recording nothing is seen. People slots are taken for persistent.
    """
    before, after, share, usable = _between(keypoints.times, times)
    weight = share[:, None, None]
    score = _joined(keypoints.score[before], keypoints.score[after], share, np.minimum)
    pixels = (1 - weight[..., None]) * keypoints.pixels[before] + weight[..., None] * keypoints.pixels[after]
    return replace(
        keypoints,
        pixels=pixels.astype(np.float32),
        score=np.where(usable[:, None, None], score, 0).astype(np.float32),
        times=times,
    )


def resampled_poses(poses: Poses, times: Float[ndarray, "frames"]) -> Poses:
    """Return the poses at `times` (seconds on their own clock), interpolated by cubic curves through the frames.

    The rules are those of `resampled`, with the larger uncertainty of two frames. Where a frame further out is missing
    the curve takes the direction of the line between the two.
    """
    before, after, share, usable = _between(poses.times, times)
    weight = _joined(poses.weight[before], poses.weight[after], share, np.minimum)
    uncertainty = _joined(poses.uncertainty[before], poses.uncertainty[after], share, np.maximum)
    return replace(
        poses,
        positions=_on_curve(poses, before, after, share).astype(np.float32),
        uncertainty=uncertainty.astype(np.float32),
        weight=np.where(usable[:, None, None], weight, 0).astype(np.float32),
        times=times,
    )


def common_clock(views: Sequence[Keypoints], offsets: Float[ndarray, "views"]) -> Float[ndarray, "frames"]:
    """Return the frames' times of the fastest view, shifted to the common clock, while two views or more are filming.

    A time on the common clock is a view's own time less its offset. Raises InputError when no two views overlap.
    """
    steps = [np.median(np.diff(view.times)) if len(view.times) > 1 else np.inf for view in views]
    fastest = int(np.argmin(np.round(steps, 6)))
    clock = views[fastest].times - offsets[fastest]
    starts = np.array([view.times[0] for view in views]) - offsets
    ends = np.array([view.times[-1] for view in views]) - offsets
    slack = 1e-6
    filming = np.sum((clock[:, None] >= starts - slack) & (clock[:, None] <= ends + slack), axis=1)
    if not np.any(filming >= 2):
        raise InputError("no two views were filming at the same time; check that the videos belong together")
    return np.asarray(clock[filming >= 2])


def on_clock(
    views: Sequence[Keypoints], offsets: Float[ndarray, "views"], clock: Float[ndarray, "frames"]
) -> list[Keypoints]:
    """Return every view's keypoints at the times of the common `clock`."""
    return [replace(resampled(view, clock + offset), times=clock) for view, offset in zip(views, offsets, strict=True)]


def observe(views: Sequence[Keypoints], person: int = 0) -> Observations:
    """Return one person's joints in all views, which share a clock; scores become weights."""
    score = np.stack([view.score[:, person] for view in views]).astype(float)
    pixels = np.stack([view.pixels[:, person] for view in views]).astype(float)
    weight = np.where(score >= LEAST_SCORE, np.minimum(score, 1), 0)
    return Observations(pixels, weight, views[0].times, views[0].skeleton)


def steadied(keypoints: Keypoints, seconds: float) -> Keypoints:
    """Return the tracks smoothed by a straight line through each moment's surroundings (Gaussian weights, `seconds`).

    For finding time offsets only: interpolation between two frames averages their noise, so that raw tracks fit best
    half-way between frames; steadied ones have no such preference. A line, unlike a mean, does not lag at the ends.
    """
    step = float(np.median(np.diff(keypoints.times)))

    def local_mean(values: ndarray) -> ndarray:
        return np.asarray(gaussian_filter1d(values, seconds / step, axis=0, mode="constant"))

    seen = (keypoints.score >= LEAST_SCORE).astype(float)[..., None]
    # From the middle: squares of seconds since 1970 would leave no digits for the rest.
    times = (keypoints.times - keypoints.times.mean())[:, None, None, None]
    share = np.maximum(local_mean(seen), 1e-9)
    pixel_mean = local_mean(seen * keypoints.pixels) / share
    time_mean = local_mean(seen * times) / share
    time_variance = local_mean(seen * times**2) / share - time_mean**2
    covariance = local_mean(seen * times * keypoints.pixels) / share - time_mean * pixel_mean
    line = pixel_mean + covariance / np.maximum(time_variance, 1e-9) * (times - time_mean)
    return replace(keypoints, pixels=np.where(seen > 0, line, keypoints.pixels).astype(np.float32))


def _between(
    own: Float[ndarray, "own"], times: Float[ndarray, "frames"]
) -> tuple[Int[ndarray, "frames"], Int[ndarray, "frames"], Float[ndarray, "frames"], Bool[ndarray, "frames"]]:
    """Return the own frames before and after each time, the share of the way, and whether the two may be joined."""
    if len(own) == 1:
        none = np.zeros(len(times), int)
        return none, none, np.zeros(len(times)), times == own[0]
    before = np.clip(np.searchsorted(own, times, side="right") - 1, 0, len(own) - 2)
    step = own[before + 1] - own[before]
    # A millionth of a step: rounding must not turn a frame's own time into an interpolation.
    share = np.round((times - own[before]) / step, 6)
    usable = (share >= 0) & (share <= 1) & ((step <= LONGEST_STEP * np.median(np.diff(own))) | (share % 1 == 0))
    return before, before + 1, share, usable


def _joined(
    first: Float[ndarray, "frames people joints"],
    second: Float[ndarray, "frames people joints"],
    share: Float[ndarray, "frames"],
    join: np.ufunc,
) -> Float[ndarray, "frames people joints"]:
    """Return the value of a frame at its own time, and `join` of both in between."""
    weight = share[:, None, None]
    return np.where(weight == 0, first, np.where(weight == 1, second, join(first, second)))


def _on_curve(
    poses: Poses, before: Int[ndarray, "frames"], after: Int[ndarray, "frames"], share: Float[ndarray, "frames"]
) -> Float[ndarray, "frames people joints 3"]:
    """Return positions on the cubic Hermite curve whose direction at a frame is that between its neighbours."""
    places, known, own = poses.positions.astype(float), poses.weight > 0, poses.times
    if len(own) == 1:
        return np.asarray(places[before])
    step = (own[after] - own[before])[:, None, None, None]
    line = places[after] - places[before]

    def direction(begin: ndarray, end: ndarray) -> ndarray:
        apart = (own[end] - own[begin])[:, None, None, None]
        near = (own[end] - own[begin] <= 2 * LONGEST_STEP * np.median(np.diff(own)))[:, None, None]
        whole = near & known[begin] & known[end]
        return np.asarray(np.where(whole[..., None], (places[end] - places[begin]) * step / apart, line))

    begins = direction(np.maximum(before - 1, 0), after)
    ends = direction(before, np.minimum(after + 1, len(own) - 1))
    s = np.clip(share, 0, 1)[:, None, None, None]
    curve = places[before] + s * line + s * (1 - s) * ((1 - s) * (begins - line) - s * (ends - line))
    return np.asarray(curve)
