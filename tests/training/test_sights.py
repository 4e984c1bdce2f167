"""Sights follow the laws of pictures, and many at once agree with one crop by `geometry.crop_frames`."""

import numpy as np
import pytest
from numpy import ndarray

from epipose.geometry.crop_frames import CropFrame, box_frame
from epipose.geometry.lenses import BrownConrady, Lens, Pinhole
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.pose.roots import root
from epipose.pose.skeletons import load_skeleton
from epipose.training.sights import REACH, Sights, placed, squares_around, together, unplaced
from tests.training.bodies import BODY, standing

LENSES = {
    "pinhole": Pinhole((900.0, 900.0), (480.0, 270.0)),
    "distorted": BrownConrady((900.0, 905.0), (480.0, 270.0), (-0.1, 0.02, 0.001, -0.001, 0.0)),
}
MIRROR = np.array(BODY.mirror)


def before_camera(count: int = 5) -> ndarray:
    """Return people in camera axes: y down, four metres away, a little aside."""
    joints = standing(count) @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    return np.asarray(joints + np.array([0.4, 1.0, 4.0]))


def sights(lens: Lens = LENSES["pinhole"], joints: ndarray | None = None) -> Sights:
    rng = np.random.default_rng(1)
    joints = before_camera() if joints is None else joints
    places, _ = placed(lens, joints, BODY)
    score = rng.uniform(0.3, 1, places.shape[:2]).astype(np.float32)
    score[:, ::5] = 0
    weight = rng.uniform(0.3, 1, places.shape[:2]).astype(np.float32)
    found = (places[..., :2] + rng.normal(0, 5, places[..., :2].shape)).astype(np.float32)
    return Sights(places, weight, found, score)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
@pytest.mark.parametrize("skeleton", [BODY, load_skeleton("coco17")], ids=["pelvis", "hips"])
def test_joints_come_back_from_their_places(lens: Lens, skeleton: object) -> None:
    names = BODY if skeleton is BODY else load_skeleton("coco17")
    joints = before_camera()[:, [BODY.index(name) for name in names.joint_names]]
    places, seen = placed(lens, joints, names)
    again, valid = unplaced(lens, places, root(joints, names)[:, 2])
    assert seen.all()
    assert valid.all()
    np.testing.assert_allclose(again, joints, atol=1e-5)


def test_nobody_behind_the_camera_is_seen() -> None:
    joints = before_camera()
    joints[2, :, 2] -= 9
    places, seen = placed(LENSES["pinhole"], joints, BODY)
    assert np.isfinite(places).all()
    assert seen.any(axis=1).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_units_are_those_of_the_crop_that_the_runtime_cuts(lens: Lens) -> None:
    joints = before_camera()
    given = sights(lens, joints)
    squares = squares_around(given)
    fed, (units, weight) = squares.inputs(given), squares.targets(given)
    for row, person in enumerate(joints):
        seen = given.score[row] > 0
        frame = box_frame(given.found[row, seen].astype(float), 1)
        # A crop without pixels has its middle at 0.
        frame = CropFrame(frame.crop_from_px + np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]]), 1)
        expected, _ = frame.units(lens, person, person[BODY.index("pelvis")])
        np.testing.assert_allclose(units[row], expected, atol=1e-5)
        across = given.found[row] @ frame.crop_from_px[:, :2].T + frame.crop_from_px[:, 2] - 0.5
        np.testing.assert_allclose(fed[row, seen, :2], across[seen], atol=1e-5)
        assert not fed[row, ~seen].any()
    np.testing.assert_array_equal(weight, given.weight)
    np.testing.assert_allclose(squares.places(units), given.places, rtol=1e-5, atol=1e-2)


def test_what_is_far_out_of_a_crop_is_not_taught() -> None:
    given = sights()
    given.score[0] = 0
    given.score[0, [BODY.index("left_eye"), BODY.index("right_eye"), BODY.index("nose")]] = 1
    units, weight = squares_around(given).targets(given)
    assert np.abs(units).max() < REACH
    assert (weight[0] == 0).any()
    assert weight[1:].all()


def test_a_mirrored_picture_shows_the_mirrored_person() -> None:
    joints = before_camera()
    lens = Pinhole((900.0, 900.0), (0.0, 0.0))
    given = sights(lens, joints)
    mirrored = given.mirrored(np.array([True, False, True, True, True]), MIRROR)
    expected, _ = placed(lens, (joints * [-1, 1, 1])[:, MIRROR], BODY)
    np.testing.assert_allclose(mirrored.places[0], expected[0], atol=1e-3)
    np.testing.assert_array_equal(mirrored.places[1], given.places[1])
    left, right = BODY.index("left_wrist"), BODY.index("right_wrist")
    assert mirrored.score[0, left] == given.score[0, right]
    again = mirrored.mirrored(np.array([True, False, True, True, True]), MIRROR)
    for name, array in vars(given).items():
        np.testing.assert_array_equal(getattr(again, name), array)


def test_a_turned_picture_is_that_of_a_rolled_camera() -> None:
    joints, lens, angle = before_camera(), Pinhole((900.0, 900.0), (0.0, 0.0)), 0.7
    given = sights(lens, joints)
    turned = given.turned(np.full(5, angle))
    rolled = joints @ rotation_from_rotvec(np.array([0.0, 0.0, angle])).T
    np.testing.assert_allclose(turned.places, placed(lens, rolled, BODY)[0], atol=1e-2)
    back = turned.turned(np.full(5, -angle))
    np.testing.assert_allclose(back.found, given.found, atol=1e-2)


def test_parts_go_together() -> None:
    given = sights()
    again = together([given.rows(np.array([0, 1])), given.rows(np.array([2, 3, 4]))])
    for name, array in vars(given).items():
        np.testing.assert_array_equal(getattr(again, name), array)
