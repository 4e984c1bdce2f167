"""Keypoints at other times: own frames exact, straight lines between, nothing beyond, whatever the frame rates."""

from dataclasses import replace

import numpy as np
import pytest
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.resampling import LEAST_SCORE, common_clock, observe, on_clock, resampled, resampled_poses, steadied
from tests.people import STICK

JOINTS = len(STICK)


def _moving(times: ndarray, *, offset: float = 0.0, people: int = 1) -> Keypoints:
    """Return joints in straight uniform motion (pixels per second of true time = own time less the offset)."""
    rng = np.random.default_rng(0)
    place, speed = rng.uniform(100, 900, (people, JOINTS, 2)), rng.uniform(-80, 80, (people, JOINTS, 2))
    pixels = place + (times - offset)[:, None, None, None] * speed
    score = rng.uniform(0.4, 1, (len(times), people, JOINTS))
    return Keypoints(pixels.astype(np.float32), score.astype(np.float32), times, STICK, (1920, 1080))


@pytest.mark.parametrize("rate", [10.0, 25.0, 29.97, 59.94])
@pytest.mark.parametrize("start", [0.0, 3600.123])
def test_own_times_are_exact(rate: float, start: float) -> None:
    view = _moving(start + np.arange(50) / rate, people=2)
    again = resampled(view, view.times)
    np.testing.assert_array_equal(again.pixels, view.pixels)
    np.testing.assert_array_equal(again.score, view.score)
    nearly = resampled(view, view.times + 1e-9)
    np.testing.assert_array_equal(nearly.score, view.score)
    some = resampled(view, view.times[7:20:3])
    np.testing.assert_array_equal(some.pixels, view.pixels[7:20:3])


def test_straight_motion_is_exact_in_between_at_uneven_times() -> None:
    rng = np.random.default_rng(1)
    view = _moving(np.cumsum(rng.uniform(0.03, 0.05, 60)))
    times = np.sort(rng.uniform(view.times[0], view.times[-1], 200))
    found = resampled(view, times)
    truth = _moving(times)
    assert np.all(found.score > 0)
    np.testing.assert_allclose(found.pixels, truth.pixels, atol=1e-3)
    before = np.searchsorted(view.times, times, side="right") - 1
    np.testing.assert_array_equal(found.score, np.minimum(view.score[before], view.score[before + 1]))


def test_nothing_is_seen_beyond_the_recording() -> None:
    view = _moving(np.arange(10) / 25)
    found = resampled(view, np.array([-1.0, -1e-3, 0.0, 0.36, 0.3605, 5.0]))
    np.testing.assert_array_equal(np.all(found.score > 0, axis=(1, 2)), [False, False, True, True, False, False])
    assert np.all(np.isfinite(found.pixels))


def test_nothing_is_seen_next_to_a_missing_joint_or_across_a_long_gap() -> None:
    view = _moving(np.array([0, 1, 2, 3, 9, 10, 11.0]) / 25)
    score = view.score.copy()
    score[1, 0, 4] = 0
    view = replace(view, score=score)
    found = resampled(view, np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 9.0]) / 25)
    np.testing.assert_array_equal(found.score[:, 0, 4] > 0, [False, False, False, True, True, True, False, True])
    np.testing.assert_array_equal(found.score[:, 0, 3] > 0, [True, True, True, True, True, True, False, True])


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames(frames: int) -> None:
    view = _moving(np.arange(frames) / 25.0)
    found = resampled(view, np.array([-0.5, 0.0, 0.5]))
    np.testing.assert_array_equal(found.pixels[1], view.pixels[0])
    np.testing.assert_array_equal(np.all(found.score > 0, axis=(1, 2)), [False, True, False])


@pytest.mark.parametrize("rates", [(25.0, 25.0, 25.0), (30.0, 25.0, 59.94), (29.97, 30.0, 10.0)])
def test_views_of_different_rates_and_offsets_agree_on_one_clock(rates: tuple[float, ...]) -> None:
    offsets = np.array([0.0, 0.437, -1.213])
    views = [
        _moving(start + np.arange(int(4 * rate)) / rate, offset=offset)
        for rate, offset, start in zip(rates, offsets, (0.0, 0.5, -1.0), strict=True)
    ]
    clock = common_clock(views, offsets)
    assert np.median(np.diff(clock)) == pytest.approx(1 / max(rates), rel=1e-6)
    shared = on_clock(views, offsets, clock)
    assert np.all(np.sum([np.any(view.score > 0, axis=(1, 2)) for view in shared], axis=0) >= 2)
    truth = _moving(clock)
    for view in shared:
        np.testing.assert_array_equal(view.times, clock)
        seen = view.score > 0
        assert seen.mean() > 0.5
        np.testing.assert_allclose(view.pixels[seen], truth.pixels[seen], atol=2e-3)


def test_the_fastest_view_keeps_its_own_frames() -> None:
    views = [_moving(np.arange(30) / 30), _moving(np.arange(60) / 60 + 0.004)]
    clock = common_clock(views, np.zeros(2))
    np.testing.assert_array_equal(clock, views[1].times[views[1].times <= views[0].times[-1]])


def test_views_that_never_film_together_are_refused() -> None:
    views = [_moving(np.arange(30) / 30), _moving(10 + np.arange(30) / 30)]
    with pytest.raises(InputError, match="same time"):
        common_clock(views, np.zeros(2))
    assert len(common_clock(views, np.array([0.0, 10.0]))) == 30


def test_scores_become_weights_and_guesses_count_as_missing() -> None:
    view = _moving(np.arange(5) / 25, people=2)
    score = view.score.copy()
    score[0, 1, 0], score[1, 1, 1], score[2, 1, 2] = LEAST_SCORE - 0.01, LEAST_SCORE + 0.01, 5.0
    observations = observe([replace(view, score=score), view], person=1)
    assert observations.weight[0, 0, 0] == 0
    assert observations.weight[0, 1, 1] == pytest.approx(LEAST_SCORE + 0.01)
    assert observations.weight[0, 2, 2] == 1
    np.testing.assert_array_equal(observations.pixels[1], view.pixels[:, 1].astype(float))


@pytest.mark.parametrize("start", [0.0, 1e5, 1.7e9])
def test_steadying_keeps_straight_lines_and_lowers_noise_at_any_time_of_day(start: float) -> None:
    times = start + np.arange(100) / 25
    exact = _moving(np.arange(100) / 25)
    steady = steadied(replace(exact, times=times), 0.1)
    np.testing.assert_allclose(steady.pixels, exact.pixels, atol=0.01)
    noise = np.random.default_rng(0).normal(0, 2.0, exact.pixels.shape)
    noisy = steadied(replace(exact, times=times, pixels=(exact.pixels + noise).astype(np.float32)), 0.1)
    assert np.std(noisy.pixels - exact.pixels) < 0.5 * 2.0


def _circling(times: ndarray) -> Poses:
    """Return people whose joints run in circles of half a metre, once in two seconds."""
    phase = np.pi * times[:, None, None] + np.arange(2 * JOINTS).reshape(2, JOINTS)
    positions = 0.5 * np.stack([np.cos(phase), np.sin(phase), 0 * phase], axis=-1)
    ones = np.ones(phase.shape, np.float32)
    return Poses(positions.astype(np.float32), 0.01 * ones, ones, times, STICK)


@pytest.mark.parametrize("start", [0.0, 3600.123])
def test_poses_at_their_own_times_are_exact(start: float) -> None:
    poses = _circling(start + np.arange(40) / 29.97)
    again = resampled_poses(poses, poses.times[3:30:4] + 1e-9)
    np.testing.assert_array_equal(again.positions, poses.positions[3:30:4])
    np.testing.assert_array_equal(again.weight, poses.weight[3:30:4])
    single = resampled_poses(_circling(np.array([start])), np.array([start - 1, start]))
    np.testing.assert_array_equal((single.weight > 0).all(axis=(1, 2)), [False, True])


def test_poses_follow_curves_in_between_at_uneven_times() -> None:
    rng = np.random.default_rng(1)
    poses = _circling(np.cumsum(rng.uniform(0.035, 0.045, 100)))
    times = np.sort(rng.uniform(poses.times[1], poses.times[-2], 200))
    found, truth = resampled_poses(poses, times), _circling(times)
    off = np.linalg.norm(found.positions - truth.positions, axis=-1)
    # Straight lines would be off by an eighth of acceleration (4.9 m/s^2) by the square of the step: 1 mm.
    assert off.max() < 3e-4
    assert np.all(found.weight == 1)


def test_poses_are_not_known_next_to_missing_joints_beyond_the_ends_and_in_gaps() -> None:
    poses = _circling(np.array([0, 1, 2, 3, 9, 10, 11, 12.0]) / 25)
    weight, uncertainty = poses.weight.copy(), poses.uncertainty.copy()
    weight[1, 0, 2], uncertainty[6, 0, 3] = 0, 0.05
    positions = poses.positions.copy()
    positions[1, 0, 2] = 1e3
    found = resampled_poses(
        Poses(positions, uncertainty, weight, poses.times, STICK),
        np.array([-0.1, 0.5, 1.5, 2.5, 3.0, 6.0, 9.5, 12.1]) / 25,
    )
    np.testing.assert_array_equal(found.weight[:, 1, 2] > 0, [False, True, True, True, True, False, True, False])
    np.testing.assert_array_equal(found.weight[:, 0, 2] > 0, [False, False, False, True, True, False, True, False])
    # Beside a missing frame the curve takes the direction of the line: 1000 m away must not be felt.
    assert np.linalg.norm(found.positions[3, 0, 2] - _circling(np.array([0.1])).positions[0, 0, 2]) < 2e-3
    assert resampled_poses(replace(poses, uncertainty=uncertainty), np.array([10.5 / 25])).uncertainty[0, 0, 3] == 0.05
    assert np.isfinite(found.positions).all()
