"""How many frames an observation repeats itself: against the theory of autoregressive noise."""

import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.trust import repetition
from epipose.pose.observations import Observations
from tests.people import STICK

SHAPE = (4, 400, len(STICK))


def _observations(frames: int = SHAPE[1], *, breaks: tuple[int, ...] = ()) -> Observations:
    times = np.arange(frames) / 25.0 + 10.0 * np.isin(np.arange(frames), breaks).cumsum()
    shape = (SHAPE[0], frames, SHAPE[2])
    return Observations(np.zeros((*shape, 2)), np.ones(shape), times, STICK)


def _autoregressive(rho: float, frames: int = SHAPE[1], seed: int = 0) -> ndarray:
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(SHAPE[0], frames, SHAPE[2], 2))
    residual = steps.copy()
    for frame in range(1, frames):
        residual[:, frame] = rho * residual[:, frame - 1] + np.sqrt(1 - rho**2) * steps[:, frame]
    return residual


@pytest.mark.parametrize("seed", range(3))
def test_independent_errors_do_not_repeat(seed: int) -> None:
    assert repetition(_autoregressive(0.0, seed=seed), _observations()) < 1.05


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.8, 0.9])
def test_lasting_errors_repeat_as_theory_says(rho: float) -> None:
    assert repetition(_autoregressive(rho), _observations()) == pytest.approx((1 + rho) / (1 - rho), rel=0.2)


def test_the_mean_of_errors_is_as_uncertain_as_it_says() -> None:
    """What it is for: the variance of a mean of kept observations, against many draws, with gaps."""
    kept = np.random.default_rng(5).random(SHAPE) < 0.6
    means, stated = [], []
    for seed in range(12):
        residual = _autoregressive(0.7, seed=seed) * kept[..., None]
        means.append((residual.sum(axis=1) / kept.sum(axis=1)[..., None]).ravel())
        stated.append(repetition(residual, _observations()))
    independent = np.mean(1 / kept.sum(axis=1))
    assert np.mean(stated) == pytest.approx(np.mean(np.square(means)) / independent, rel=0.1)


def test_errors_that_alternate_count_as_independent() -> None:
    assert repetition(_autoregressive(-0.5), _observations()) == 1


def test_the_unit_does_not_matter() -> None:
    residual = _autoregressive(0.5)
    assert repetition(7.0 * residual, _observations()) == pytest.approx(repetition(residual, _observations()))


def test_errors_are_not_compared_across_a_break() -> None:
    """Within each stretch of 10 frames all errors are equal; each stretch counts as one observation."""
    residual = np.repeat(np.random.default_rng(0).normal(size=(SHAPE[0], 1, SHAPE[2], 2)), SHAPE[1], axis=1)
    observations = _observations(breaks=tuple(range(10, 400, 10)))
    assert repetition(residual, observations) == pytest.approx(10.0)


def test_an_error_that_never_changes_is_one_observation() -> None:
    residual = np.ones((4, 50, len(STICK), 2))
    assert repetition(residual, _observations(50)) == pytest.approx(50, rel=0.05)


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_and_no_residuals(frames: int) -> None:
    assert 1 <= repetition(_autoregressive(0.0, frames), _observations(frames)) <= 2
    assert repetition(np.zeros((4, frames, len(STICK), 2)), _observations(frames)) == 1
