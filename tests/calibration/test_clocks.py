"""Clocks: offsets of views against each other, whole and fractions of frames, at different frame rates."""

from collections.abc import Sequence

import numpy as np
import pytest

from epipose.calibration.clocks import find_clocks
from epipose.calibration.people import PeopleCalibration, calibrate_people
from epipose.calibration.sync import coarse_offsets
from epipose.geometry.bundle import Freedom
from epipose.geometry.cameras import Camera
from epipose.pose.keypoints import Keypoints
from epipose.pose.observations import Observations
from tests.geometry.rigs import pictures
from tests.people import STICK
from tests.scenes import dancer, studio

THRESHOLD_PX = 11.0


def _filmed(
    cameras: Sequence[Camera],
    offsets: Sequence[float],
    *,
    rates: Sequence[float] = (25.0, 25.0, 25.0),
    seconds: float = 8.0,
    noise_px: float = 2.0,
) -> list[Keypoints]:
    """Return what views see whose clocks are ahead by `offsets` seconds."""
    rng = np.random.default_rng(0)
    views = []
    for camera, offset, rate in zip(cameras, offsets, rates, strict=True):
        times = np.arange(int(seconds * rate)) / rate
        pixels = pictures((camera,), dancer(times - offset))[0][:, None]
        pixels = (pixels + rng.normal(0, noise_px, pixels.shape)).astype(np.float32)
        views.append(Keypoints(pixels, np.ones(pixels.shape[:3], np.float32), times, STICK, camera.size_wh))
    return views


@pytest.mark.parametrize(
    "offsets",
    [
        (0.0, 0.0, 0.0),
        (0.0, 0.4, -0.68),
        (0.0, -1.1, 0.8),
        (0.0, 1.9, -1.9),
    ],
)
def test_coarse_offsets_are_right_to_half_a_frame(offsets: tuple[float, ...]) -> None:
    cameras = studio(3)
    found = coarse_offsets(_filmed(cameras, offsets), [c.lens for c in cameras], THRESHOLD_PX)
    np.testing.assert_allclose(found, offsets, atol=0.03)


def _calibrate(observations: Observations, cameras: Sequence[Camera]) -> PeopleCalibration:
    return calibrate_people(observations, [c.lens for c in cameras], [c.size_wh for c in cameras], Freedom())


@pytest.mark.parametrize(
    ("offsets", "rates"),
    [((0.0, 0.296, -0.05), (25.0, 25.0, 25.0)), ((0.0, -0.3333, 0.1), (25.0, 30.0, 50.0))],
)
def test_offsets_are_found_to_a_fraction_of_a_frame(offsets: tuple[float, ...], rates: tuple[float, ...]) -> None:
    cameras = studio(3)
    views = _filmed(cameras, offsets, rates=rates)
    clocks = find_clocks(views, [c.lens for c in cameras], THRESHOLD_PX, lambda seen: _calibrate(seen, cameras))
    np.testing.assert_allclose(clocks.offsets, offsets, atol=0.15 / 25)
    assert np.all(np.abs(clocks.offsets - offsets)[1:] < 4 * clocks.sigma[1:] + 0.001)


def test_views_in_sync_stay_in_sync() -> None:
    cameras = studio(3)
    views = _filmed(cameras, (0.0, 0.0, 0.0), noise_px=5.0)
    clocks = find_clocks(views, [c.lens for c in cameras], THRESHOLD_PX, lambda seen: _calibrate(seen, cameras))
    np.testing.assert_array_equal(clocks.offsets, 0)
