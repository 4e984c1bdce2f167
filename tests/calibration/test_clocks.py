"""Clocks: offsets of views against each other, whole and fractions of frames, at different frame rates."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from epipose.calibration.clocks import find_clocks
from epipose.calibration.people import PeopleCalibration, calibrate_people, guessed_lens
from epipose.calibration.rig import View, find_rig
from epipose.calibration.sync import coarse_offsets
from epipose.geometry.bundle import Freedom
from epipose.geometry.cameras import Camera
from epipose.io.truth_files import SKELETON, VISIBLE, ViewTruth, read_truth
from epipose.pose.keypoints import Keypoints
from epipose.pose.observations import Observations
from epipose.samples import copy_sample
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


def test_views_in_sync_of_somebody_who_circles_stay_in_sync(tmp_path: Path) -> None:
    # To whoever knows no lens, a view's delay looks like its turn around the middle of the circle, and errors that
    # last, as a detector's do, tip the balance: motion alone says that views are two seconds apart here.
    copy_sample("turning", tmp_path)
    truth = read_truth(tmp_path / "truth")
    views = [
        View(name, truth.cameras[name].size_wh, _lasting_errors(view, truth.cameras[name].size_wh, seed), None, None)
        for seed, (name, view) in enumerate(truth.views.items())
    ]
    assert np.abs(coarse_offsets([v.keypoints for v in views], [guessed_lens(v.size_wh) for v in views], 9.0)).max() > 1
    np.testing.assert_array_equal(find_rig(views).offsets, 0)


def _lasting_errors(view: ViewTruth, size_wh: tuple[int, int], seed: int) -> Keypoints:
    """Return every second frame's joints with errors of 2 % of the box that change within half a second or so."""
    rng = np.random.default_rng(seed)
    errors = gaussian_filter1d(rng.normal(size=view.pixels.shape), 8, axis=0)
    errors *= 0.02 / errors.std() * np.max(view.boxes[..., 2:] - view.boxes[..., :2], axis=-1)[..., None, None]
    pixels, seen = (view.pixels + errors).astype(np.float32), view.visibility == VISIBLE
    return Keypoints(pixels[::2], seen[::2].astype(np.float32), view.times[::2], SKELETON, size_wh)
