"""Alignment recovers a known motion, also where the points leave part of it open."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from epipose.geometry import alignment
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between

MOTION = Rigid.from_rotvec(np.array([0.4, -1.2, 2.0]), np.array([3.0, -1.0, 0.5]))


def cloud(count=12, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3)) * [1.0, 0.5, 2.0] + [4.0, 2.0, -1.0]


@pytest.mark.parametrize("count", [3, 4, 30])
def test_a_known_similarity_is_recovered(count):
    points = cloud(count)
    scale, motion = alignment.similarity(points, MOTION.apply(1.7 * points))
    np.testing.assert_allclose(scale, 1.7)
    np.testing.assert_allclose(motion.matrix, MOTION.matrix, atol=1e-9)


def test_a_known_rigid_motion_is_recovered_and_its_scale_stays_one():
    points = cloud()
    np.testing.assert_allclose(alignment.rigid(points, MOTION.apply(points)).matrix, MOTION.matrix, atol=1e-9)
    doubled = alignment.rigid(points, MOTION.apply(2 * points))
    np.testing.assert_allclose(doubled.rotation, MOTION.rotation, atol=1e-9)


def test_weights_silence_an_outlier_and_count_as_repetitions():
    points = cloud()
    target = MOTION.apply(points)
    target[3] += 100.0
    weights = np.ones(len(points))
    weights[3] = 0.0
    np.testing.assert_allclose(alignment.rigid(points, target, weights).matrix, MOTION.matrix, atol=1e-9)
    weights[3], weights[5] = 1.0, 3.0
    repeated = [*range(len(points)), 5, 5]
    scale, motion = alignment.similarity(points, target, weights)
    expected_scale, expected = alignment.similarity(points[repeated], target[repeated])
    np.testing.assert_allclose(scale, expected_scale)
    np.testing.assert_allclose(motion.matrix, expected.matrix, atol=1e-9)


def test_noisy_rotation_is_scipys():
    points = cloud(30)
    target = MOTION.apply(points) + np.random.default_rng(1).normal(0, 0.3, (30, 3))
    centred, to = points - points.mean(axis=0), target - target.mean(axis=0)
    expected, _ = Rotation.align_vectors(to, centred)
    np.testing.assert_allclose(alignment.rigid(points, target).rotation, expected.as_matrix(), atol=1e-9)


def test_a_mirrored_body_is_not_answered_with_a_mirror():
    points = cloud()
    _, motion = alignment.similarity(points, points * [-1.0, 1.0, 1.0])
    np.testing.assert_allclose(np.linalg.det(motion.rotation), 1.0)


def test_points_on_a_line_are_laid_on_it_by_the_smallest_turn():
    line = np.linspace(-1, 2, 7)[:, None] * [0.0, 0.6, 0.8] + [1.0, 2.0, 3.0]
    scale, motion = alignment.similarity(line, MOTION.apply(1.5 * line))
    np.testing.assert_allclose(motion.apply(scale * line), MOTION.apply(1.5 * line), atol=1e-9)
    direction = MOTION.rotation @ [0.0, 0.6, 0.8]
    np.testing.assert_allclose(angle_between(np.eye(3), motion.rotation), np.arccos(direction @ [0.0, 0.6, 0.8]))


def test_one_place_only_shifts():
    place = np.full((4, 3), 2.0)
    scale, motion = alignment.similarity(place, place + np.array([1.0, 0.0, -1.0]))
    assert scale == 1.0
    np.testing.assert_allclose(motion.matrix, np.concatenate([np.eye(3), [[1.0], [0.0], [-1.0]]], axis=1))
