"""Rigid motions form a group, over every batch shape."""

import numpy as np
import pytest

from epipose.geometry.rigid import Rigid
from tests.geometry.rigs import BATCH_SHAPES


def motion(shape, seed):
    rng = np.random.default_rng(seed)
    return Rigid.from_rotvec(rng.normal(size=(*shape, 3)), rng.normal(size=(*shape, 3)))


def assert_same(first, second):
    np.testing.assert_allclose(first.rotation, second.rotation, atol=1e-12)
    np.testing.assert_allclose(first.translation, second.translation, atol=1e-12)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_group_laws(shape):
    a_from_b, b_from_c, c_from_d = (motion(shape, seed) for seed in range(3))
    nothing = Rigid(np.broadcast_to(np.eye(3), (*shape, 3, 3)), np.zeros((*shape, 3)))
    assert_same((a_from_b @ b_from_c) @ c_from_d, a_from_b @ (b_from_c @ c_from_d))
    assert_same(a_from_b @ a_from_b.inverse(), nothing)
    assert_same(a_from_b.inverse() @ a_from_b, nothing)
    assert_same((a_from_b @ b_from_c).inverse(), b_from_c.inverse() @ a_from_b.inverse())
    assert_same(a_from_b @ Rigid.identity(), a_from_b)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_motions_act_on_points(shape):
    a_from_b, b_from_c = motion(shape, 0), motion(shape, 1)
    points = np.random.default_rng(2).normal(size=(*shape, 3))
    np.testing.assert_allclose((a_from_b @ b_from_c).apply(points), a_from_b.apply(b_from_c.apply(points)), atol=1e-12)
    np.testing.assert_allclose(a_from_b.inverse().apply(a_from_b.apply(points)), points, atol=1e-12)
    homogeneous = np.concatenate([points, np.ones((*shape, 1))], axis=-1)
    np.testing.assert_allclose((a_from_b.matrix @ homogeneous[..., None])[..., 0], a_from_b.apply(points), atol=1e-12)


def test_one_motion_moves_many_points_and_many_motions_one_point():
    single, many = motion((), 0), motion((4,), 1)
    points = np.random.default_rng(2).normal(size=(5, 3))
    assert single.apply(points).shape == (5, 3)
    assert many.apply(points[0]).shape == (4, 3)
    np.testing.assert_allclose(many[2].apply(points[0]), many.apply(points[0])[2], atol=1e-15)
    assert_same(Rigid.stack([many[i] for i in range(4)]), many)


@pytest.mark.parametrize("shape", BATCH_SHAPES)
def test_the_centre_is_the_point_that_maps_to_the_origin(shape):
    cam_from_world = motion(shape, 0)
    np.testing.assert_allclose(cam_from_world.apply(cam_from_world.centre), 0, atol=1e-12)
    assert_same(Rigid.from_centre(cam_from_world.rotation, cam_from_world.centre), cam_from_world)
