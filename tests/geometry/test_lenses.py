"""The same laws over every lens, and OpenCV as the independent reference."""

import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady, Fisheye, Human36mLens, Lens, Pinhole
from tests.geometry.rigs import BATCH_SHAPES, LENSES


@pytest.fixture(params=LENSES.values(), ids=LENSES.keys())
def lens(request) -> Lens:
    return request.param


def points_in_view(shape, reach=0.6, seed=0):
    rng = np.random.default_rng(seed)
    ideal = rng.uniform(-reach, reach, (*shape, 2))
    depth = rng.uniform(0.5, 8.0, (*shape, 1))
    return np.concatenate([ideal, np.ones((*shape, 1))], axis=-1) * depth


@pytest.mark.parametrize("shape", [*BATCH_SHAPES, (0,)])
def test_undistort_inverts_project(lens, shape):
    points = points_in_view(shape)
    pixels, visible = lens.project(points)
    ideal, invertible = lens.undistort(pixels)
    assert pixels.shape == (*shape, 2)
    assert visible.shape == invertible.shape == shape
    assert np.all(visible)
    assert np.all(invertible)
    again, _ = lens.project(np.concatenate([ideal, np.ones((*shape, 1))], axis=-1))
    np.testing.assert_allclose(again, pixels, atol=1e-6)
    np.testing.assert_allclose(ideal, points[..., :2] / points[..., 2:], atol=1e-9)


def test_the_round_trip_holds_up_to_the_edge_of_the_valid_region(lens):
    radius = min(lens.max_radius, 3.0) * np.linspace(0.01, 0.98, 60)
    angle = np.linspace(0, 12, 60)
    ideal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    pixels, visible = lens.project(np.concatenate([ideal, np.ones((60, 1))], axis=-1))
    recovered, invertible = lens.undistort(pixels)
    assert np.all(visible)
    assert invertible.mean() > 0.9  # tangential terms may fold the very edge
    again, _ = lens.project(np.concatenate([recovered, np.ones((60, 1))], axis=-1))
    np.testing.assert_allclose(again[invertible], pixels[invertible], atol=1e-6)


def test_points_outside_the_valid_region_are_reported(lens):
    assert not lens.project(np.array([0.1, 0.1, -2.0]))[1]
    if np.isfinite(lens.max_radius):
        outside = np.array([lens.max_radius * 1.01, 0.0, 1.0])
        assert not lens.project(outside)[1]
        # A pixel beyond the farthest that the lens can make belongs to nothing, and stays finite.
        rim, _ = lens.project(np.array([lens.max_radius * 0.9999, 0.0, 1.0]))
        beyond = np.asarray(lens.centre) + 1.5 * (rim - lens.centre)
        ideal, valid = lens.undistort(beyond)
        assert not valid
        assert np.all(np.isfinite(ideal))


def test_one_pixel_without_an_ideal_point_does_not_disturb_the_others():
    lens = LENSES["brown4"]
    pixels, _ = lens.project(points_in_view((50,)))
    alone, _ = lens.undistort(pixels)
    pixels[7] = 1e5
    together, valid = lens.undistort(pixels)
    assert not valid[7]
    np.testing.assert_allclose(np.delete(together, 7, axis=0), np.delete(alone, 7, axis=0), atol=1e-13)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_derivatives_are_those_of_finite_differences(lens, shape):
    points = points_in_view(shape)
    _, d_points, d_parameters = lens.derivatives(points)
    assert d_points.shape == (*shape, 2, 3)
    for axis, step in enumerate(1e-6 * np.eye(3)):
        numeric = (lens.project(points + step)[0] - lens.project(points - step)[0]) / 2e-6
        np.testing.assert_allclose(d_points[..., axis], numeric, rtol=1e-5, atol=1e-4)
    for index, step in enumerate(1e-6 * np.eye(len(lens.parameters))):
        more, less = (lens.with_parameters(lens.parameters + sign * step).project(points)[0] for sign in (1, -1))
        np.testing.assert_allclose(d_parameters[..., index], (more - less) / 2e-6, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_the_metric_measures_small_steps_in_pixels(lens, shape):
    points = points_in_view(shape)
    x, y, (xx, xy, yy), _ = lens.undistort_with_metric(lens.project(points)[0])
    step = np.array([3e-7, -4e-7])
    one = np.ones(shape)
    near, far = (lens.project(np.stack([x + s * step[0], y + s * step[1], one], axis=-1))[0] for s in (-1, 1))
    squared = xx * step[0] ** 2 + 2 * xy * step[0] * step[1] + yy * step[1] ** 2
    np.testing.assert_allclose(np.sqrt(squared), np.linalg.norm(far - near, axis=-1) / 2, rtol=1e-5)


def test_cropping_and_resizing_commute_with_projection(lens):
    points = points_in_view((20,))
    pixels, _ = lens.project(points)
    np.testing.assert_allclose(lens.cropped(30.0, -12.0).project(points)[0], pixels - [30, -12], atol=1e-10)
    scale = np.array([0.5, 2.25])
    np.testing.assert_allclose(
        lens.resized((0.5, 2.25)).project(points)[0], (pixels + 0.5) * scale - 0.5, rtol=1e-12, atol=1e-9
    )
    back = lens.resized((0.5, 2.25)).resized((2.0, 1 / 2.25))
    np.testing.assert_allclose(back.parameters, lens.parameters, rtol=1e-14)


@pytest.mark.parametrize("name", ["pinhole", "brown4", "brown5", "brown8"])
def test_brown_conrady_is_opencvs(name):
    lens = LENSES[name]
    points = points_in_view((100,))
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), lens.matrix, np.array(lens.coefficients))
    np.testing.assert_allclose(lens.project(points)[0], expected[:, 0], atol=1e-8)


def test_fisheye_is_opencvs():
    lens = LENSES["fisheye"]
    points = points_in_view((100,), reach=2.0)
    expected, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), lens.matrix, np.array(lens.coefficients)
    )
    np.testing.assert_allclose(lens.project(points)[0], expected[:, 0], atol=1e-8)


def test_human36m_counts_tangential_terms_once():
    """By the formula of the data set's own camera code, written out for one point."""
    lens = LENSES["human36m"]
    k1, k2, p1, p2, k3 = lens.coefficients
    x, y = 0.3, 0.2
    r2 = x * x + y * y
    factor = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
    expected = np.array([x * factor + p2 * r2, y * factor + p1 * r2]) * lens.focal + lens.centre
    np.testing.assert_allclose(lens.project(np.array([x, y, 1.0]))[0], expected, atol=1e-10)
    opencv = BrownConrady(lens.focal, lens.centre, lens.coefficients)
    assert np.linalg.norm(opencv.project(np.array([x, y, 1.0]))[0] - expected) > 0.05


@pytest.mark.parametrize(
    ("kind", "focal", "coefficients", "complaint"),
    [
        (Pinhole, (0.0, 1.0), (), "must be positive"),
        (Pinhole, (float("nan"), 1.0), (), "not finite"),
        (BrownConrady, (1.0, 1.0), (0.1,), "4 or 5 or 8"),
        (Human36mLens, (1.0, 1.0), (0.1, 0.0, 0.0, 0.0), "takes 5"),
        (Fisheye, (1.0, 1.0), (), "takes 4"),
    ],
)
def test_impossible_lenses_are_refused(kind, focal, coefficients, complaint):
    with pytest.raises(InputError, match=complaint):
        kind(focal, (0.0, 0.0), coefficients)
