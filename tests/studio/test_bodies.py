import numpy as np
import pytest

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.pose.skeletons import load_skeleton
from epipose.studio.bodies import JOINTS, Body, make_body
from epipose.studio.people import ADULTS, anny_age, random_phenotype


def pose(body: Body, *batch: int, seed: int = 0) -> np.ndarray:
    """Return random motions of the bones."""
    rng = np.random.default_rng(seed)
    turns = rotation_from_rotvec(rng.normal(0, 0.3, (*batch, len(body.bones), 3)))
    return body.motions(turns, rng.normal(size=(*batch, 3)))


def test_stands_on_the_floor_over_the_origin(body: Body) -> None:
    assert body.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-12)
    assert 1.5 < body.stature < 2.0
    hips = body.joints(np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4)))[JOINTS.index("pelvis")]
    np.testing.assert_allclose(hips[:2], 0.0, atol=1e-8)


def test_joints_move_as_the_skin_around_them(body: Body) -> None:
    """The joints that vertices make equal the same weights of skinned vertices: a law of linear blending."""
    motions = pose(body)
    top = body.vertices[:, 2] >= body.vertices[:, 2].max() - 0.01
    joints = dict(zip(JOINTS, body.joints(motions), strict=True))
    np.testing.assert_allclose(joints["head_top"], body.skinned(motions)[top].mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(joints["pelvis"], (joints["left_hip"] + joints["right_hip"]) / 2, atol=1e-8)


def test_joints_agree_with_annys_own_regressor(body: Body) -> None:
    import anny

    regressor = anny.KeypointsRegressor.coco(anny.Anny(), labels=list(load_skeleton("coco17").joint_names))
    motions = pose(body, seed=4)
    expected = regressor.regression_weights.double().numpy() @ body.skinned(motions)
    ours = dict(zip(JOINTS, body.joints(motions), strict=True))
    np.testing.assert_allclose([ours[name] for name in regressor.labels], expected, atol=1e-6)


def test_left_is_on_the_left_of_somebody_facing_minus_y(body: Body) -> None:
    rest = dict(zip(JOINTS, body.joints(np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4))), strict=True))
    assert rest["nose"][1] < rest["left_ear"][1]
    assert all(rest[f"left_{part}"][0] > 0.02 > rest[f"right_{part}"][0] for part in ("eye", "hip", "wrist", "ankle"))
    assert rest["pelvis"][2] < rest["spine"][2] < rest["thorax"][2] < rest["nose"][2] < rest["head_top"][2]


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)])
def test_moving_all_moves_every_joint_alike(body: Body, batch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    turns = rotation_from_rotvec(rng.normal(0, 0.3, (*batch, len(body.bones), 3)))
    still = body.joints(body.motions(turns, np.zeros((*batch, 3))))
    shift = rng.normal(size=(*batch, 3))
    np.testing.assert_allclose(body.joints(body.motions(turns, shift)), still + shift[..., None, :], atol=1e-10)
    assert still.shape == (*batch, len(JOINTS), 3)


def test_bones_turn_about_their_heads(body: Body) -> None:
    turns = np.tile(np.eye(3), (len(body.bones), 1, 1))
    elbow = body.bones.index("lowerarm01.L")
    turns[elbow] = rotation_from_rotvec(np.array([0.7, 0.0, 0.3]))
    motions = body.motions(turns, np.zeros(3))
    head = np.append(body.heads[elbow], 1.0)
    np.testing.assert_allclose(motions[elbow] @ head, body.heads[elbow], atol=1e-8)
    moved = {bone for bone in range(len(body.bones)) if not np.allclose(motions[bone], np.eye(3, 4))}
    assert moved == set(body.children[elbow])


def test_people_have_human_sizes() -> None:
    rng = np.random.default_rng(0)
    heights = [make_body(random_phenotype(rng)).stature for _ in range(40)]
    assert 1.62 < np.mean(heights) < 1.8
    assert 1.4 < min(heights) < max(heights) < 2.1
    assert make_body(random_phenotype(rng, (5.0, 6.0))).stature < 1.4
    assert [anny_age(years) for years in (10.0, 25.0, 90.0)] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert ADULTS[0] >= 18
