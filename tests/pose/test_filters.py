"""Laws of the filters: what passes, what is cut, and that gaps and the clock are respected."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, filtfilt

from epipose.errors import InputError
from epipose.pose.filters import butterworth, fill_gaps, one_euro, savitzky_golay
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

RATE = 60.0
CUTOFF = 6.0

Filter = Callable[[Poses], Poses]
FILTERS: dict[str, Filter] = {
    "butterworth": lambda poses: butterworth(poses, cutoff_hz=CUTOFF),
    "one_euro": lambda poses: one_euro(poses, cutoff_hz=CUTOFF, beta=0.5),
    "savitzky_golay": lambda poses: savitzky_golay(poses, cutoff_hz=CUTOFF),
}
ZERO_PHASE = ("butterworth", "savitzky_golay")


@pytest.fixture(params=sorted(FILTERS))
def smooth(request: pytest.FixtureRequest) -> Filter:
    """Each filter in turn."""
    return FILTERS[request.param]


def signal(values: np.ndarray, times: np.ndarray | None = None, missing: np.ndarray | None = None) -> Poses:
    """Return one joint of one person that moves along x by `values` (frames,), or by (frames, 3)."""
    xyz = values if values.ndim == 2 else np.stack([values, 0 * values, 0 * values + 1], axis=1)
    weight = np.ones((len(xyz), 1, 1), np.float32)
    if missing is not None:
        weight[missing] = 0
    positions = np.where(weight[..., None] > 0, xyz[:, None, None], 0).astype(np.float32)
    times = np.arange(len(xyz)) / RATE if times is None else times
    return Poses(positions, np.full_like(weight, 0.01), weight, times, Skeleton("dot", ("dot",), (None,), ()))


def x_of(poses: Poses) -> np.ndarray:
    return poses.positions[:, 0, 0, 0].astype(float)


def gain(smooth: Filter, hertz: float, seconds: float = 20.0) -> float:
    """Return the amplitude that a sine of `hertz` keeps, far from the ends."""
    times = np.arange(int(seconds * RATE)) / RATE
    middle = slice(len(times) // 4, -len(times) // 4)
    out = x_of(smooth(signal(0.1 * np.sin(2 * np.pi * hertz * times))))[middle]
    basis = np.stack([np.sin(2 * np.pi * hertz * times[middle]), np.cos(2 * np.pi * hertz * times[middle])], axis=1)
    return float(np.linalg.norm(np.linalg.lstsq(basis, out, rcond=None)[0]) / 0.1)


def test_a_joint_at_rest_stays(smooth: Filter) -> None:
    poses = signal(np.full(50, 0.7))
    np.testing.assert_allclose(smooth(poses).positions, poses.positions, atol=1e-6)


def test_slow_motion_passes_and_fast_noise_is_cut(smooth: Filter) -> None:
    assert gain(smooth, 0.5) == pytest.approx(1, abs=0.02)
    assert gain(smooth, 25.0) < 0.35


@pytest.mark.parametrize("name", ZERO_PHASE)
def test_zero_phase_filters_cut_much_and_do_not_delay(name: str) -> None:
    assert gain(FILTERS[name], 25.0) < 0.15
    times = np.arange(600) / RATE
    wave = 0.1 * np.sin(2 * np.pi * 1.5 * times)
    np.testing.assert_allclose(x_of(FILTERS[name](signal(wave)))[60:-60], wave[60:-60], atol=0.002)


@pytest.mark.parametrize(("cutoff", "order"), [(2.0, 2), (6.0, 4), (12.0, 4), (25.0, 4), (6.0, 8)])
def test_butterworth_is_down_3_db_at_its_cutoff(cutoff: float, order: int) -> None:
    assert gain(lambda p: butterworth(p, cutoff_hz=cutoff, order=order), cutoff) == pytest.approx(0.5**0.5, abs=1e-3)


@pytest.mark.parametrize("cutoff", [1.0, 3.0, 6.0, 10.0])
def test_savitzky_golay_is_down_3_db_near_its_cutoff(cutoff: float) -> None:
    # The window is a whole number of samples: the nearest one is within 10 % in gain.
    assert gain(lambda p: savitzky_golay(p, cutoff_hz=cutoff), cutoff) == pytest.approx(0.5**0.5, abs=0.07)


def test_one_euro_at_rest_is_a_first_order_low_pass() -> None:
    # Discrete exponential smoothing with alpha = 1 / (1 + rate / (2 pi cutoff)), at the cut-off itself.
    alpha = 1 / (1 + RATE / (2 * np.pi * CUTOFF))
    turn = np.exp(-2j * np.pi * CUTOFF / RATE)
    expected = abs(alpha / (1 - (1 - alpha) * turn))
    assert gain(lambda p: one_euro(p, cutoff_hz=CUTOFF, beta=0.0), CUTOFF) == pytest.approx(expected, abs=0.01)


def test_one_euro_lags_less_when_it_may_open_up() -> None:
    ramp = signal(2.0 * np.arange(120) / RATE)
    lags = [(x_of(ramp) - x_of(one_euro(ramp, cutoff_hz=1.0, beta=beta)))[-1] / 2.0 for beta in (0.0, 0.5, 5.0)]
    assert lags[0] == pytest.approx(1 / (2 * np.pi), rel=0.02)
    assert lags[0] > 1.5 * lags[1] > 3 * lags[2] > 0


def test_one_euro_never_looks_ahead() -> None:
    values = np.random.default_rng(0).normal(size=(80, 3))
    changed = values.copy()
    changed[50:] += 5
    out = [one_euro(signal(v), cutoff_hz=3.0, beta=0.1).positions[:50] for v in (values, changed)]
    np.testing.assert_array_equal(*out)


def test_butterworth_agrees_with_scipy() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(size=400)) * 0.01
    b, a = butter(2, CUTOFF / (np.sqrt(2) - 1) ** 0.25 / (RATE / 2))
    # The usual textbook correction differs a little from the exact one at this cut-off.
    np.testing.assert_allclose(x_of(FILTERS["butterworth"](signal(values))), filtfilt(b, a, values), atol=0.004)


def test_a_later_clock_and_a_later_motion_give_the_same(smooth: Filter) -> None:
    values = np.random.default_rng(0).normal(size=(300, 3))
    out = smooth(signal(values)).positions
    np.testing.assert_array_equal(smooth(signal(values, times=1000 + np.arange(300) / RATE)).positions, out)
    later = smooth(signal(np.concatenate([np.repeat(values[:1], 100, axis=0), values]))).positions
    np.testing.assert_allclose(later[200:], out[100:], atol=2e-3)


def test_turning_the_world_turns_the_result(smooth: Filter) -> None:
    values = np.random.default_rng(0).normal(size=(100, 3))
    turn = np.array([[0.0, 1, 0], [0.6, 0, 0.8], [0.8, 0, -0.6]])
    expected = smooth(signal(values)).positions @ turn.T
    np.testing.assert_allclose(smooth(signal(values @ turn.T)).positions, expected, atol=1e-5)


def test_gaps_are_never_bridged_and_marks_are_kept(smooth: Filter) -> None:
    values = np.random.default_rng(0).normal(size=(120, 3))
    missing = np.zeros(120, bool)
    missing[50:55] = True
    poses = signal(values, missing=missing)
    out = smooth(poses)
    np.testing.assert_array_equal(out.weight, poses.weight)
    np.testing.assert_array_equal(out.uncertainty, poses.uncertainty)
    np.testing.assert_array_equal(out.positions[50:55], poses.positions[50:55])
    for run in (slice(0, 50), slice(55, 120)):
        alone = smooth(signal(values[run])).positions
        np.testing.assert_allclose(out.positions[run], alone, atol=1e-6)
    pause = np.arange(120) / RATE + np.where(np.arange(120) >= 50, 1.0, 0)
    paused = smooth(signal(values, times=pause)).positions
    for run in (slice(0, 50), slice(50, 120)):
        np.testing.assert_allclose(paused[run], smooth(signal(values[run])).positions, atol=1e-6)


@pytest.mark.parametrize("name", ZERO_PHASE)
def test_a_short_run_stays_as_it_is(name: str) -> None:
    missing = np.ones(60, bool)
    missing[20:23] = missing[40] = False
    poses = signal(np.random.default_rng(0).normal(size=60), missing=missing)
    np.testing.assert_array_equal(FILTERS[name](poses).positions, poses.positions)


@pytest.mark.parametrize("name", ZERO_PHASE)
def test_uneven_times_are_filtered_in_seconds_not_in_frames(name: str) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.5, 1.5, 900)) / RATE
    slow, fast = 0.1 * np.sin(2 * np.pi * 1.0 * times), 0.02 * np.sin(2 * np.pi * 20.0 * times)
    out = x_of(FILTERS[name](signal(slow + fast, times=times)))
    assert np.std((out - slow)[50:-50]) < 0.25 * np.std(fast)
    np.testing.assert_allclose(x_of(FILTERS[name](signal(slow, times=times)))[50:-50], slow[50:-50], atol=1.5e-3)


@pytest.mark.parametrize("cutoff", [30.0, 40.0, 0.0, -1.0, float("nan")])
@pytest.mark.parametrize("name", [butterworth, savitzky_golay])
def test_a_cutoff_that_the_frame_rate_cannot_hold_is_refused(name: Callable[..., Poses], cutoff: float) -> None:
    with pytest.raises(InputError, match=r"60 frames per second; give one between 0 and 30 Hz"):
        name(signal(np.zeros(50)), cutoff_hz=cutoff)
    with pytest.raises(InputError, match="between 0 and 30 Hz"):
        one_euro(signal(np.zeros(50)), cutoff_hz=cutoff, beta=0.0)


def test_other_impossible_settings_are_refused() -> None:
    poses = signal(np.zeros(50))
    with pytest.raises(InputError, match="even order"):
        butterworth(poses, cutoff_hz=6.0, order=3)
    with pytest.raises(InputError, match="cannot pass 28"):
        savitzky_golay(poses, cutoff_hz=28.0)
    with pytest.raises(InputError, match="longest gap"):
        fill_gaps(poses, max_gap_s=-1.0)


def test_only_short_inner_gaps_are_filled() -> None:
    times = np.arange(100) / RATE
    missing = np.zeros(100, bool)
    missing[:4] = missing[20:25] = missing[40:60] = missing[97:] = True
    poses = signal(np.sin(times), missing=missing)
    filled = fill_gaps(poses, max_gap_s=6 / RATE)
    known = filled.weight[:, 0, 0] > 0
    np.testing.assert_array_equal(known, ~missing | (np.arange(100) // 5 == 4))
    for field in ("positions", "weight", "uncertainty"):
        np.testing.assert_array_equal(getattr(filled, field)[~missing], getattr(poses, field)[~missing])
    np.testing.assert_array_equal(filled.positions[40:60], poses.positions[40:60])
    np.testing.assert_allclose(x_of(filled)[20:25], np.sin(times[20:25]), atol=1e-4)
    assert np.all(filled.weight[20:25] == 0.5)
    assert np.all(filled.uncertainty[20:25] > 0.01)
    assert filled.uncertainty[22] == filled.uncertainty[20:25].max()
    assert np.array_equal(fill_gaps(poses, max_gap_s=0.0).weight, poses.weight)


def test_filling_goes_by_seconds_of_the_clock() -> None:
    times = np.concatenate([np.arange(20), 20 + 3 * np.arange(10), 50 + np.arange(20)]) / RATE
    missing = np.zeros(50, bool)
    missing[22:25] = True
    poses = signal(2 * times, times=times, missing=missing)
    assert not np.any(fill_gaps(poses, max_gap_s=11 / RATE).weight[22:25])
    np.testing.assert_allclose(x_of(fill_gaps(poses, max_gap_s=12 / RATE)), 2 * times, atol=1e-6)


def test_the_stated_uncertainty_of_filled_joints_is_honest_on_recorded_motion(shared: Path) -> None:
    rng = np.random.default_rng(0)
    ratios = []
    with np.load(shared / "mocap" / "mocap_joints.npz") as data:
        clips = [data[name] for name in data.files if data[name].ndim == 3 and len(data[name]) > 80]
    for clip in clips:
        joint = int(rng.integers(0, 13))
        for length in (3, 6, 10):
            start = int(rng.integers(20, len(clip) - 40))
            noise = 0.005 * rng.normal(size=(len(clip), 3))
            missing = np.zeros(len(clip), bool)
            missing[start : start + length] = True
            poses = signal(clip[:, joint] + noise, np.arange(len(clip)) / 30.0, missing)
            poses = replace(poses, uncertainty=np.full_like(poses.uncertainty, 0.005))
            filled = fill_gaps(poses, max_gap_s=1.0)
            error = filled.positions[missing, 0, 0] - clip[missing, joint]
            ratios.append(error / filled.uncertainty[missing, 0])
    assert 0.6 < np.sqrt(np.mean(np.concatenate(ratios) ** 2)) < 1.5
