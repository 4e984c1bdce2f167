import numpy as np
import pytest

from epipose.studio.bodies import Body
from epipose.studio.motion.limbs import ARM, LEG, STRAIGHTEST, limb, reach


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("bones", [ARM, LEG])
def test_ends_where_it_should_and_bends_one_way_only(body: Body, bones: tuple[str, str, str], side: str) -> None:
    rng = np.random.default_rng(2)
    some = limb(body, bones, side)
    root, normal = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    direction = rng.normal(size=(200, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    target = root + direction * some.length * rng.uniform(0.35, 0.99, (200, 1))
    upper, lower = reach(some, root, target, normal)
    hinge = root + upper @ some.upper
    end = hinge + (upper @ lower) @ some.lower
    np.testing.assert_allclose(end, target, atol=1e-9)
    # The hinge bends forwards about its own axis, in the plane that was asked for.
    axis = upper @ some.hinge
    turn = np.sum(np.cross(hinge - root, end - hinge) * axis, axis=1)
    np.testing.assert_allclose(turn, np.linalg.norm(np.cross(hinge - root, end - hinge), axis=1), atol=1e-9)
    assert np.all(np.sum(axis * normal, axis=1) > 0)
    np.testing.assert_allclose(np.sum(axis * direction, axis=1), 0.0, atol=1e-9)


def test_points_at_what_is_out_of_reach(body: Body) -> None:
    leg = limb(body, LEG, "L")
    target = np.array([[0.0, 0.0, -3.0]])
    upper, lower = reach(leg, np.zeros((1, 3)), target, np.array([[1.0, 0.0, 0.0]]))
    end = upper @ leg.upper + upper @ lower @ leg.lower
    np.testing.assert_allclose(end[0] / np.linalg.norm(end), [0, 0, -1], atol=1e-9)
    assert np.linalg.norm(end) == pytest.approx(leg.length, rel=STRAIGHTEST**2)


def test_rest_is_reached_by_not_moving(body: Body) -> None:
    leg = limb(body, LEG, "R")
    upper, lower = reach(leg, leg.root[None], (leg.root + leg.upper + leg.lower)[None], leg.hinge[None])
    np.testing.assert_allclose(upper[0], np.eye(3), atol=1e-9)
    np.testing.assert_allclose(lower[0], np.eye(3), atol=1e-9)
