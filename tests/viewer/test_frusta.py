"""Seen from the camera, a point of its picture lies where the point itself is, however far the picture is put."""

from collections.abc import Iterator

import numpy as np
import pytest

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_quaternion
from epipose.viewer.frusta import Frustum
from epipose.viewer.web import ViewerServer

CAMERA = Camera(
    Pinhole((900.0, 880.0), (500.0, 420.0)),
    Rigid.from_rotvec(np.array([1.2, -0.3, 0.4]), np.array([0.3, -0.2, 4.0])),
    (1280, 720),
)


@pytest.fixture(scope="module")
def server() -> Iterator[ViewerServer]:
    server = ViewerServer(0, "frusta")
    yield server
    server.stop()


@pytest.mark.parametrize("depth_m", [0.4, 7.0])
def test_the_picture_covers_what_the_camera_saw(server: ViewerServer, depth_m: float) -> None:
    frustum = Frustum(server.scene, "cam", CAMERA, 0.4)
    frustum.put_picture(depth_m)
    world_from_node = Rigid(rotation_from_quaternion(frustum._node.wxyz), frustum._node.position)
    points = np.random.default_rng(0).uniform([-1, -1, -1], [1, 1, 1], (20, 3))
    pixels, _ = CAMERA.project(points)
    size = np.array([frustum.picture.render_width, frustum.picture.render_height]) * frustum.picture.scale
    on_picture = ((pixels + 0.5) / CAMERA.size_wh - 0.5) * size
    shown = world_from_node.apply(np.column_stack([on_picture, np.zeros(20)]) + frustum.picture.position)
    rays, wanted = shown - CAMERA.centre, points - CAMERA.centre
    cosine = np.sum(rays * wanted, axis=1) / np.linalg.norm(rays, axis=1) / np.linalg.norm(wanted, axis=1)
    np.testing.assert_allclose(cosine, 1.0, atol=1e-9)
    np.testing.assert_allclose(rays @ CAMERA.cam_from_world.rotation[2], depth_m)


def test_a_window_of_any_shape_shows_the_whole_picture(server: ViewerServer) -> None:
    frustum = Frustum(server.scene, "cam", CAMERA, 0.4)
    for aspect in (0.5, 1.0, 1.78, 3.0):
        up = np.tan(frustum.fov_in(aspect) / 2)
        assert up >= (720 - 0.5 - 420) / 880 - 1e-9
        assert up * aspect >= (1280 - 0.5 - 500) / 900 - 1e-9
        assert up == pytest.approx(max(420.5 / 880, 779.5 / 900 / aspect))


def test_a_picture_is_shown_once_it_is_there_and_wanted(server: ViewerServer) -> None:
    frustum = Frustum(server.scene, "cam", CAMERA, 0.4)
    frustum.appear(camera=True, picture=True)
    assert not frustum.picture.visible
    frustum.show(np.zeros((72, 128, 3), np.uint8))
    assert frustum.picture.visible
    frustum.appear(camera=True, picture=False)
    frustum.show(np.zeros((72, 128, 3), np.uint8))
    assert not frustum.picture.visible
