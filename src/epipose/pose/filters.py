"""Filters over time: gaps are filled up to a limit, noise is cut above a frequency in hertz.

A run is a stretch of frames in which a joint is known, without a long pause between them (`LONGEST_STEP`). Every filter
works on each run alone, so no gap is ever bridged, and keeps `weight` and `uncertainty`. Runs whose times are uneven
are carried to even times, filtered there, and carried back (cubic splines); `one_euro` uses the times as they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.interpolate import Akima1DInterpolator, CubicSpline
from scipy.signal import butter, savgol_coeffs, savgol_filter, sosfiltfilt

from epipose.errors import InputError
from epipose.pose.keypoints import Poses

LONGEST_STEP = 2.5
"""A time step longer than this many usual ones ends a run."""

# How far a joint strays from the interpolation of its gap, as a one-sigma acceleration in m/s^2 (see `fill_gaps`).
_STRAY_M_S2 = 2.0
_SPEED_CUTOFF_HZ = 1.0
_UNEVEN = 0.01

_Series = Float[ndarray, "samples 3"]


def fill_gaps(poses: Poses, *, max_gap_s: float) -> Poses:
    """Return poses whose gaps of at most `max_gap_s` seconds between known samples are interpolated (Akima's spline).

    Nothing is filled before the first or after the last known sample. A filled sample is marked by half the lower
    weight of its two neighbours, and its uncertainty grows by a (t - t0) (t1 - t) / 2 for an acceleration a of
    2 m/s^2, the root mean square by which joints in recorded motion strayed from such curves over 0.1 to 0.5 s.
    """
    if not max_gap_s >= 0:
        raise InputError(f"the longest gap to fill is {max_gap_s} s; give 0 or more seconds")
    positions, uncertainty, weight = poses.positions.copy(), poses.uncertainty.copy(), poses.weight.copy()
    times = poses.times
    for person, joint in np.ndindex(weight.shape[1:]):
        at = np.flatnonzero(poses.weight[:, person, joint] > 0)
        before, after = at[:-1], at[1:]
        short = (after - before > 1) & (times[after] - times[before] <= max_gap_s * (1 + 1e-9))
        if not np.any(short):
            continue
        curve = Akima1DInterpolator(times[at], poses.positions[at, person, joint])
        for start, end in zip(before[short], after[short], strict=True):
            inside, ends = slice(start + 1, end), [start, end]
            now = times[inside]
            positions[inside, person, joint] = curve(now)
            near = np.interp(now, times[ends], uncertainty[ends, person, joint])
            stray = _STRAY_M_S2 * (now - times[start]) * (times[end] - now) / 2
            uncertainty[inside, person, joint] = np.hypot(near, stray)
            weight[inside, person, joint] = weight[ends, person, joint].min() / 2
    return replace(poses, positions=positions, uncertainty=uncertainty, weight=weight)


def butterworth(poses: Poses, *, cutoff_hz: float, order: int = 4) -> Poses:
    """Return poses after a low-pass filter without delay whose gain at `cutoff_hz` is -3 dB.

    A Butterworth filter of half the (even) `order` runs forwards and backwards; its own cut-off is raised so that both
    passes together reach -3 dB at `cutoff_hz` (Winter, "Biomechanics and Motor Control of Human Movement", 2.2.4.4).
    Runs shorter than one period of the cut-off, or than four samples, stay as they are.
    """
    rate = _checked_rate(poses, cutoff_hz)
    if order < 2 or order % 2:
        raise InputError(f"a Butterworth filter of order {order} cannot run both ways; give an even order")
    # Exact for the bilinear transform: two passes of 1 / (1 + (w/wc)^n) reach 1/2 at w = wc (sqrt(2) - 1)^(1/n).
    single = np.arctan(np.tan(np.pi * cutoff_hz / rate) / (np.sqrt(2) - 1) ** (1 / order)) / np.pi
    sections = butter(order // 2, 2 * single, output="sos")
    period = int(np.ceil(rate / cutoff_hz))

    def smooth(values: _Series) -> _Series:
        padding = min(len(values) - 1, 3 * period)
        return np.asarray(sosfiltfilt(sections, values, axis=0, padlen=padding))

    return _filter_runs(poses, smooth, shortest=max(4, period))


def savitzky_golay(poses: Poses, *, cutoff_hz: float) -> Poses:
    """Return poses smoothed by local cubic polynomials over a window whose gain at `cutoff_hz` is closest to -3 dB.

    The window has 2M + 1 samples; M is found from the filter's exact response and is near
    (4 / f + 4.6) / 3.2 for a cut-off f in units of the Nyquist frequency (Schafer, IEEE Signal Processing
    Magazine 2011).
    Runs shorter than the window stay as they are.
    """
    rate = _checked_rate(poses, cutoff_hz)
    guess = (8 * rate / (2 * cutoff_hz)) / 3.2 + 4.6 / 3.2
    halves = range(2, int(2 * guess) + 4)
    window = 2 * min(halves, key=lambda half: abs(_savgol_gain(2 * half + 1, cutoff_hz / rate) - np.sqrt(0.5))) + 1
    if _savgol_gain(window, cutoff_hz / rate) < 0.6:
        raise InputError(
            f"a Savitzky-Golay filter cannot pass {cutoff_hz} Hz at {rate:.4g} frames per second; "
            "use a lower cut-off or the Butterworth filter"
        )
    return _filter_runs(poses, lambda values: np.asarray(savgol_filter(values, window, 3, axis=0)), shortest=window)


def one_euro(poses: Poses, *, cutoff_hz: float, beta: float) -> Poses:
    """Return poses smoothed causally by `OneEuro`, whose cut-off grows by `beta` hertz for every m/s."""
    usual = 1 / _checked_rate(poses, cutoff_hz)
    smooth = OneEuro(cutoff_hz=cutoff_hz, beta=beta, longest_step_s=LONGEST_STEP * usual)
    eased = [
        smooth(positions.astype(float), weight > 0, float(time))
        for positions, weight, time in zip(poses.positions, poses.weight, poses.times, strict=True)
    ]
    return replace(poses, positions=np.stack(eased).astype(np.float32))


class OneEuro:
    """Smooths points frame by frame: each answer depends on earlier frames only, and lag shrinks with speed.

    The cut-off is `cutoff_hz` at rest and grows by `beta` hertz for every unit per second of the point's smoothed speed
    (Casiez, Roussel and Vogel, "1 EUR filter", CHI 2012; with the length of the velocity as the speed). A point that
    was not known in the frame before, or a pause longer than `longest_step_s` seconds, starts anew.
    """

    def __init__(self, *, cutoff_hz: float, beta: float, longest_step_s: float) -> None:
        self._cutoff_hz, self._beta, self._longest_step_s = cutoff_hz, beta, longest_step_s
        self._smooth: ndarray | None = None
        self._velocity = np.zeros(())
        self._known = np.zeros((), bool)
        self._time = 0.0

    def __call__(
        self, points: Float[ndarray, "*batch d"], known: Bool[ndarray, "*batch"], time: float
    ) -> Float[ndarray, "*batch d"]:
        """Return the points of the next frame, taken at `time` (seconds), smoothed where they are `known`."""
        step = time - self._time
        before, velocity = self._smooth, np.zeros_like(points)
        smooth = points
        if before is not None and step <= self._longest_step_s:
            going_on = (known & self._known)[..., None]
            slope = (points - before) / step
            moved = self._velocity + _share(_SPEED_CUTOFF_HZ, step) * (slope - self._velocity)
            velocity = np.where(going_on, moved, 0)
            cutoff = self._cutoff_hz + self._beta * np.linalg.norm(velocity, axis=-1, keepdims=True)
            smooth = np.where(going_on, before + _share(cutoff, step) * (points - before), points)
        self._smooth, self._velocity, self._known, self._time = smooth, velocity, known, time
        return smooth


def _share(cutoff_hz: float | ndarray, step: float) -> ndarray:
    """How much of a new sample a first-order low-pass takes in after `step` seconds."""
    return np.asarray(1 / (1 + 1 / (2 * np.pi * cutoff_hz * step)))


def _savgol_gain(window: int, cycles_per_sample: float) -> float:
    offsets = np.arange(window) - window // 2
    return float(savgol_coeffs(window, 3) @ np.cos(2 * np.pi * cycles_per_sample * offsets))


def _checked_rate(poses: Poses, cutoff_hz: float) -> float:
    rate = poses.frame_rate
    if not 0 < cutoff_hz < 0.4999 * rate:
        raise InputError(
            f"a cut-off of {cutoff_hz} Hz does not fit {rate:.4g} frames per second; "
            f"give one between 0 and {rate / 2:.4g} Hz"
        )
    return rate


def _filter_runs(poses: Poses, smooth: Callable[[_Series], _Series], *, shortest: int) -> Poses:
    positions = poses.positions.copy()
    for person, joint in np.ndindex(poses.weight.shape[1:]):
        for run in _runs(poses.weight[:, person, joint] > 0, poses.times):
            if run.stop - run.start >= shortest:
                values = poses.positions[run, person, joint].astype(float)
                positions[run, person, joint] = _at_even_times(poses.times[run], values, smooth)
    return replace(poses, positions=positions)


def _runs(known: Bool[ndarray, "frames"], times: Float[ndarray, "frames"]) -> Iterator[slice]:
    steps = np.diff(times)
    joined = known[1:] & known[:-1] & (steps <= LONGEST_STEP * np.median(steps))
    starts = np.flatnonzero(known & ~np.concatenate([[False], joined]))
    ends = np.flatnonzero(known & ~np.concatenate([joined, [False]]))
    for start, end in zip(starts, ends, strict=True):
        yield slice(int(start), int(end) + 1)


def _at_even_times(
    times: Float[ndarray, "samples"], values: _Series, smooth: Callable[[_Series], _Series]
) -> Float[ndarray, "samples 3"]:
    steps = np.diff(times)
    if np.ptp(steps) <= _UNEVEN * np.median(steps):
        return smooth(values)
    even = np.linspace(times[0], times[-1], len(times))
    return np.asarray(CubicSpline(even, smooth(CubicSpline(times, values)(even)))(times))
