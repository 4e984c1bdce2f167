"""Rotations: laws over batches, and SciPy as the independent reference."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from epipose.geometry import rotations
from tests.geometry.rigs import BATCH_SHAPES


def rotvecs(shape, longest=3.1, seed=0):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=(*shape, 3))
    return axis / np.linalg.norm(axis, axis=-1, keepdims=True) * rng.uniform(0, longest, (*shape, 1))


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_rotation_vectors_and_quaternions_survive_the_round_trip(shape):
    vectors = rotvecs(shape)
    rotation = rotations.rotation_from_rotvec(vectors)
    assert rotation.shape == (*shape, 3, 3)
    np.testing.assert_allclose(rotations.rotvec_from_rotation(rotation), vectors, atol=1e-12)
    quaternion = rotations.quaternion_from_rotation(rotation)
    np.testing.assert_allclose(rotations.rotation_from_quaternion(-2 * quaternion), rotation, atol=1e-14)


def test_rotation_vectors_agree_with_scipy():
    vectors = rotvecs((200,), longest=6.0)
    expected = Rotation.from_rotvec(vectors)
    rotation = rotations.rotation_from_rotvec(vectors)
    np.testing.assert_allclose(rotation, expected.as_matrix(), atol=1e-14)
    np.testing.assert_allclose(rotations.rotvec_from_rotation(rotation), expected.as_rotvec(), atol=1e-12)
    scipy_wxyz = np.roll(expected.as_quat(canonical=True), 1, axis=-1)
    np.testing.assert_allclose(rotations.quaternion_from_rotation(rotation), scipy_wxyz, atol=1e-13)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-8, 1e-4, np.pi - 1e-7, np.pi])
def test_tiny_and_half_turns_keep_their_precision(angle):
    axis = np.array([2.0, -1.0, 2.0]) / 3
    recovered = rotations.rotvec_from_rotation(rotations.rotation_from_rotvec(axis * angle))
    np.testing.assert_allclose(np.linalg.norm(recovered), angle, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(np.abs(recovered @ axis), angle, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_the_angle_between_rotations_is_that_of_their_quotient(shape):
    first = rotations.rotation_from_rotvec(rotvecs(shape))
    step = rotvecs(shape, longest=3.0, seed=1)
    angle = rotations.angle_between(first, first @ rotations.rotation_from_rotvec(step))
    np.testing.assert_allclose(angle, np.linalg.norm(step, axis=-1), atol=1e-12)


def test_small_angles_between_rotations_are_not_rounded_away():
    tiny = rotations.rotation_from_rotvec(np.array([0.0, 1e-9, 0.0]))
    np.testing.assert_allclose(rotations.angle_between(np.eye(3), tiny), 1e-9, rtol=1e-6)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_the_nearest_rotation_to_a_disturbed_or_mirrored_one_is_proper(shape):
    rotation = rotations.rotation_from_rotvec(rotvecs(shape))
    np.testing.assert_allclose(rotations.nearest_rotation(3 * rotation), rotation, atol=1e-12)
    mirrored = rotations.nearest_rotation(rotation * [1.0, 1.0, -1.0])
    np.testing.assert_allclose(np.linalg.det(mirrored), 1.0, atol=1e-12)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_rotation_onto_is_the_smallest_that_does_it(shape):
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, *shape, 3))
    turn = rotations.rotation_onto(a, b)
    moved = (turn @ a[..., None])[..., 0]
    np.testing.assert_allclose(np.cross(moved, b), 0, atol=1e-12)
    assert np.all(np.sum(moved * b, axis=-1) > 0)
    cosine = np.sum(a * b, axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    np.testing.assert_allclose(rotations.angle_between(np.broadcast_to(np.eye(3), turn.shape), turn), np.arccos(cosine))


def test_opposite_directions_are_turned_half_around():
    for direction in np.eye(3):
        np.testing.assert_allclose(rotations.rotation_onto(direction, -direction) @ direction, -direction, atol=1e-12)


def test_skew_is_the_cross_product():
    a, b = np.random.default_rng(3).normal(size=(2, 5, 3))
    np.testing.assert_allclose((rotations.skew(a) @ b[..., None])[..., 0], np.cross(a, b), atol=1e-15)
