"""Laws of the error measures: what each forgives, what it does not, and what is left out."""

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from epipose.errors import InputError
from epipose.pose.metrics import (
    auc,
    bone_length_error,
    jitter,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    pck,
    pckh,
    symmetry_error,
)

BATCHES = [(), (1,), (3, 1, 2)]


def _pair(batch: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(*batch, 17, 3))
    return truth + 0.1 * rng.normal(size=truth.shape), truth


@pytest.mark.parametrize("batch", BATCHES)
def test_the_mean_distance_is_that_of_the_definition(batch: tuple[int, ...]) -> None:
    predicted, truth = _pair(batch)
    distances = [np.linalg.norm(a - b) for a, b in zip(predicted.reshape(-1, 3), truth.reshape(-1, 3), strict=True)]
    assert mpjpe(predicted, truth) == pytest.approx(np.mean(distances))
    assert mpjpe(truth + np.array([0.3, 0, 0.4]), truth) == pytest.approx(0.5)


@pytest.mark.parametrize("batch", BATCHES)
def test_each_forgives_what_it_says_and_no_more(batch: tuple[int, ...]) -> None:
    _, truth = _pair(batch)
    rng = np.random.default_rng(2)
    shift = rng.normal(size=(*batch, 1, 3))
    scale = rng.uniform(0.5, 2, (*batch, 1, 1))
    turn = Rotation.from_rotvec([0.3, -0.2, 0.9]).as_matrix()
    assert mpjpe(truth + shift, truth, root=0) == pytest.approx(0, abs=1e-12)
    assert mpjpe(truth * scale, truth, root=0) > 0.1
    assert n_mpjpe(truth * scale + shift, truth, root=0) == pytest.approx(0, abs=1e-12)
    assert n_mpjpe(truth @ turn.T, truth, root=0) > 0.1
    assert pa_mpjpe(truth * scale @ turn.T + shift, truth) == pytest.approx(0, abs=1e-12)
    assert pa_mpjpe(truth * [-1, 1, 1], truth) > 0.1


def test_the_alignment_is_the_one_of_scipy() -> None:
    predicted, truth = _pair(())
    # SciPy centres and normalises both, fits the first, and reports the summed squares; it also allows reflections,
    # which noise this small never calls for.
    _, _, disparity = procrustes(truth, predicted)
    source, target = predicted - predicted.mean(0), truth - truth.mean(0)
    turn, _ = Rotation.align_vectors(target, source)
    turned = turn.apply(source)
    scale = np.sum(turned * target) / np.sum(source**2)
    assert np.sum((scale * turned - target) ** 2) / np.sum(target**2) == pytest.approx(disparity, rel=1e-9)
    assert pa_mpjpe(predicted, truth) == pytest.approx(np.linalg.norm(scale * turned - target, axis=1).mean(), rel=1e-9)


@pytest.mark.parametrize("batch", BATCHES)
def test_a_joint_of_weight_zero_changes_nothing(batch: tuple[int, ...]) -> None:
    predicted, truth = _pair(batch)
    weight = np.ones(truth.shape[:-1])
    weight[..., 5] = 0
    spoiled = predicted.copy()
    spoiled[..., 5, :] = 1e3
    kept = np.delete(np.arange(17), 5)
    for measure, root in ((mpjpe, {}), (mpjpe, {"root": 0}), (n_mpjpe, {"root": 0}), (pa_mpjpe, {})):
        expected = measure(predicted[..., kept, :], truth[..., kept, :], **root)
        assert measure(spoiled, truth, weight=weight, **root) == pytest.approx(expected, rel=1e-12)


def test_a_pose_without_any_weight_is_left_out_and_none_at_all_refused() -> None:
    predicted, truth = _pair((2,))
    weight = np.ones((2, 17))
    weight[1] = 0
    for measure, root in ((mpjpe, {}), (n_mpjpe, {"root": 0}), (pa_mpjpe, {})):
        alone = measure(predicted[:1], truth[:1], **root)
        assert measure(predicted, truth, weight=weight, **root) == pytest.approx(alone, rel=1e-12)
        with pytest.raises(InputError, match="every weight is 0"):
            measure(predicted, truth, weight=0 * weight, **root)


def test_errors_of_joints_average_to_the_error() -> None:
    predicted, truth = _pair((3, 2))
    errors = joint_errors(predicted, truth, root=0)
    assert errors[0] == 0
    assert errors.mean() == pytest.approx(mpjpe(predicted, truth, root=0))
    weight = np.ones(truth.shape[:-1])
    weight[..., 4] = 0
    assert np.isnan(joint_errors(predicted, truth, weight=weight)[4])


def test_shares_count_joints_within_the_threshold() -> None:
    truth = np.zeros((10, 4, 3))
    predicted = truth + np.array([0.0, 0.1, 0.149, 0.2])[:, None] * [1, 0, 0]
    assert pck(predicted, truth) == pytest.approx(0.75)
    assert pck(predicted, truth, within=0.12) == pytest.approx(0.5)
    # Of the thresholds 0, 5, ..., 150 mm each joint passes those from its own error on.
    assert auc(predicted, truth) == pytest.approx((31 + 11 + 1 + 0) / (4 * 31))
    head = np.full(10, 0.2)
    assert pckh(predicted[..., :2], truth[..., :2], head) == pytest.approx(0.5)


def test_lengths_of_bones_and_their_twins() -> None:
    truth = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 1.5]]])
    bones = [(0, 1), (0, 2), (0, 3)]
    assert bone_length_error(truth * 1.1, truth, bones) == pytest.approx(0.1 * 4.5 / 3)
    assert symmetry_error(truth, [((0, 1), (0, 2))]) == pytest.approx(1.0)


def test_jitter_is_that_of_a_polynomial_and_none_of_smooth_motion() -> None:
    times = np.arange(20) / 50
    cubic = np.stack([times**3, 0 * times, 0 * times], axis=-1)[:, None]
    assert jitter(cubic, 50.0) == pytest.approx(6.0)
    assert jitter(cubic[:, :, [1, 1, 2]] + times[:, None, None] ** 2, 50.0) == pytest.approx(0, abs=1e-6)
    with pytest.raises(InputError, match="4 frames"):
        jitter(cubic[:3], 50.0)


def test_bones_twins_and_jitter_leave_out_what_weighs_nothing() -> None:
    predicted, truth = _pair((6,))
    bones, twins = [(0, 1), (1, 2), (3, 4)], [((0, 1), (3, 4)), ((1, 2), (5, 6))]
    weight = np.ones(truth.shape[:-1])
    weight[:, 2] = weight[3:] = 0
    kept = bone_length_error(predicted[:3], truth[:3], [(0, 1), (3, 4)])
    assert bone_length_error(predicted, truth, bones, weight=weight) == pytest.approx(kept)
    assert symmetry_error(predicted, twins, weight=weight) == pytest.approx(symmetry_error(predicted[:3], twins[:1]))
    spoiled = predicted.copy()
    spoiled[0, 4], weight = 1e3, np.ones(truth.shape[:-1])
    weight[0, 4] = 0
    others = np.delete(np.arange(17), 4)
    # Three derivatives begin in frames 0, 1 and 2; of joint 4 the first is unknown.
    expected = (48 * jitter(predicted[:, others], 1.0) + 2 * jitter(predicted[1:, [4]], 1.0)) / 50
    assert jitter(spoiled, 1.0, weight=weight) == pytest.approx(expected)
    with pytest.raises(InputError, match="every weight is 0"):
        jitter(predicted, 1.0, weight=0 * weight)
