"""Laws of the comparison of poses: clocks, worlds, slots and unknown joints do not matter, errors do."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.pose.comparison import compare, shared_skeleton
from epipose.pose.conversion import convert_poses
from epipose.pose.evaluation import pose_errors, reference_errors, structure_score
from epipose.pose.keypoints import Poses
from epipose.pose.metrics import mpjpe, pa_mpjpe
from epipose.pose.published_metrics import published_errors
from epipose.pose.skeletons import load_skeleton
from epipose.pose.structure_score import fit_clusters
from tests.bodies import moving_people, without

TRUTH = moving_people(frames=60, people=2)
MOTION = Rigid.from_rotvec(np.array([0.4, -0.2, 1.3]), np.array([3.0, 1.0, -0.5]))


def noisy(poses: Poses, metres: float = 0.03, seed: int = 0) -> Poses:
    noise = np.random.default_rng(seed).normal(0, metres, poses.positions.shape)
    return replace(poses, positions=(poses.positions + noise).astype(np.float32))


def moved(poses: Poses, motion: Rigid, scale: float = 1.0) -> Poses:
    return replace(poses, positions=motion.apply(scale * poses.positions.astype(float)).astype(np.float32))


def first(poses: Poses) -> Poses:
    return replace(
        poses, positions=poses.positions[:, :1], uncertainty=poses.uncertainty[:, :1], weight=poses.weight[:, :1]
    )


def swapped(poses: Poses) -> Poses:
    return replace(poses, positions=poses.positions[:, ::-1].copy(), weight=poses.weight[:, ::-1].copy())


def test_the_truth_itself_has_no_error() -> None:
    errors = pose_errors(compare(TRUTH, TRUTH))
    assert errors.mpjpe_m == errors.n_mpjpe_m == errors.bone_length_m == 0
    assert errors.pa_mpjpe_m == pytest.approx(0, abs=1e-6)
    assert (errors.pck_150, errors.auc) == (1, 1)
    assert errors.jitter == errors.true_jitter > 0


def test_errors_are_those_of_the_definitions_without_the_root() -> None:
    found = noisy(TRUTH)
    errors = pose_errors(compare(found, TRUTH))
    pairs = found.positions.astype(float), TRUTH.positions.astype(float)
    root = TRUTH.skeleton.index("pelvis")
    # The root has no error once roots are laid on each other, and 16 joints are left.
    assert errors.mpjpe_m == pytest.approx(mpjpe(*pairs, root=root) * 17 / 16)
    assert errors.pa_mpjpe_m == pytest.approx(pa_mpjpe(*pairs))
    assert np.mean(list(errors.per_joint_m.values())) == pytest.approx(errors.mpjpe_m)
    assert "pelvis" not in errors.per_joint_m
    assert len(errors.per_joint_m) == 16


def test_slots_do_not_matter_and_strangers_are_left_out() -> None:
    both = compare(swapped(noisy(TRUTH)), TRUTH)
    assert both.people == ((0, 1), (1, 0))
    assert pose_errors(both).mpjpe_m < 0.1
    far = moving_people(frames=60, people=1, seed=5)
    stranger = replace(far, positions=far.positions + np.float32(20))
    three = replace(
        TRUTH,
        **{
            name: np.concatenate([getattr(stranger, name), getattr(TRUTH, name)], axis=1)
            for name in ("positions", "uncertainty", "weight")
        },
    )
    assert compare(three, TRUTH).people == ((1, 0), (2, 1))
    alone = compare(TRUTH, three)
    assert alone.people == ((0, 1), (1, 2))
    assert alone.found_share == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="nobody in the poses is within 1 m"):
        compare(moved(TRUTH, Rigid(np.eye(3), np.full(3, 9.0))), TRUTH)


def test_a_fragment_that_fits_is_not_taken_for_the_person() -> None:
    one = first(TRUTH)
    missing = np.zeros(TRUTH.weight.shape, bool)
    missing[5:, 0] = True
    both = replace(TRUTH, positions=np.concatenate([one.positions, noisy(one, 0.1).positions], axis=1))
    assert compare(without(both, missing), one).people == ((1, 0),)


def test_worlds_of_their_own_are_turned_and_only_then() -> None:
    found = swapped(moved(noisy(TRUTH), MOTION))
    turned = compare(found, TRUTH, turned=True)
    assert turned.people == ((0, 1), (1, 0))
    assert pose_errors(turned).mpjpe_m == pytest.approx(pose_errors(compare(noisy(TRUTH), TRUTH)).mpjpe_m, rel=0.01)
    one, only = first(moved(TRUTH, MOTION)), first(TRUTH)
    assert pose_errors(compare(one, only)).mpjpe_m > 0.2
    assert pose_errors(compare(one, only, turned=True)).mpjpe_m == pytest.approx(0, abs=1e-6)
    # One turn for the whole recording: it does not forgive what changes from frame to frame, and never the size.
    assert pose_errors(compare(moved(one, Rigid.identity(), 1.1), only, turned=True)).mpjpe_m > 0.03


def test_roots_at_the_origin_are_as_good_as_places() -> None:
    root = TRUTH.skeleton.index("pelvis")
    one = first(TRUTH)
    centred = replace(one, positions=one.positions - one.positions[:, :, [root]])
    assert pose_errors(compare(centred, one)).mpjpe_m == pytest.approx(0, abs=1e-6)
    assert pose_errors(compare(moved(centred, MOTION), one, turned=True)).mpjpe_m == pytest.approx(0, abs=1e-6)


def test_moments_are_matched_by_time() -> None:
    fine = moving_people(frames=240, people=2, frame_rate=119.88)
    later = replace(
        fine, **{name: getattr(fine, name)[40:200:3] for name in ("positions", "uncertainty", "weight", "times")}
    )
    both = compare(later, TRUTH)
    assert pose_errors(both).mpjpe_m < 1e-3
    assert both.frame_rate == pytest.approx(39.96)
    beyond = compare(replace(later, times=later.times + 0.8), TRUTH)
    inside = later.times + 0.8 <= TRUTH.times[-1]
    np.testing.assert_array_equal(beyond.weight.any(axis=(1, 2)), inside)
    assert pose_errors(beyond).mpjpe_m > 0.02
    with pytest.raises(InputError, match="no moment in common"):
        compare(replace(later, times=later.times + 100), TRUTH)


def test_what_is_not_known_does_not_count() -> None:
    found, missing = noisy(TRUTH), np.zeros(TRUTH.weight.shape, bool)
    wrist, root = TRUTH.skeleton.index("left_wrist"), TRUTH.skeleton.index("pelvis")
    missing[:, :, wrist] = missing[:10, 0, root] = True
    missing[20:25, 1, :13] = True
    both = compare(without(found, missing), TRUTH)
    assert not both.weight[:10, 0].any()
    assert not both.weight[20:25, 1].any()
    assert both.weight[10:, 0].sum(axis=-1).tolist() == [16.0] * 50
    assert both.found_share == pytest.approx(1 - missing.mean())
    errors = pose_errors(both)
    assert np.isnan(errors.per_joint_m["left_wrist"])
    assert errors.mpjpe_m < 0.1
    few = np.ones(TRUTH.weight.shape, bool)
    few[0, 0, [root, 1, 2, 3, 4]] = few[1, 0, [root, 1, 2, 3]] = few[2, 0, [1, 2, 3, 4, 5]] = False
    assert compare(without(found, few), TRUTH).weight.sum(axis=(1, 2))[:3].tolist() == [5.0, 0.0, 0.0]
    with pytest.raises(InputError, match="nobody in the poses"):
        compare(without(found, missing | True), TRUTH)
    with pytest.raises(InputError, match="nobody in the truth"):
        compare(found, without(TRUTH, missing | True))


def test_without_a_pelvis_both_roots_are_made_of_the_hips() -> None:
    limbs, _ = convert_poses(noisy(TRUTH), load_skeleton("coco17"))
    # The hips of these people do not lie around their pelvis: a root that was not made on both sides would be off.
    bent = replace(TRUTH, positions=TRUTH.positions.copy())
    bent.positions[:, :, TRUTH.skeleton.index("pelvis")] += np.float32(0.5)
    both = compare(limbs, bent)
    assert both.root_made
    assert both.skeleton.joint_names[-1] == "pelvis"
    errors = pose_errors(both)
    assert errors.mpjpe_m < 0.1
    assert set(errors.per_joint_m) == set(both.skeleton.joint_names[:-1])
    assert shared_skeleton([bent.skeleton, limbs.skeleton]) == (both.skeleton, True)


def test_skeletons_without_a_root_are_refused() -> None:
    arms = TRUTH.skeleton.subset(("left_wrist", "left_elbow", "left_shoulder"))
    columns = [TRUTH.skeleton.index(name) for name in arms.joint_names]
    part = Poses(
        TRUTH.positions[:, :, columns], TRUTH.uncertainty[:, :, columns], TRUTH.weight[:, :, columns], TRUTH.times, arms
    )
    with pytest.raises(InputError, match="no pelvis and no hips"):
        compare(part, TRUTH)


def test_the_published_errors_are_of_whole_poses() -> None:
    missing = np.zeros(TRUTH.weight.shape, bool)
    missing[:7, 0, 3] = True
    found = noisy(TRUTH)
    errors, count = reference_errors(compare(without(found, missing), TRUTH))
    whole = ~missing.any(axis=-1)
    expected = published_errors(found.positions[whole], TRUTH.positions[whole], TRUTH.skeleton.index("pelvis"))
    assert count == 113
    np.testing.assert_allclose(errors, expected, rtol=1e-9)
    with pytest.raises(InputError, match="every joint"):
        reference_errors(compare(without(found, missing | (np.arange(17) == 5)), TRUTH))


def test_the_structure_score_takes_joints_by_name() -> None:
    names, root = TRUTH.skeleton.joint_names, TRUTH.skeleton.index("pelvis")
    order = np.random.default_rng(0).permutation(17)
    clusters = fit_clusters(
        TRUTH.positions.reshape(-1, 17, 3)[:, order].astype(float),
        tuple(names[joint] for joint in order),
        order.tolist().index(root),
        count=6,
    )
    assert structure_score(compare(TRUTH, TRUTH), clusters) == (1.0, 120)
    score, _ = structure_score(compare(noisy(TRUTH, 0.2), TRUTH), clusters)
    assert 0.1 < score < 1
    strange = replace(clusters, joint_names=("tail", *clusters.joint_names[1:]))
    with pytest.raises(InputError, match="no pose has joints tail"):
        structure_score(compare(TRUTH, TRUTH), strange)
