"""Epipolar geometry: from cameras to matrices and back, and OpenCV as the independent reference."""

import cv2
import numpy as np
import pytest

from epipose.geometry import epipolar
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from tests.geometry.rigs import BATCH_SHAPES, LENSES, looking_at, pictures, ring, room_points

CAMERAS = ring(5, lens=LENSES["pinhole"])[:2]
B_FROM_A = CAMERAS[1].cam_from_world @ CAMERAS[0].cam_from_world.inverse()


def ideal(points):
    return [camera.lens.undistort(camera.project(points)[0])[0] for camera in CAMERAS]


def same_up_to_scale(first, second):
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    return min(np.abs(first - second).max(), np.abs(first + second).max())


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_matches_satisfy_the_matrices_of_their_cameras(shape):
    points = room_points(shape)
    essential = epipolar.essential_from_motion(B_FROM_A)
    assert epipolar.sampson_distance(essential, *ideal(points)).shape == shape
    np.testing.assert_allclose(epipolar.sampson_distance(essential, *ideal(points)), 0, atol=1e-12)
    fundamental = epipolar.fundamental_from_cameras(*CAMERAS)
    np.testing.assert_allclose(epipolar.sampson_distance(fundamental, *pictures(CAMERAS, points)), 0, atol=1e-9)
    # The other way round is another matrix.
    assert np.all(epipolar.sampson_distance(fundamental.T, *pictures(CAMERAS, points)) > 1)


def test_the_fundamental_matrix_of_projections_is_that_of_their_cameras():
    projections = np.stack([camera.px_from_world for camera in CAMERAS])
    found = epipolar.fundamental_from_projections(projections)
    assert same_up_to_scale(found, epipolar.fundamental_from_cameras(*CAMERAS)) < 1e-12


def test_eight_points_give_the_matrices_back():
    points = room_points((8,))
    essential = epipolar.eight_point_essential(*ideal(points))
    assert same_up_to_scale(essential, epipolar.essential_from_motion(B_FROM_A)) < 1e-8
    np.testing.assert_allclose(np.linalg.svd(essential)[1], [1, 1, 0], atol=1e-12)
    fundamental = epipolar.eight_point_fundamental(*pictures(CAMERAS, points))
    assert same_up_to_scale(fundamental, epipolar.fundamental_from_cameras(*CAMERAS)) < 1e-9


def test_the_eight_point_matrix_of_noisy_pixels_is_opencvs():
    pixels = pictures(CAMERAS, room_points((60,))) + np.random.default_rng(0).normal(0, 1, (2, 60, 2))
    expected, _ = cv2.findFundamentalMat(pixels[0], pixels[1], cv2.FM_8POINT)
    assert same_up_to_scale(epipolar.eight_point_fundamental(*pixels), expected) < 1e-6


def test_a_match_of_weight_zero_does_not_count():
    pixels = pictures(CAMERAS, room_points((20,)))
    pixels[0, 4] += 300
    weights = np.ones(20)
    weights[4] = 0
    found = epipolar.eight_point_fundamental(*pixels, weights)
    assert same_up_to_scale(found, epipolar.fundamental_from_cameras(*CAMERAS)) < 1e-9


def test_the_sampson_distance_of_noise_has_the_size_of_the_noise():
    pixels = pictures(CAMERAS, room_points((20000,))) + np.random.default_rng(0).normal(0, 0.7, (2, 20000, 2))
    distance = epipolar.sampson_distance(epipolar.fundamental_from_cameras(*CAMERAS), *pixels)
    np.testing.assert_allclose(np.sqrt(np.mean(distance**2)), 0.7, rtol=0.02)


def test_an_essential_matrix_has_four_motions_and_the_true_one_is_among_them():
    essential = epipolar.essential_from_motion(B_FROM_A)
    unit = B_FROM_A.translation / np.linalg.norm(B_FROM_A.translation)
    candidates = epipolar.decompose_essential(-essential)
    for motion in candidates:
        np.testing.assert_allclose(np.linalg.det(motion.rotation), 1.0)
        assert same_up_to_scale(epipolar.essential_from_motion(motion), essential) < 1e-12
    errors = [
        angle_between(motion.rotation, B_FROM_A.rotation) + np.linalg.norm(motion.translation - unit)
        for motion in candidates
    ]
    assert sorted(errors)[0] < 1e-7
    assert sorted(errors)[1] > 0.1


@pytest.mark.parametrize("seed", range(12))
def test_cheirality_chooses_the_motion_that_is_b_from_a(seed):
    """Fails if a transform is inverted: `a_from_b`, or either sign of the translation, is far from the truth."""
    centres = np.random.default_rng(seed).normal(size=(2, 3)) * 2 + [0.0, 6.0, 1.0]
    tilts = np.random.default_rng(seed).normal(size=(2, 3)) * [0.0, 0.0, 2.0]
    a, b = (
        Camera(LENSES["pinhole"], Rigid.from_rotvec(tilt, np.zeros(3)) @ looking_at(centre, np.zeros(3)), (1920, 1080))
        for tilt, centre in zip(tilts, centres, strict=True)
    )
    b_from_a = b.cam_from_world @ a.cam_from_world.inverse()
    points = room_points((30,))
    seen = [camera.lens.undistort(camera.project(points)[0])[0] for camera in (a, b)]
    for sign in (1, -1):
        chosen = epipolar.motion_from_essential(sign * epipolar.essential_from_motion(b_from_a), *seen)
        assert chosen.share_in_front == 1.0
        assert angle_between(chosen.b_from_a.rotation, b_from_a.rotation) < 1e-7
        unit = b_from_a.translation / np.linalg.norm(b_from_a.translation)
        np.testing.assert_allclose(chosen.b_from_a.translation, unit, atol=1e-8)


def test_the_share_in_front_counts_the_weight_of_matches_on_the_wrong_side():
    """Cameras side by side: a point's disparity is towards one side only."""
    essential = epipolar.essential_from_motion(Rigid(np.eye(3), np.array([-1.0, 0.0, 0.0])))
    a = room_points((100,))[:, :2] / 4
    b = a - [0.1, 0.0]
    b[:30] += [0.2, 0.0]
    np.testing.assert_allclose(epipolar.motion_from_essential(essential, a, b).share_in_front, 0.7)
    weights = np.repeat([0.5, 1.0], [30, 70])
    np.testing.assert_allclose(epipolar.motion_from_essential(essential, a, b, weights).share_in_front, 70 / 85)


def test_the_recovered_motion_is_opencvs():
    a, b = ideal(room_points((50,)))
    a, b = a + np.random.default_rng(1).normal(0, 5e-4, a.shape), b
    essential = epipolar.eight_point_essential(a, b)
    _, rotation, translation, _ = cv2.recoverPose(essential, a, b, np.eye(3))
    chosen = epipolar.motion_from_essential(essential, a, b)
    np.testing.assert_allclose(chosen.b_from_a.rotation, rotation, atol=1e-8)
    np.testing.assert_allclose(chosen.b_from_a.translation, translation[:, 0], atol=1e-8)
