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
