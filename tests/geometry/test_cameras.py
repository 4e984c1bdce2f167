"""Cameras: which way transforms go, and how pictures are cut and resized."""

import cv2
import numpy as np
import pytest

from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from tests.geometry.rigs import BATCH_SHAPES, LENSES, looking_at, ring, room_points


def test_a_point_ahead_of_a_camera_is_seen_and_one_behind_is_not():
    """Fails if a transform is inverted anywhere: the camera stands at (0, -3, 1) and looks along +y."""
    camera = Camera(LENSES["pinhole"], looking_at(np.array([0.0, -3.0, 1.0]), np.array([0.0, 0.0, 1.0])), (1920, 1080))
    np.testing.assert_allclose(camera.centre, [0, -3, 1], atol=1e-12)
    pixel, visible = camera.project(np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(pixel, camera.lens.centre, atol=1e-9)
    assert visible
    right, _ = camera.project(np.array([0.5, 0.0, 1.0]))
    higher, _ = camera.project(np.array([0.0, 0.0, 1.5]))
    assert right[0] > pixel[0]
    assert higher[1] < pixel[1]
    assert not camera.project(np.array([0.0, -6.0, 1.0]))[1]


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())
@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_rays_go_from_the_camera_through_the_point(lens, shape):
    (camera,) = ring(1, lens=lens)
    points = room_points(shape)
    pixels, _ = camera.project(points)
    rays, valid = camera.rays(pixels)
    assert np.all(valid)
    offset = points - camera.centre
    np.testing.assert_allclose(rays, offset / np.linalg.norm(offset, axis=-1, keepdims=True), atol=1e-9)


def test_projection_is_opencvs():
    (camera,) = ring(1, lens=LENSES["brown5"])
    points = room_points((40,))
    rotvec, _ = cv2.Rodrigues(camera.cam_from_world.rotation)
    lens = camera.lens
    expected, _ = cv2.projectPoints(
        points, rotvec, camera.cam_from_world.translation, lens.matrix, np.array(lens.coefficients)
    )
    np.testing.assert_allclose(camera.project(points)[0], expected[:, 0], atol=1e-8)


def test_projection_matrices_agree_with_projection_through_an_ideal_lens():
    (camera,) = ring(1, lens=LENSES["pinhole"])
    points = room_points((10,))
    homogeneous = np.concatenate([points, np.ones((10, 1))], axis=1)
    for matrix, expected in (
        (camera.px_from_world, camera.project(points)[0]),
        (camera.ideal_from_world, camera.lens.undistort(camera.project(points)[0])[0]),
    ):
        projected = homogeneous @ matrix.T
        np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], expected, atol=1e-9)


def test_cropped_and_resized_cameras_see_the_cropped_and_resized_picture():
    (camera,) = ring(1)
    points = room_points((10,))
    pixels, _ = camera.project(points)
    half = camera.resized((960, 540))
    assert half.size_wh == (960, 540)
    np.testing.assert_allclose(half.project(points)[0], (pixels + 0.5) / 2 - 0.5, atol=1e-9)
    window = camera.cropped(100, 50, (640, 480))
    assert window.size_wh == (640, 480)
    np.testing.assert_allclose(window.project(points)[0], pixels - [100, 50], atol=1e-9)


def test_moving_the_world_and_its_cameras_changes_no_picture():
    (camera,) = ring(1)
    points = room_points((10,))
    new_from_world = Rigid.from_rotvec(np.array([0.3, -0.7, 1.1]), np.array([2.0, -1.0, 0.5]))
    moved = camera.moved(new_from_world, scale=2.5)
    np.testing.assert_allclose(moved.centre, new_from_world.apply(2.5 * camera.centre), atol=1e-12)
    again, _ = moved.project(new_from_world.apply(2.5 * points))
    np.testing.assert_allclose(again, camera.project(points)[0], atol=1e-9)
