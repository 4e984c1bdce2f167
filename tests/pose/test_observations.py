"""Observations of one person: sides exchanged by frame and view, and time that breaks at gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.pose.observations import Observations
from epipose.pose.skeletons import Skeleton

SKELETON = Skeleton("three", ("hip", "left_knee", "right_knee"), (None, "hip", "hip"), (("left_knee", "right_knee"),))


def _observations(times: np.ndarray, *, views: int = 2) -> Observations:
    rng = np.random.default_rng(0)
    shape = (views, len(times), 3)
    return Observations(rng.normal(size=(*shape, 2)), rng.uniform(0.1, 1, shape), times, SKELETON)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_mirrored_twice_is_as_before(flags: list[bool]) -> None:
    observations = _observations(np.arange(6.0))
    swapped = np.array(flags).reshape(2, 6)
    once = observations.mirrored(swapped)
    twice = once.mirrored(swapped)
    np.testing.assert_array_equal(twice.pixels, observations.pixels)
    np.testing.assert_array_equal(twice.weight, observations.weight)
    np.testing.assert_array_equal(once.pixels[swapped], observations.pixels[swapped][:, [0, 2, 1]])
    np.testing.assert_array_equal(once.weight[swapped], observations.weight[swapped][:, [0, 2, 1]])
    np.testing.assert_array_equal(once.pixels[~swapped], observations.pixels[~swapped])


@pytest.mark.parametrize("rate", [10.0, 29.97, 240.0])
def test_a_stretch_ends_at_a_gap_at_any_frame_rate(rate: float) -> None:
    frames = np.array([0, 1, 2, 4, 5, 6, 7, 20, 21, 22, 23, 26])
    stretch = _observations(frames / rate).stretch
    np.testing.assert_array_equal(stretch, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2])


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_are_one_stretch(frames: int) -> None:
    np.testing.assert_array_equal(_observations(np.arange(float(frames))).stretch, np.zeros(frames))


def test_velocity_is_exact_for_straight_motion_and_zero_where_it_is_not_known() -> None:
    rng = np.random.default_rng(1)
    times = np.array([0, 1, 2.2, 3, 4, 9, 10, 11, 12]) / 25
    place, speed = rng.uniform(0, 900, (2, 1, 3, 2)), rng.uniform(-80, 80, (2, 1, 3, 2))
    weight = np.ones((2, 9, 3))
    weight[1, 3, 2] = 0
    observations = Observations(place + speed * times[:, None, None], weight, times, SKELETON)
    known = np.zeros((2, 9, 3), bool)
    known[:, [1, 2, 3, 6, 7]] = True
    known[1, [2, 4], 2] = False
    expected = np.where(known[..., None], speed, 0)
    np.testing.assert_allclose(observations.velocity, expected, atol=1e-9)


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_have_no_velocity(frames: int) -> None:
    assert not _observations(np.arange(float(frames))).velocity.any()


def test_chosen_frames_keep_their_times() -> None:
    observations = _observations(np.arange(8.0))
    some = observations.at(np.array([1, 4, 5]))
    np.testing.assert_array_equal(some.times, [1, 4, 5])
    np.testing.assert_array_equal(some.pixels, observations.pixels[:, [1, 4, 5]])
    np.testing.assert_array_equal(some.weight, observations.weight[:, [1, 4, 5]])
