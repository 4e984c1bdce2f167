import numpy as np
import pytest
import torch

from epipose.studio.bodies import JOINTS, Body
from epipose.studio.garments import Outfit, Place, body_coordinates, dressed, vertex_normals
from epipose.studio.patterns import KINDS, Pattern


def volume(body: Body) -> float:
    """Return a closed mesh's volume in cubic metres, by the divergence theorem."""
    corners = body.vertices[body.faces]
    return float(np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6)


def test_places_run_along_the_limbs(body: Body) -> None:
    place = Place(*body_coordinates(body).T)
    joint = dict(zip(JOINTS, body.joints(np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4))), strict=True))

    def around(name: str) -> np.ndarray:
        return np.linalg.norm(body.vertices - joint[name], axis=1) < 0.06

    assert np.median(place.arm[around("left_elbow")]) == pytest.approx(1.0, abs=0.15)
    assert np.median(place.arm[around("right_wrist")]) == pytest.approx(2.0, abs=0.15)
    assert np.median(place.leg[around("right_knee")]) == pytest.approx(1.0, abs=0.15)
    assert np.median(place.leg[around("left_ankle")]) == pytest.approx(2.0, abs=0.25)
    assert np.all(place.head[around("nose")] > 0.5)
    assert np.all(place.arm[around("nose")] < -0.4)
    assert place.eye.max() == pytest.approx(1.0)


def test_left_and_right_wear_the_same(body: Body) -> None:
    place = body_coordinates(body)
    mirrored = body.vertices * [-1, 1, 1]
    from scipy.spatial import cKDTree

    distance, twin = cKDTree(body.vertices).query(mirrored)
    paired = distance < 1e-4
    assert paired.mean() > 0.9
    np.testing.assert_allclose(place[paired, 3:8], place[twin[paired], 3:8], atol=0.02)


@pytest.mark.parametrize("seed", range(12))
def test_colours_are_light_that_surfaces_reflect(body: Body, seed: int) -> None:
    outfit = Outfit.random(np.random.default_rng(seed))
    colour = outfit.colour(torch.from_numpy(body_coordinates(body).astype(np.float32)))
    assert colour.shape == (len(body.vertices), 3)
    assert 0 <= colour.min() < colour.max() <= 1.1


@pytest.mark.parametrize("seed", range(4))
def test_clothes_stand_off_the_skin_and_leave_the_joints(body: Body, seed: int) -> None:
    outfit = Outfit.random(np.random.default_rng(seed))
    clothed = dressed(body, outfit, body_coordinates(body))
    assert np.linalg.norm(clothed.vertices - body.vertices, axis=1).max() < 0.07
    assert 1.0 < volume(clothed) / volume(body) < 1.4
    assert clothed.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-3)
    assert clothed.joint_points is body.joint_points


def test_normals_point_outwards(body: Body) -> None:
    normals = vertex_normals(body.vertices, body.faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-9)
    assert 0.04 < volume(body) < 0.12  # a person, turned the right side out


@pytest.mark.parametrize("kind", KINDS)
def test_patterns_have_their_two_colours(kind: str) -> None:
    pattern = Pattern(kind, (0.8, 0.1, 0.1), (0.1, 0.1, 0.8), 0.07)
    spots = torch.rand((4000, 3), generator=torch.Generator().manual_seed(0)) * torch.tensor([0.6, 0.3, 1.8])
    colour = pattern.colour(spots - torch.tensor([0.3, 0.15, 0.0]))
    second = (colour[:, 2] > colour[:, 0]).float().mean()
    assert second == 0 if kind == "plain" else 0.005 < second < 0.95
