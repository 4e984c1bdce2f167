"""Cameras from the person alone: against the truth, against a real rig, and refused where nothing determines them."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from benchmarks.scenes import Corruption, h36m_scene

from epipose.calibration.people import MOST_FRAMES, RUN, PeopleCalibration, calibrate_people, hold, spread
from epipose.errors import InputError
from epipose.geometry.alignment import similarity
from epipose.geometry.bundle import Freedom
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from epipose.io.camera_files import read_cameras
from epipose.pose.observations import Observations
from epipose.pose.resampling import observe
from tests.geometry.rigs import pictures
from tests.people import STICK
from tests.recordings import balancing_keypoints
from tests.scenes import dance, dancer, neighbours, studio

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
BODY = tuple(f"{side}_{limb}" for limb in LIMBS for side in ("left", "right"))


def _calibrated(
    observations: Observations, cameras: tuple[Camera, ...], freedom: Freedom | None = None
) -> PeopleCalibration:
    return calibrate_people(observations, [c.lens for c in cameras], [c.size_wh for c in cameras], freedom or Freedom())


def _rotation_errors(found: tuple[Camera, ...], truth: tuple[Camera, ...]) -> list[float]:
    """Degrees by which the relative rotation of every two cameras is off."""
    relative = [
        [rig[b].cam_from_world.rotation @ rig[a].cam_from_world.rotation.T for a, b in combinations(range(len(rig)), 2)]
        for rig in (found, truth)
    ]
    return [float(np.rad2deg(angle_between(a, b))) for a, b in zip(*relative, strict=True)]


def _centre_errors(found: tuple[Camera, ...], truth: tuple[Camera, ...]) -> np.ndarray:
    centres, places = (np.stack([c.centre for c in rig]) for rig in (found, truth))
    scale, motion = similarity(centres, places)
    return np.asarray(np.linalg.norm(motion.apply(scale * centres) - places, axis=-1))


def _within_stated(calibration: PeopleCalibration, truth: tuple[Camera, ...], sigmas: float = 3.5) -> bool:
    assert calibration.covariance is not None
    errors = np.deg2rad(_rotation_errors(calibration.cameras, truth))
    stated = [
        np.sqrt(np.trace(calibration.covariance.relative_rotation(a, b))) for a, b in combinations(range(len(truth)), 2)
    ]
    return bool(np.all(errors < sigmas * np.array(stated)))


@pytest.mark.parametrize("views", [3, 4, 6])
def test_cameras_and_swaps_are_found(views: int) -> None:
    scene = dance(studio(views), frames=120, noise_px=3.0, missing=0.1)
    swapped = np.zeros((views, 120), bool)
    swapped[1, 30:70] = True
    found = _calibrated(scene.observations.mirrored(swapped), scene.cameras)
    np.testing.assert_array_equal(found.swapped, swapped)
    np.testing.assert_array_equal(found.observations.pixels, scene.observations.pixels)
    assert max(_rotation_errors(found.cameras, scene.cameras)) < 0.6
    assert _within_stated(found, scene.cameras)
    assert found.sigma_px == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize("degrees", [50.0, 90.0, 130.0])
def test_two_views_are_enough(degrees: float) -> None:
    scene = dance(neighbours(degrees), frames=200, noise_px=2.0)
    found = _calibrated(scene.observations, scene.cameras)
    assert max(_rotation_errors(found.cameras, scene.cameras)) < 1.5
    assert _within_stated(found, scene.cameras)


def test_a_view_that_is_swapped_most_of_the_time_is_repaired() -> None:
    scene = dance(studio(4), frames=100, noise_px=3.0)
    swapped = np.zeros((4, 100), bool)
    swapped[2, :85] = True
    found = _calibrated(scene.observations.mirrored(swapped), scene.cameras)
    np.testing.assert_array_equal(found.swapped, swapped)
    assert max(_rotation_errors(found.cameras, scene.cameras)) < 0.8


def test_an_unknown_focal_length_is_found() -> None:
    cameras = tuple(replace(c, lens=Pinhole((1400.0, 1400.0), (959.5, 539.5))) for c in studio(4))
    scene = dance(cameras, frames=150, noise_px=1.0)
    found = calibrate_people(scene.observations, [None] * 4, [c.size_wh for c in cameras], Freedom(focal="shared"))
    assert found.covariance is not None
    sigma = float(np.sqrt(found.covariance.beyond_cameras()[0, 0]))
    assert sigma < 0.02
    assert abs(np.log(found.cameras[0].lens.focal[0] / 1400.0)) < 3.5 * sigma
    assert _within_stated(found, cameras)


def test_the_world_and_the_order_of_views_do_not_matter() -> None:
    scene = dance(studio(4), frames=80, noise_px=2.0)
    order = [3, 1, 0, 2]
    observations = replace(
        scene.observations, pixels=scene.observations.pixels[order], weight=scene.observations.weight[order]
    )
    cameras = tuple(scene.cameras[view] for view in order)
    found, again = _calibrated(scene.observations, scene.cameras), _calibrated(observations, cameras)
    back = tuple(again.cameras[order.index(view)] for view in range(4))
    assert max(_rotation_errors(back, found.cameras)) < 0.05
    np.testing.assert_allclose(found.cameras[0].cam_from_world.matrix, np.eye(3, 4), atol=0.2)


def test_held_cameras_stay_and_tell_the_noise() -> None:
    scene = dance(studio(4), frames=80, noise_px=4.0)
    swapped = np.zeros((4, 80), bool)
    swapped[0, 50:75] = True
    held = hold(scene.cameras, scene.observations.mirrored(swapped), sigma_px=10.0)
    assert held.cameras == scene.cameras
    assert held.covariance is None
    np.testing.assert_array_equal(held.swapped, swapped)
    assert held.sigma_px == pytest.approx(4.0, rel=0.06)


def test_a_long_recording_is_adjusted_from_runs_spread_over_it() -> None:
    times = np.arange(5000) / 25.0
    observations = Observations(np.zeros((2, 5000, 1, 2)), np.ones((2, 5000, 1)), times, STICK.subset(("neck",)))
    chosen = spread(observations)
    assert len(chosen) <= MOST_FRAMES
    assert chosen[0] == 0
    assert chosen[-1] == 4999
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    assert all(len(run) >= RUN for run in runs)


def test_one_view_is_refused() -> None:
    scene = dance(studio(2), frames=40)
    one = replace(scene.observations, pixels=scene.observations.pixels[:1], weight=scene.observations.weight[:1])
    with pytest.raises(InputError, match="one view"):
        _calibrated(one, scene.cameras[:1])


def test_the_same_picture_twice_is_refused() -> None:
    scene = dance(studio(3), frames=40)
    pixels = scene.observations.pixels.copy()
    pixels[1] = pixels[2]
    with pytest.raises(InputError, match="same picture"):
        _calibrated(replace(scene.observations, pixels=pixels), scene.cameras)


def test_cameras_side_by_side_are_refused() -> None:
    """Three centimetres apart and five metres away."""
    first = studio(1)[0]
    beside = replace(first, cam_from_world=Rigid(np.eye(3), np.array([0.03, 0, 0])) @ first.cam_from_world)
    scene = dance((first, beside), frames=80, noise_px=1.0)
    with pytest.raises(InputError, match="too close together"):
        _calibrated(scene.observations, scene.cameras)


def test_a_person_who_stands_still_is_refused_or_known_to_be_uncertain() -> None:
    """A single posture, over and over: the answer is no better than one frame, and must say so."""
    cameras = studio(3)
    still = np.repeat(dancer(np.zeros(1)), 60, axis=0)
    pixels = pictures(cameras, still)
    # A detector's errors in a posture are the same in every frame.
    pixels = pixels + np.random.default_rng(0).normal(0, 3.0, (3, 1, len(STICK), 2))
    observations = Observations(pixels, np.ones(pixels.shape[:3]), np.arange(60) / 25.0, STICK)
    try:
        found = _calibrated(observations, cameras)
    except InputError:
        return
    assert _within_stated(found, cameras)


@pytest.mark.parametrize("seed", range(2))
def test_motion_capture_seen_by_a_real_rig(shared: Path, seed: int) -> None:
    scene = h36m_scene(Corruption(5.0, 0.05, 0.1, 30), seed, shared)
    found = _calibrated(scene.observations, scene.cameras)
    np.testing.assert_array_equal(found.swapped, scene.swapped)
    assert np.mean(_rotation_errors(found.cameras, scene.cameras)) < 0.1
    assert 1000 * _centre_errors(found.cameras, scene.cameras).mean() < 7
    assert _within_stated(found, scene.cameras)


def test_a_real_recording_agrees_with_its_given_cameras(shared: Path) -> None:
    """The given calibration is itself good to about 1.2 degrees and 30 mm."""
    given = read_cameras(shared / "footage" / "balancing" / "calibration" / "Calib.qca.txt").cameras
    views = {name: view.select(BODY) for name, view in balancing_keypoints(shared).items()}
    truth = tuple(given[name] for name in views)
    found = _calibrated(observe(list(views.values())), truth)
    errors = _rotation_errors(found.cameras, truth)
    assert np.mean(errors) <= 1.3
    assert max(errors) <= 1.8
    assert 1000 * _centre_errors(found.cameras, truth).mean() <= 32
    swaps = dict(zip(views, found.swapped.sum(axis=1), strict=True))
    assert 28 <= swaps["cam02"] <= 34
    assert sum(swaps.values()) - swaps["cam02"] <= 6
    assert found.covariance is not None
    for pair, error in zip(combinations(range(4), 2), errors, strict=True):
        stated = np.rad2deg(np.sqrt(np.trace(found.covariance.relative_rotation(*pair))))
        assert error < 3 * stated + 1.2
