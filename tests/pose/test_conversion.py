"""Joints change skeleton by name; what is made of others is flagged, and what cannot be made is missing."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from epipose.pose.conversion import body_joints, conversion, convert, convert_poses
from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.skeletons import Skeleton, load_skeleton, skeleton_names
from tests.recordings import balancing_keypoints

PAIRS = list(product(skeleton_names(), repeat=2))


def keypoints_of(skeleton: Skeleton, seed: int = 0) -> Keypoints:
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(0, 1000, (4, 2, len(skeleton), 2)).astype(np.float32)
    score = rng.uniform(0.1, 1, (4, 2, len(skeleton))).astype(np.float32)
    return Keypoints(pixels, score, np.arange(4) / 29.97, skeleton, (1000, 1000))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_weights_sum_to_one_and_nothing_made_is_unflagged(source: str, target: str) -> None:
    made = conversion(load_skeleton(source), load_skeleton(target))
    sums = made.weights.sum(axis=1)
    possible = np.abs(made.weights).sum(axis=1) > 0
    np.testing.assert_allclose(sums, possible.astype(float), atol=1e-12)
    for joint, row in zip(load_skeleton(target).joint_names, made.weights, strict=True):
        by_name = joint in load_skeleton(source).joint_names
        assert by_name == (np.any(row) and joint not in made.synthesised)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_conversion_commutes_with_the_mirror(source: str, target: str) -> None:
    a, b = load_skeleton(source), load_skeleton(target)
    weights = conversion(a, b).weights
    np.testing.assert_allclose(weights[list(b.mirror)][:, list(a.mirror)], weights, atol=1e-12)


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_conversion_moves_with_the_points(batch: tuple[int, ...], dimensions: int) -> None:
    rng = np.random.default_rng(1)
    made = conversion(load_skeleton("coco17"), load_skeleton("h36m17"))
    points, score = rng.normal(size=(*batch, 17, dimensions)), rng.uniform(0.1, 1, (*batch, 17))
    motion, shift = rng.normal(size=(dimensions, dimensions)), rng.normal(size=dimensions)
    before, _ = made.apply(points, score)
    after, _ = made.apply(points @ motion + shift, score)
    np.testing.assert_allclose(after, before @ motion + shift, atol=1e-12)


@pytest.mark.parametrize("name", skeleton_names())
def test_conversion_to_the_same_skeleton_changes_nothing(name: str) -> None:
    keypoints = keypoints_of(load_skeleton(name))
    same, synthesised = convert(keypoints, keypoints.skeleton)
    assert synthesised == ()
    np.testing.assert_array_equal(same.pixels, keypoints.pixels)
    np.testing.assert_array_equal(same.score, keypoints.score)


def test_pelvis_is_between_the_hips_with_the_lower_score() -> None:
    keypoints = keypoints_of(load_skeleton("coco17"))
    converted, synthesised = convert(keypoints, load_skeleton("h36m17"))
    hips = keypoints.select(("left_hip", "right_hip"))
    pelvis = converted.select(("pelvis",))
    np.testing.assert_allclose(pelvis.pixels[:, :, 0], hips.pixels.mean(axis=2), rtol=1e-6)
    np.testing.assert_array_equal(pelvis.score[:, :, 0], hips.score.min(axis=2))
    assert synthesised == ("pelvis", "spine", "thorax", "head_top")


def test_joint_made_of_an_unseen_part_is_unseen() -> None:
    keypoints = keypoints_of(load_skeleton("coco17"))
    keypoints.score[:, :, keypoints.skeleton.index("left_shoulder")] = 0
    converted, _ = convert(keypoints, load_skeleton("h36m17"))
    unseen = {joint for joint, s in zip(converted.skeleton.joint_names, converted.score[0, 0], strict=True) if s == 0}
    assert unseen == {"left_shoulder", "thorax", "spine", "head_top"}


def test_joint_that_cannot_be_made_has_score_0_and_finite_pixels() -> None:
    converted, synthesised = convert(keypoints_of(load_skeleton("h36m17")), load_skeleton("coco17"))
    ears = converted.select(("left_ear", "right_ear"))
    assert not ears.score.any()
    assert np.all(np.isfinite(ears.pixels))
    assert synthesised == ()


def test_head_top_agrees_with_the_heights_of_a_standing_body() -> None:
    """Drillis and Contini: shoulders at 0.818, ears near 0.926 of body height; the top of the head is at 1."""
    coco = load_skeleton("coco17")
    made = conversion(coco, load_skeleton("mpii16"))
    heights: ndarray = np.zeros((17, 1))
    heights[[coco.index("left_shoulder"), coco.index("right_shoulder")]] = 0.818
    heights[[coco.index("left_ear"), coco.index("right_ear")]] = 0.926
    points, _ = made.apply(heights, np.ones(17))
    mpii = load_skeleton("mpii16")
    assert points[mpii.index("head_top"), 0] == pytest.approx(1, abs=0.01)
    assert points[mpii.index("upper_neck"), 0] == pytest.approx(0.870, abs=0.01)


def test_poses_convert_with_their_uncertainty() -> None:
    halpe, h36m = load_skeleton("halpe26"), load_skeleton("h36m17")
    rng = np.random.default_rng(2)
    shape = (3, 1, 26)
    poses = Poses(
        rng.normal(size=(*shape, 3)).astype(np.float32),
        np.full(shape, 0.02, np.float32),
        np.ones(shape, np.float32),
        np.arange(3.0),
        halpe,
    )
    converted, synthesised = convert_poses(poses, h36m)
    assert synthesised == ("spine", "thorax")
    neck, spine = halpe.index("neck"), h36m.index("spine")
    np.testing.assert_array_equal(converted.positions[:, :, h36m.index("thorax")], poses.positions[:, :, neck])
    np.testing.assert_allclose(converted.uncertainty[:, :, spine], 0.02 * np.sqrt(0.5), rtol=1e-6)
    assert np.all(converted.weight == 1)


def test_body_joints_drop_face_and_fingers_and_keep_feet() -> None:
    kept = body_joints(load_skeleton("mediapipe33"))
    assert len(kept) == 19
    assert {"nose", "left_ear", "left_wrist", "right_heel", "left_foot_index"} <= set(kept)
    assert not {"left_eye_inner", "mouth_left", "left_pinky", "right_index", "left_thumb"} & set(kept)
    assert body_joints(load_skeleton("h36m17")) == load_skeleton("h36m17").joint_names
    whole_body = ("left_ankle", "face-12", "left_hand_root", "left_forefinger2", "right_ring_finger1", "face_3")
    assert body_joints(Skeleton("custom", whole_body, (None,) * 6, ())) == ("left_ankle",)


def test_real_person_keeps_limbs_and_gains_a_spine(shared: Path) -> None:
    keypoints = balancing_keypoints(shared)["cam01"]
    converted, _ = convert(keypoints, load_skeleton("h36m17"))
    limbs = ("left_knee", "right_wrist", "nose")
    np.testing.assert_array_equal(converted.select(limbs).pixels, keypoints.select(limbs).pixels)
    column = converted.select(("head_top", "thorax", "spine", "pelvis")).pixels[:, 0, :, 1]
    assert np.all(np.diff(column[:20], axis=1) > 0), "head above thorax above spine above pelvis while he walks in"
