"""Pseudo-labels: certain joints count more, impossible shapes and joints that views disagree about not at all."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import load_skeleton
from epipose.training.pseudo_labels import pseudo_labels, usual_lengths

SKELETON = load_skeleton("h36m17")
ELBOW, WRIST, SHOULDER = (SKELETON.index(f"left_{part}") for part in ("elbow", "wrist", "shoulder"))


def recording(frames: int = 40) -> Poses:
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.4, (17, 3))
    for left, right in SKELETON.pairs:
        body[SKELETON.index(right)] = body[SKELETON.index(left)] * [-1, 1, 1]
    for joint in range(17):
        if SKELETON.mirror[joint] == joint:
            body[joint, 0] = 0.0
    positions = (body + rng.normal(0, 0.003, (frames, 1, 17, 3))).astype(np.float32)
    shape = positions.shape[:3]
    return Poses(
        positions, np.full(shape, 0.01, np.float32), np.ones(shape, np.float32), np.arange(frames) / 25, SKELETON
    )


def test_good_poses_count_by_their_certainty() -> None:
    poses = recording()
    sigma = poses.uncertainty.copy()
    sigma[:, :, WRIST] = 0.03
    labels = pseudo_labels(replace(poses, uncertainty=sigma))
    np.testing.assert_allclose(labels.weight[:, :, WRIST], 0.5)
    np.testing.assert_allclose(np.delete(labels.weight, WRIST, axis=2), 0.9, rtol=1e-5)
    assert labels.dropped_by_shape == labels.dropped_by_views == 0


def test_a_misplaced_elbow_is_dropped_with_its_wrist_and_nothing_else() -> None:
    poses = recording()
    positions = poses.positions.copy()
    positions[7, 0, ELBOW] += 1.0
    labels = pseudo_labels(replace(poses, positions=positions))
    dropped = np.argwhere(labels.weight == 0)
    assert {tuple(row) for row in dropped.tolist()} == {(7, 0, ELBOW), (7, 0, WRIST)}
    assert labels.dropped_by_shape == pytest.approx(2 / labels.weight.size)


def test_a_pose_that_nobody_can_have_is_dropped_whole() -> None:
    poses = recording()
    positions = poses.positions.copy()
    positions[3] *= 1.5
    labels = pseudo_labels(replace(poses, positions=positions))
    assert not labels.weight[3].any()
    assert labels.weight[4].all()


def test_joints_that_views_disagree_about_are_dropped() -> None:
    poses = recording()
    reprojection = np.full(poses.weight.shape, 0.02)
    reprojection[5, 0, WRIST] = 0.3
    reprojection[6, 0, WRIST] = np.nan
    labels = pseudo_labels(poses, reprojection)
    assert np.argwhere(labels.weight == 0).tolist() == [[5, 0, WRIST]]
    assert labels.dropped_by_views == pytest.approx(1 / labels.weight.size)


def test_left_and_right_have_one_usual_length() -> None:
    poses = recording()
    positions = poses.positions.copy()
    # Short of the left arm in most frames: the right one tells.
    positions[:15, 0, ELBOW] = positions[:15, 0, SHOULDER]
    usual = usual_lengths(replace(poses, positions=positions))[0]
    bones = [frozenset(bone) for bone in SKELETON.bones]
    right = frozenset(SKELETON.mirror[joint] for joint in (SHOULDER, ELBOW))
    assert usual[bones.index(frozenset({SHOULDER, ELBOW}))] == usual[bones.index(right)] > 0.1


def test_nothing_to_learn_from_is_told() -> None:
    poses = recording()
    with pytest.raises(InputError, match="no joint"):
        pseudo_labels(replace(poses, weight=np.zeros_like(poses.weight)))
