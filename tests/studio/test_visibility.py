import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.io.truth_files import HIDDEN_BY_ITSELF, HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, VISIBLE
from epipose.studio.bodies import JOINTS, Body
from epipose.studio.visibility import Sight, joint_radii, joint_visibility
from tests.studio.views import SIZE, View, random_view


def seen(view: View, labels: ndarray, depth: ndarray) -> tuple[ndarray, ndarray]:
    """Return pixels and visibility of the view's joints in a picture."""
    joints = view.figure.body.joints(view.motions)
    pixels, valid = view.camera.project(joints)
    along = view.camera.cam_from_world.apply(joints)[:, 2]
    return pixels, joint_visibility(pixels, along, valid, view.figure.joint_radii, Sight(labels, depth, 1))


def nearest_hit(view: View, target: ndarray) -> float:
    """Return how far from the camera the ray to `target` first enters the body (Moller and Trumbore's test)."""
    corners = view.surface.vertices.double().numpy()[view.figure.body.faces]
    origin = view.camera.centre
    ray = (target - origin) / np.linalg.norm(target - origin)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(ray, second)
    determinant = np.einsum("ti,ti->t", first, across)
    outer = determinant > 1e-12
    offset = origin - corners[:, 0]
    u = np.einsum("ti,ti->t", offset, across) / np.where(outer, determinant, 1)
    rest = np.cross(offset, first)
    v = rest @ ray / np.where(outer, determinant, 1)
    hit = outer & (u >= 0) & (v >= 0) & (u + v <= 1)
    distance = np.einsum("ti,ti->t", second, rest) / np.where(outer, determinant, 1)
    return float(distance[hit & (distance > 0)].min(initial=np.inf))


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_rays_cast_at_the_joints(body: Body, seed: int) -> None:
    view = random_view(body, seed)
    layer = view.drawn()
    pixels, visibility = seen(view, layer.labels.numpy(), layer.depth.numpy())
    joints = view.figure.body.joints(view.motions)
    surprises = 0
    for joint, state in enumerate(visibility):
        if state == OUT_OF_FRAME:
            assert not np.all((pixels[joint] > -0.5) & (pixels[joint] < np.array(SIZE) - 0.5))
            continue
        hit, distance = nearest_hit(view, joints[joint]), np.linalg.norm(joints[joint] - view.camera.centre)
        if abs(hit - (distance - view.figure.joint_radii[joint])) < 0.03 or not np.isfinite(hit):
            continue  # too close to call, or on the rim
        surprises += (state == VISIBLE) != (hit > distance - view.figure.joint_radii[joint])
    assert surprises <= 1


@pytest.mark.parametrize("seed", range(6))
def test_every_visible_joint_lies_in_the_mask(body: Body, seed: int) -> None:
    view = random_view(body, seed + 100)
    layer = view.drawn()
    pixels, visibility = seen(view, layer.labels.numpy(), layer.depth.numpy())
    grown = cv2.dilate((layer.labels.numpy() == 1).astype(np.uint8), np.ones((5, 5), np.uint8))
    column, row = np.round(pixels[visibility == VISIBLE]).astype(int).T
    assert np.all(grown[row, column] == 1)
    assert 4 <= np.sum(visibility == VISIBLE) <= len(JOINTS)


def test_a_wall_before_the_person_hides_every_joint(body: Body) -> None:
    view = random_view(body, 1)
    layer = view.drawn()
    near = np.full_like(layer.depth.numpy(), 0.5)
    _, visibility = seen(view, np.full_like(layer.labels.numpy(), 255), near)
    assert set(visibility[visibility != OUT_OF_FRAME].tolist()) == {HIDDEN_BY_OCCLUDER}


def test_a_wall_behind_the_person_hides_nothing(body: Body) -> None:
    view = random_view(body, 1)
    layer = view.drawn()
    labels, depth = layer.labels.numpy().copy(), layer.depth.numpy().copy()
    _, alone = seen(view, labels, depth)
    depth[labels == 0], labels[labels == 0] = 9.0, 255
    _, before_wall = seen(view, labels, depth)
    assert np.array_equal(alone, before_wall)


def test_the_back_of_the_head_hides_the_face(body: Body) -> None:
    rest = body.motions(np.tile(np.eye(3), (len(body.bones), 1, 1)), np.zeros(3))
    joints = body.joints(rest)
    depth = joints[:, 1]  # from the front, far away: the camera's axis is +Y
    surface = np.full((1, len(JOINTS)), np.float32(-0.16))
    pixels = np.stack([np.arange(len(JOINTS), dtype=float), np.zeros(len(JOINTS))], axis=1)
    ones = np.ones((1, len(JOINTS)), np.uint8)
    everything = np.ones(len(JOINTS), bool)
    radii = joint_radii(body)
    front = joint_visibility(pixels, depth, everything, radii, Sight(ones, surface, 1))
    back = joint_visibility(pixels, -depth, everything, radii, Sight(ones, surface, 1))
    assert front[JOINTS.index("nose")] == VISIBLE
    assert back[JOINTS.index("nose")] == HIDDEN_BY_ITSELF
