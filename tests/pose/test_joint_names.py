"""Joint names as other programs write them."""

import pytest

from epipose.errors import InputError
from epipose.pose.joint_names import plain_name, understand_joints
from epipose.pose.skeletons import load_skeleton, skeleton_names


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("LShoulder", "left_shoulder"),
        ("RSmallToe", "right_small_toe"),
        ("shoulder.R", "right_shoulder"),
        ("Left Big-Toe", "left_big_toe"),
        ("l_hip", "left_hip"),
        ("hip_L", "left_hip"),
        ("leftEar", "left_ear"),
        ("leftear", "left_ear"),
        ("LEFT_KNEE", "left_knee"),
        ("mouth_left", "left_mouth"),
        ("Nose", "nose"),
        ("leg", "leg"),
        ("l", "l"),
        ("tail base", "tail_base"),
        ("", ""),
    ],
)
def test_sides_are_understood(written: str, plain: str) -> None:
    assert plain_name(written) == plain


@pytest.mark.parametrize("name", skeleton_names())
def test_shipped_skeletons_understand_themselves_in_any_order(name: str) -> None:
    shipped = load_skeleton(name)
    skeleton, order = understand_joints(shipped.joint_names[::-1])
    assert skeleton == shipped
    assert order == tuple(range(len(shipped)))[::-1]


def test_unknown_names_are_kept_and_paired() -> None:
    skeleton, order = understand_joints(["Snout", "L_paw", "R_paw", "lhock", "rhock", "LeftHip", "log"])
    assert skeleton.joint_names == ("Snout", "L_paw", "R_paw", "lhock", "rhock", "left_hip", "log")
    assert skeleton.pairs == (("L_paw", "R_paw"), ("lhock", "rhock"))
    assert set(skeleton.parents) == {None}
    assert order == tuple(range(7))


def test_names_that_would_coincide_are_left_as_they_are() -> None:
    skeleton, _ = understand_joints(["LHip", "left_hip", "RHip"])
    assert skeleton.joint_names == ("LHip", "left_hip", "RHip")


def test_wanted_skeleton_picks_its_joints() -> None:
    names = ["extra", *load_skeleton("coco17").joint_names]
    skeleton, order = understand_joints(names, "coco17")
    assert skeleton.name == "coco17"
    assert order == tuple(range(1, 18))
    with pytest.raises(InputError, match="needs joints that are not there: pelvis"):
        understand_joints(names, "h36m17")
