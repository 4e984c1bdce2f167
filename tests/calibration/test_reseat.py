"""Seating a camera anew: one whose detector had the sides swapped is put right, the others are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.calibration.reseat import reseat
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from epipose.pose.observations import Observations
from tests.geometry.rigs import pictures
from tests.people import STICK
from tests.scenes import Scene, dance, neighbours, studio


def _mostly_swapped(scene: Scene, view: int, share: float) -> Scene:
    swapped = np.zeros(scene.observations.weight.shape[:2], bool)
    swapped[view, : round(share * swapped.shape[1])] = True
    return replace(scene, observations=scene.observations.mirrored(swapped))


def _wrong(camera: Camera, degrees: float = 25.0) -> Camera:
    """Return the camera put elsewhere, as a chain of motions through swapped sides puts it."""
    turn = Rigid.from_rotvec(np.deg2rad(degrees) * np.array([0.3, 0.9, 0.3]), np.array([0.6, -0.2, 0.3]))
    return replace(camera, cam_from_world=turn @ camera.cam_from_world)


def _error(found: Camera, truth: Camera) -> tuple[float, float]:
    turn = angle_between(found.cam_from_world.rotation, truth.cam_from_world.rotation)
    return float(np.rad2deg(turn)), float(np.linalg.norm(found.centre - truth.centre))


@pytest.mark.parametrize("view", [0, 2])
@pytest.mark.parametrize("share", [0.0, 0.7, 1.0])
def test_a_camera_in_the_wrong_place_is_seated_right(view: int, share: float) -> None:
    scene = _mostly_swapped(dance(studio(4), frames=80, noise_px=3.0), view, share)
    start = [_wrong(c) if v == view else c for v, c in enumerate(scene.cameras)]
    found = reseat(start, scene.observations, 10.0)
    degrees, metres = _error(found[view], scene.cameras[view])
    assert degrees < 1.0
    assert metres < 0.08


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_right_cameras_stay(share: float) -> None:
    scene = _mostly_swapped(dance(studio(4), frames=60, noise_px=3.0, missing=0.2), 1, share)
    found = reseat(scene.cameras, scene.observations, 10.0)
    assert all(a is b for a, b in zip(found, scene.cameras, strict=True))


def test_two_views_cannot_tell_who_is_wrong() -> None:
    scene = dance(neighbours(60.0), frames=40)
    cameras = [scene.cameras[0], _wrong(scene.cameras[1])]
    assert reseat(cameras, scene.observations, 10.0) == cameras


def test_a_view_that_saw_too_little_stays() -> None:
    scene = dance(studio(3), frames=40)
    weight = scene.observations.weight.copy()
    weight[2, 2:] = 0
    cameras = [*scene.cameras[:2], _wrong(scene.cameras[2])]
    found = reseat(cameras, replace(scene.observations, weight=weight), 10.0)
    assert found[2] is cameras[2]


def test_the_scale_and_the_world_of_the_others_are_kept() -> None:
    scene = dance(studio(4), frames=60, noise_px=1.0)
    world = Rigid.from_rotvec(np.array([0.4, 1.0, -0.3]), np.array([7.0, -2.0, 1.0]))
    moved = [camera.moved(world, 0.2) for camera in scene.cameras]
    found = reseat([*moved[:3], _wrong(moved[3])], scene.observations, 10.0)
    degrees, metres = _error(found[3], moved[3])
    assert degrees < 1.0
    assert metres < 0.02


def test_a_view_that_is_always_swapped_needs_the_mirror() -> None:
    """Seen from the front, so that no joint is near its mirror, and with little tolerance."""
    cameras = studio(4)
    rng = np.random.default_rng(0)
    forward = cameras[1].centre * [1, 1, 0] / np.linalg.norm(cameras[1].centre[:2])
    sideways = np.array([-forward[1], forward[0], 0])
    paired = [STICK.index(name) for pair in STICK.pairs for name in pair]
    side = np.array([[1.0], [-1.0]] * (len(paired) // 2))
    positions = rng.uniform(-0.3, 0.3, (30, len(paired), 3)) + [0, 0, 1] + 0.5 * side * sideways
    pixels = np.zeros((4, 30, len(STICK), 2))
    pixels[:, :, paired] = pictures(cameras, positions)
    weight = np.zeros(pixels.shape[:3])
    weight[:, :, paired] = 1
    observations = Observations(pixels, weight, np.arange(30) / 25, STICK)
    swapped = np.zeros((4, 30), bool)
    swapped[1] = True
    start = [*cameras]
    start[1] = _wrong(cameras[1])
    degrees, metres = _error(reseat(start, observations.mirrored(swapped), 3.0)[1], cameras[1])
    assert degrees < 0.5
    assert metres < 0.05
