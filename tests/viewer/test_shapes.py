"""Instances, turned into vertices as the browser does it, are where the joints are and as large as they are unsure."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_quaternion
from epipose.report.solids import ball, rod
from epipose.viewer.shapes import (
    BONE_RADIUS_M,
    JOINT_RADIUS_M,
    NOTHING,
    Instances,
    balls,
    ellipsoids,
    haze,
    rods,
)

RNG = np.random.default_rng(4)
POINTS = RNG.normal(size=(5, 3))
KNOWN = np.array([True, True, True, True, False])


def vertices(instances: Instances, mesh: ndarray) -> Float[ndarray, "n vertices 3"]:
    """Scale, turn, shift."""
    turned = (mesh * instances.scales[:, None]) @ np.swapaxes(rotation_from_quaternion(instances.wxyzs), -1, -2)
    return turned + instances.positions[:, None]


def test_balls_are_around_the_joints_that_are_known() -> None:
    found = vertices(balls(POINTS, KNOWN), ball()[0])
    distance = np.linalg.norm(found - POINTS[:, None], axis=-1)
    np.testing.assert_allclose(distance[KNOWN], JOINT_RADIUS_M)
    assert distance[~KNOWN].max() < 2 * NOTHING


def test_rods_lead_from_joint_to_joint() -> None:
    bones = np.array([[0, 1], [1, 2], [2, 2], [3, 4]])
    found = vertices(rods(POINTS, KNOWN, bones), rod()[0])
    for (begin, end), mesh in zip(bones[:2], found[:2], strict=True):
        ends = mesh.reshape(2, -1, 3)
        np.testing.assert_allclose(ends.mean(axis=1), POINTS[[end, begin]], atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(ends - POINTS[[end, begin]][:, None], axis=-1), BONE_RADIUS_M)
    assert np.ptp(found[2:], axis=1).max() < 4 * NOTHING, "no bone without a length, or to what is not known"


def test_ellipsoids_are_the_covariance_enlarged() -> None:
    roots = RNG.normal(size=(5, 3, 3)) * 0.02
    covariance = roots @ np.swapaxes(roots, -1, -2)
    sigma = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1) / 3)
    entries = covariance[..., *np.triu_indices(3)]
    found = ellipsoids(POINTS, KNOWN, sigma, entries, 3.0)
    assert (np.linalg.det(rotation_from_quaternion(found.wxyzs)) > 0).all()
    # A vertex v of the ball lies at distance 1 as the covariance measures it, times what it was enlarged by.
    offsets = vertices(found, ball()[0])[KNOWN] - POINTS[KNOWN][:, None]
    reach = np.einsum("nvi,nij,nvj->nv", offsets, np.linalg.inv(covariance[KNOWN]), offsets)
    np.testing.assert_allclose(reach, 9.0, rtol=1e-6)


def test_without_covariance_they_are_balls_of_the_stated_size() -> None:
    sigma = np.array([0.01, 0.02, 0.0, 0.04, 0.05])
    found = vertices(ellipsoids(POINTS, KNOWN, sigma, None, 2.0), ball()[0])
    distance = np.linalg.norm(found - POINTS[:, None], axis=-1)
    np.testing.assert_allclose(distance[[0, 1, 3]], np.tile(2 * sigma[[0, 1, 3], None], distance.shape[1]))
    assert distance[[2, 4]].max() < 2 * NOTHING, "nothing where nothing is stated or known"


def test_what_is_very_unsure_does_not_hide_the_rest() -> None:
    sizes = np.array([[NOTHING] * 3, [0.02, 0.05, 0.01], [0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [5.0, 4.0, 3.0]])
    opaque = haze(sizes)
    np.testing.assert_allclose(opaque[:4], [1, 1, 1, 0.25])
    assert 0 < opaque[4] < 0.05
