import numpy as np
import pytest

from epipose.calibration.scale import scale_from_body
from epipose.pose.skeletons import load_skeleton
from epipose.studio.bodies import JOINTS, make_body
from epipose.studio.people import random_phenotype

SKELETON = load_skeleton("body21")
# Where joints are, as shares of the stature, of somebody with the proportions of Drillis & Contini.
SIDE = {
    "shoulder": (0.105, 0.818),
    "elbow": (0.105, 0.65),
    "wrist": (0.105, 0.5),
    "hip": (0.06, 0.53),
    "knee": (0.06, 0.285),
    "ankle": (0.06, 0.039),
}
MIDDLE = {"pelvis": 0.53, "spine": 0.67, "thorax": 0.83, "head_top": 1.0, "nose": 0.9}


def standing(stature: float, *, limbs: float = 1.0) -> np.ndarray:
    """Return five frames of a standing person; `limbs`: how much longer their arms are than usual."""
    joints = np.zeros((5, len(SKELETON), 3))
    for name, height in MIDDLE.items():
        joints[:, SKELETON.index(name), 2] = height
    for sign, side in ((1, "left"), (-1, "right")):
        for name, (across, height) in SIDE.items():
            place = [sign * across, 0.0, height if name not in ("elbow", "wrist") else 0.818 - limbs * (0.818 - height)]
            joints[:, SKELETON.index(f"{side}_{name}")] = place
    return joints * stature


def seen(*missing: str) -> np.ndarray:
    """Return which joints are seen in five frames."""
    valid = np.ones((5, len(SKELETON)), bool)
    valid[:, [SKELETON.index(joint) for joint in (*missing, "left_eye", "right_eye", "left_ear", "right_ear")]] = False
    return valid


def test_finds_the_size_of_a_standing_person_in_any_unit() -> None:
    for unit in (1.0, 0.25):
        scale = scale_from_body(standing(1.8 * unit), seen(), SKELETON, 1.8)
        assert scale is not None
        assert scale.factor * unit == pytest.approx(1.0, abs=0.02)


def test_people_of_many_builds_are_as_large_as_the_sigma_says() -> None:
    rng = np.random.default_rng(0)
    off, sigmas = [], []
    for _ in range(20):
        body = make_body(random_phenotype(rng))
        rest = body.joints(np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4)))
        joints = np.tile(rest[[JOINTS.index(joint) for joint in SKELETON.joint_names]], (5, 1, 1))
        scale = scale_from_body(joints, seen(), SKELETON, body.stature)
        assert scale is not None
        off.append(scale.factor - 1)
        sigmas.append(scale.sigma)
    assert np.max(np.abs(off)) < np.mean(sigmas)
    assert np.std(off) < 0.01


def test_unusual_limbs_do_not_matter_where_the_way_from_head_to_ankles_is_seen() -> None:
    long_arms = standing(1.8, limbs=1.15)
    with_head, without = (scale_from_body(long_arms, seen(*gone), SKELETON, 1.8) for gone in ((), ("head_top",)))
    assert with_head is not None
    assert without is not None
    assert abs(with_head.factor - 1) < 0.02 < abs(without.factor - 1)
    assert with_head.sigma < without.sigma


def test_without_a_height_an_average_adult_is_assumed_and_the_sigma_says_so() -> None:
    known, unknown = (scale_from_body(standing(1.69), seen(), SKELETON, height) for height in (1.69, None))
    assert known is not None
    assert unknown is not None
    assert unknown.factor == pytest.approx(known.factor)
    assert unknown.sigma > 2 * known.sigma


def test_nobody_has_no_size() -> None:
    assert scale_from_body(standing(1.8), np.zeros((5, len(SKELETON)), bool), SKELETON, 1.8) is None
