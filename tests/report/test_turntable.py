"""The view onto people on a floor: lengths stay, turning is turning, and cameras stand where they stand."""

import numpy as np
import pytest

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.report.drawing import DARK
from epipose.report.turntable import FLOOR, FRUSTUM_M, Turntable

TABLE = Turntable(0.4, 0.3, 80.0, (150.0, 120.0), (1.0, 2.0, 0.5))
POINTS = np.random.default_rng(1).normal(size=(20, 3))


def test_lengths_stay_and_the_middle_is_in_the_middle() -> None:
    seen = TABLE.seen(POINTS)
    distances = np.linalg.norm(POINTS[:, None] - POINTS, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(seen[:, None] - seen, axis=-1), distances, atol=1e-12)
    # Right, down, away is a right-handed frame, as x, y, z is: nobody is mirrored.
    assert np.linalg.det(seen[:3] - seen[3]) == pytest.approx(np.linalg.det(POINTS[:3] - POINTS[3]))
    np.testing.assert_allclose(TABLE.places(np.array([[1.0, 2.0, 0.5]])), [[150, 120]], atol=1e-9)


def test_up_is_up_and_who_turns_with_the_table_stands_still() -> None:
    low, high = TABLE.places(np.array([[1.0, 2.0, 0.5], [1.0, 2.0, 1.5]]))
    np.testing.assert_allclose(high - low, [0, -80 * np.cos(0.3)], atol=1e-9)
    cos, sin = np.cos(0.7), np.sin(0.7)
    turned = (POINTS - TABLE.middle) @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) + TABLE.middle
    other = Turntable(1.1, 0.3, 80.0, (150.0, 120.0), (1.0, 2.0, 0.5))
    np.testing.assert_allclose(other.seen(turned), TABLE.seen(POINTS), atol=1e-12)


def test_the_near_side_of_the_floor_is_below_and_shadows_lie_under_people() -> None:
    picture = np.zeros((240, 300, 3), np.uint8)
    table = Turntable(0.0, 0.3, 80.0, (150.0, 120.0))
    table.paint_floor(picture, 0.0, 1.3, [np.array([0.75, 0.25, 1.7])])
    near, far = table.places(np.array([[0.0, -1.0, 0], [0.0, 1.0, 0]]))
    assert near[1] > 120 > far[1]
    for place, colour in (((-0.75, 0.25, 0.0), FLOOR), ((0.75, 0.25, 0.0), DARK)):
        x, y = np.round(table.places(np.array([place]))[0]).astype(int)
        assert tuple(picture[y, x].tolist()) == colour
    assert not picture[5:20].any()


def test_a_camera_is_drawn_where_it_stands_and_looks() -> None:
    # A metre above the middle of the floor, looking along y.
    cam_from_world = Rigid(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0.0, 1.0, 0.0]))
    camera = Camera(Pinhole((400.0, 400.0), (319.5, 239.5)), cam_from_world, (640, 480))
    np.testing.assert_allclose(camera.centre, [0, 0, 1], atol=1e-12)
    table = Turntable(np.pi / 2 - 0.2, 0.1, 100.0, (120.0, 200.0))
    picture = np.full((260, 260, 3), 255, np.uint8)
    table.paint_camera(picture, camera, (10, 200, 30), 3.0)
    corner = np.array([0.8, 1.0, 0.6])
    corner *= FRUSTUM_M / np.linalg.norm(corner)
    for point in (camera.centre, camera.centre + corner, camera.centre + 0.5 * corner):
        x, y = np.round(table.places(point[None])[0]).astype(int)
        assert np.abs(picture[y, x].astype(int) - (10, 200, 30)).max() < 30
    x, y = np.round(table.places(camera.centre[None] - [[0, 0.3, 0]])[0]).astype(int)
    assert (picture[y - 2 : y + 3, x - 2 : x + 3] == 255).all(), "nothing is behind it"
