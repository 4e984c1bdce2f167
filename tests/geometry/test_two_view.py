"""Two-view triangulation is the optimum: not worse than OpenCV's, than DLT, or than any place near it."""

import cv2
import numpy as np
import pytest

from epipose.geometry import epipolar, two_view
from epipose.geometry.cameras import Camera
from epipose.geometry.triangulation import dlt
from tests.geometry.rigs import BATCH_SHAPES, LENSES, looking_at, pictures, ring, room_points

CAMERAS = ring(5, lens=LENSES["pinhole"])[:2]
FACING = ring(4, lens=LENSES["pinhole"])[::2]
"""Cameras that see each other: the epipoles are among the points, and the distance has several minima."""
PROJECTIONS = np.stack([camera.px_from_world for camera in CAMERAS])


def noisy(count, sigma, cameras=CAMERAS):
    points = room_points((count,))
    return points, pictures(cameras, points) + np.random.default_rng(0).normal(0, sigma, (2, count, 2))


def squared(corrected, pixels):
    return np.sum((corrected - pixels) ** 2, axis=(0, -1))


@pytest.mark.parametrize("shape", [*BATCH_SHAPES, (0,)])
def test_exact_pixels_give_the_exact_points(shape):
    points = room_points(shape)
    found = two_view.polynomial(PROJECTIONS, pictures(CAMERAS, points))
    assert found.shape == (*shape, 3)
    np.testing.assert_allclose(found, points, atol=1e-9)


@pytest.mark.parametrize("sigma", [1.0, 10.0, 40.0])
@pytest.mark.parametrize("cameras", [CAMERAS, FACING], ids=["beside", "facing"])
def test_no_match_is_nearer_than_the_corrected_one(cameras, sigma):
    _, pixels = noisy(300, sigma, cameras)
    fundamental = epipolar.fundamental_from_cameras(*cameras)
    corrected = two_view.corrected_matches(fundamental, pixels)
    np.testing.assert_allclose(epipolar.sampson_distance(fundamental, *corrected), 0, atol=1e-8)
    opencv = np.stack(cv2.correctMatches(fundamental, pixels[:1], pixels[1:]))[:, 0]
    assert np.all(squared(corrected, pixels) <= squared(opencv, pixels) + 1e-6)


@pytest.mark.parametrize("sigma", [1.0, 10.0, 40.0])
def test_no_place_in_space_has_projections_that_are_nearer(sigma):
    _, pixels = noisy(300, sigma)
    corrected = two_view.corrected_matches(epipolar.fundamental_from_cameras(*CAMERAS), pixels)
    found = two_view.polynomial(PROJECTIONS, pixels)
    for step in np.random.default_rng(1).normal(0, 0.01, (20, 1, 3)):
        near = pictures(CAMERAS, found + step)
        assert np.all(squared(near, pixels) >= squared(corrected, pixels) - 1e-6)


@pytest.mark.parametrize("sigma", [5.0, 10.0])
def test_points_are_not_worse_than_opencvs_or_dlts(sigma):
    points, pixels = noisy(2000, sigma)
    opencv = cv2.correctMatches(epipolar.fundamental_from_cameras(*CAMERAS), pixels[:1], pixels[1:])
    homogeneous = cv2.triangulatePoints(*PROJECTIONS, opencv[0][0].T, opencv[1][0].T)
    rival = np.linalg.norm((homogeneous[:3] / homogeneous[3]).T - points, axis=-1).mean()
    linear = np.linalg.norm(dlt(PROJECTIONS, pixels, np.ones((2, 2000))) - points, axis=-1).mean()
    mine = np.linalg.norm(two_view.polynomial(PROJECTIONS, pixels) - points, axis=-1).mean()
    assert mine <= rival + 1e-6
    assert mine <= linear * 1.001


def test_parallel_cameras_whose_epipoles_are_at_infinity():
    target = np.array([0.0, 1e9, 1.0])
    left, right = (
        Camera(LENSES["pinhole"], looking_at(np.array([x, -4.0, 1.0]), target + np.array([x, 0.0, 0.0])), (1920, 1080))
        for x in (-0.5, 0.5)
    )
    points = room_points((50,))
    pixels = pictures((left, right), points)
    projections = np.stack([left.px_from_world, right.px_from_world])
    np.testing.assert_allclose(two_view.polynomial(projections, pixels), points, atol=1e-6)
    pixels[0, :, 1] += 3.0
    corrected = two_view.corrected_matches(epipolar.fundamental_from_projections(projections), pixels)
    np.testing.assert_allclose(squared(corrected, pixels), 2 * 1.5**2, rtol=1e-4)


def test_neighbours_go_round_the_scene():
    cameras = ring(6)
    expected = {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)}
    assert set(two_view.neighbouring_pairs(cameras)) == expected
    assert two_view.neighbouring_pairs(cameras[:2]) == [(0, 1)]
    assert two_view.neighbouring_pairs(cameras[:1]) == []


@pytest.mark.parametrize("shape", [*BATCH_SHAPES, (0,)])
def test_pairs_are_exact_without_noise(shape):
    cameras = ring(4)
    points = room_points(shape)
    found = two_view.pairs(cameras, pictures(cameras, points), np.ones((4, *shape)))
    assert found.shape == (*shape, 3)
    np.testing.assert_allclose(found, points, atol=1e-8)


def test_the_median_of_pairs_outvotes_one_bad_pair():
    cameras = ring(5)
    points = room_points((40,))
    pixels = pictures(cameras, points) + np.random.default_rng(0).normal(0, 1, (5, 40, 2))
    clean = np.linalg.norm(two_view.pairs(cameras, pixels, np.ones((5, 40))) - points, axis=-1)
    pixels[2] += 150.0
    found = np.linalg.norm(two_view.pairs(cameras, pixels, np.ones((5, 40))) - points, axis=-1)
    assert found.max() < 4 * clean.max()


def test_a_missing_view_leaves_the_other_pairs():
    cameras = ring(4)
    points = room_points((10,))
    pixels, weights = pictures(cameras, points), np.ones((4, 10))
    weights[1], pixels[1] = 0.0, 0.0
    np.testing.assert_allclose(two_view.pairs(cameras, pixels, weights), points, atol=1e-8)
    weights[3] = 0.0  # only opposite cameras are left: no neighbouring pair
    np.testing.assert_allclose(two_view.pairs(cameras, pixels, weights), points, atol=1e-8)
    weights[:] = 0.0
    assert np.all(np.isfinite(two_view.pairs(cameras, pixels, weights)))


def test_pixels_of_missing_observations_do_not_matter():
    cameras = ring(6)
    rng = np.random.default_rng(0)
    pixels = pictures(cameras, room_points((200,))) + rng.normal(0, 5, (6, 200, 2))
    weights = (rng.random((6, 200)) < 0.7).astype(float)
    elsewhere = np.where(weights[..., None] > 0, pixels, pixels + rng.normal(0, 30, (6, 200, 2)))
    np.testing.assert_array_equal(two_view.pairs(cameras, pixels, weights), two_view.pairs(cameras, elsewhere, weights))
