"""The motion prior: laws of smooth motion with constant bones, and how honest its uncertainty is."""

from dataclasses import replace

import numpy as np
import pytest
from numpy import ndarray

from epipose.pose.motion_prior import WINDOW, Measurements, SmoothMotion, smooth_motion
from epipose.pose.skeletons import Skeleton
from tests.people import STICK
from tests.scenes import dancer

RATE = 25.0


def _measured(
    truth: ndarray, times: ndarray, sigma: float = 0.02, *, missing: float = 0.0, seed: int = 0
) -> Measurements:
    """Return the truth with Gaussian noise that differs along the axes, as triangulation's does."""
    rng = np.random.default_rng(seed)
    spread = sigma * np.array([0.7, 1.0, 1.6])
    positions = truth + rng.normal(0, 1, truth.shape) * spread
    seen = rng.random(truth.shape[:2]) >= missing
    information = np.where(seen[..., None, None], np.diag(1 / spread**2), 0.0)
    stretch = np.concatenate([[0.0], np.cumsum(np.diff(times) > 2.5 / RATE)]) if len(times) > 1 else np.zeros(1)
    return Measurements(np.where(seen[..., None], positions, 0.0), information, times, stretch)


def _dance(frames: int, *, seed: int = 0, **noise: float) -> tuple[ndarray, Measurements]:
    times = np.arange(frames) / RATE
    truth = dancer(times, seed)
    return truth, _measured(truth, times, seed=seed, **noise)  # type: ignore[arg-type]


def _rms(motion: SmoothMotion, truth: ndarray) -> float:
    return float(np.sqrt(np.mean((motion.positions - truth) ** 2)))


def _bone_lengths(positions: ndarray) -> ndarray:
    parents, children = np.array(STICK.bones).T
    return np.asarray(np.linalg.norm(positions[:, children] - positions[:, parents], axis=-1))


def test_noise_shrinks_and_constant_bones_are_found() -> None:
    truth, measured = _dance(150)
    motion = smooth_motion(measured, STICK)
    assert _rms(motion, truth) < 0.6 * _rms(SmoothMotion(measured.positions, np.zeros((150, 14))), truth)
    lengths, true = _bone_lengths(motion.positions), _bone_lengths(truth)
    np.testing.assert_allclose(lengths.mean(axis=0), true.mean(axis=0), atol=0.006)
    assert np.max(lengths.std(axis=0) / lengths.mean(axis=0)) < 0.03
    raw = _bone_lengths(measured.positions)
    assert np.max(raw.std(axis=0) / raw.mean(axis=0)) > 0.1


def test_exact_measurements_stay_where_they_are() -> None:
    _, measured = _dance(60, sigma=1e-4)
    motion = smooth_motion(measured, STICK)
    np.testing.assert_allclose(motion.positions, measured.positions, atol=3e-4)


def test_straight_uniform_motion_is_unchanged() -> None:
    times = np.arange(80) / RATE
    truth = dancer(np.zeros(1))[0] + times[:, None, None] * np.array([1.0, -0.5, 0.1])
    information = np.broadcast_to(np.eye(3) / 0.001**2, (*truth.shape, 3))
    exact = Measurements(truth, information, times, np.zeros(80))
    np.testing.assert_allclose(smooth_motion(exact, STICK).positions, truth, atol=5e-5)
    noisy = _measured(truth, times, 0.02)
    assert _rms(smooth_motion(noisy, STICK), truth) < 0.45 * np.sqrt(np.mean((noisy.positions - truth) ** 2))


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_the_uncertainty_is_honest(missing: float) -> None:
    ratios = []
    for seed in range(4):
        truth, measured = _dance(120, seed=seed, missing=missing)
        motion = smooth_motion(measured, STICK)
        ratios.append(np.mean(((motion.positions - truth) / motion.uncertainty[..., None]) ** 2))
    assert 0.7 < np.sqrt(np.mean(ratios)) < 1.4


def test_gaps_are_filled_with_an_uncertainty_that_grows_into_them() -> None:
    wrist = STICK.index("left_wrist")
    errors, stated = [], []
    for seed in range(6):
        truth, measured = _dance(100, seed=seed)
        information = measured.information.copy()
        information[40:60, wrist] = 0
        positions = measured.positions.copy()
        positions[40:60, wrist] = 1e3  # what is not measured must not matter
        motion = smooth_motion(replace(measured, positions=positions, information=information), STICK)
        errors.append(np.linalg.norm(motion.positions[:, wrist] - truth[:, wrist], axis=-1))
        stated.append(motion.uncertainty[:, wrist])
    uncertainty = np.mean(stated, axis=0)
    assert uncertainty[50] > 2 * uncertainty[42] > 2 * uncertainty[30]
    assert uncertainty[57] < uncertainty[50]
    within = np.array(errors)[:, 40:60] / (np.sqrt(3) * np.array(stated)[:, 40:60])
    # Accelerations that last are taken for independent from frame to frame, so a gap is somewhat worse than stated.
    assert 0.5 < np.sqrt(np.mean(within**2)) < 2.0


def test_values_of_joints_that_were_not_measured_do_not_matter() -> None:
    _, measured = _dance(50, missing=0.2)
    unseen = ~measured.information.any(axis=(-1, -2))
    other = measured.positions.copy()
    other[unseen] = 77.0
    again = smooth_motion(replace(measured, positions=other), STICK)
    np.testing.assert_array_equal(again.positions, smooth_motion(measured, STICK).positions)


@pytest.mark.parametrize("joint", ["left_wrist", "neck", "head"])
def test_a_joint_that_was_never_measured_harms_no_other(joint: str) -> None:
    truth, measured = _dance(60)
    index = STICK.index(joint)
    information = measured.information.copy()
    information[:, index] = 0
    whole = smooth_motion(measured, STICK)
    motion = smooth_motion(replace(measured, information=information), STICK)
    assert np.all(np.isfinite(motion.positions))
    assert np.all(np.isfinite(motion.uncertainty))
    others = np.arange(len(STICK)) != index
    error, usual = motion.positions[:, others] - truth[:, others], whole.positions[:, others] - truth[:, others]
    assert np.sqrt(np.mean(error**2)) < 1.5 * np.sqrt(np.mean(usual**2))
    assert np.all(motion.uncertainty[:, index] > 0.1)
    # It is somewhere at the body, and not at the world's origin.
    assert np.linalg.norm(motion.positions[:, index] - truth[:, index], axis=-1).max() < 2.0


def test_nothing_measured_is_finite() -> None:
    _, measured = _dance(20)
    motion = smooth_motion(replace(measured, information=np.zeros_like(measured.information)), STICK)
    assert np.all(np.isfinite(motion.positions))
    assert np.all(np.isfinite(motion.uncertainty))
    assert np.all(motion.uncertainty > 1)


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_few_frames_come_through(frames: int) -> None:
    truth, measured = _dance(frames)
    motion = smooth_motion(measured, STICK)
    assert np.all(np.isfinite(motion.uncertainty))
    assert _rms(motion, truth) < 0.03


@pytest.mark.parametrize("frames", [1, 2])
def test_a_joint_missing_in_a_short_recording_stays_at_the_body(frames: int) -> None:
    truth, measured = _dance(frames)
    truth, far = truth + 30.0, measured.positions + 30.0
    information = measured.information.copy()
    information[:, STICK.index("left_wrist")] = 0
    motion = smooth_motion(replace(measured, positions=far, information=information), STICK)
    error = np.linalg.norm(motion.positions - truth, axis=-1)
    assert error[:, STICK.index("left_wrist")].max() < 1.5
    assert motion.uncertainty[:, STICK.index("left_wrist")].min() > 0.1
    assert np.delete(error, STICK.index("left_wrist"), axis=1).max() < 0.12


def test_the_clock_and_the_place_and_the_heading_do_not_matter() -> None:
    _, measured = _dance(60, missing=0.1)
    motion = smooth_motion(measured, STICK)
    later = smooth_motion(replace(measured, times=measured.times + 1000.0), STICK)
    np.testing.assert_allclose(later.positions, motion.positions, atol=1e-6)
    seen = measured.information.any(axis=(-1, -2))[..., None]
    shift = np.array([30.0, -20.0, 5.0])
    away = smooth_motion(replace(measured, positions=np.where(seen, measured.positions + shift, 0)), STICK)
    np.testing.assert_allclose(away.positions - shift, motion.positions, atol=1e-4)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turned = Measurements(
        measured.positions @ turn.T, turn @ measured.information @ turn.T, measured.times, measured.stretch
    )
    # The draws behind the variances are along the axes, so this holds to their noise.
    np.testing.assert_allclose(smooth_motion(turned, STICK).positions, motion.positions @ turn.T, atol=0.01)


def test_time_in_slow_motion_gives_the_same_path() -> None:
    _, measured = _dance(60)
    slow = smooth_motion(replace(measured, times=2 * measured.times), STICK)
    assert np.abs(slow.positions - smooth_motion(measured, STICK).positions).max() < 0.02


def test_the_order_of_joints_does_not_matter() -> None:
    _, measured = _dance(50)
    order = np.random.default_rng(1).permutation(len(STICK))
    names = tuple(STICK.joint_names[j] for j in order)
    shuffled = Skeleton("shuffled", names, tuple(STICK.parents[j] for j in order), STICK.pairs)
    again = smooth_motion(
        replace(measured, positions=measured.positions[:, order], information=measured.information[:, order]), shuffled
    )
    motion = smooth_motion(measured, STICK)
    # Up to the draws, whose order changes too.
    assert np.abs(again.positions - motion.positions[:, order]).max() < 0.015


def test_a_break_in_time_is_not_bridged() -> None:
    """Two stretches at different places: the end of one knows nothing of the other's start."""
    times = np.concatenate([np.arange(40), 43 + np.arange(40)]) / RATE
    still = dancer(np.zeros(1))[0]
    truth = np.repeat(np.stack([still, still + np.array([3.0, 0, 0])]), 40, axis=0)
    measured = _measured(truth, times, 0.01)
    motion = smooth_motion(measured, STICK)
    assert np.abs(motion.positions - truth).max() < 0.04
    moved = measured.positions.copy()
    moved[40:] += [0.0, 5.0, 0.0]
    again = smooth_motion(replace(measured, positions=moved), STICK)
    np.testing.assert_allclose(again.positions[:40], motion.positions[:40], atol=1e-3)


def test_windows_join_without_a_step() -> None:
    frames = 2 * WINDOW + 150
    truth, measured = _dance(frames, sigma=0.02)
    motion = smooth_motion(measured, STICK)
    jerks = np.linalg.norm(np.diff(motion.positions - truth, axis=0), axis=-1)
    largest, usual = np.argsort(jerks.max(axis=1))[-3:], np.median(jerks.max(axis=1))
    assert jerks.max() < 6 * usual
    assert np.all(np.isfinite(motion.uncertainty))
    # Nothing is stranger where windows join, or less certain where they begin, than elsewhere.
    joins, begins = [WINDOW - 20, 2 * WINDOW - 60], [WINDOW - 40, 2 * WINDOW - 80]
    assert not any(abs(int(frame) + 1 - join) <= 1 for frame in largest for join in joins)
    certain = motion.uncertainty.mean(axis=1)
    assert certain[[*joins, *begins]].max() < 1.25 * np.median(certain)
    assert certain[0] > 1.25 * np.median(certain)


def test_fast_and_slow_joints_are_told_apart() -> None:
    """A hand that shakes keeps its motion, while the still body is smoothed hard."""
    times = np.arange(150) / RATE
    truth = np.repeat(dancer(np.zeros(1)), 150, axis=0)
    wrist = STICK.index("left_wrist")
    elbow = truth[:, STICK.index("left_elbow")]
    angle = 1.2 * np.sin(2 * np.pi * 2.0 * times)
    arm = np.stack([np.sin(angle), np.zeros(150), -np.cos(angle)], axis=-1)
    truth[:, wrist] = elbow + 0.27 * arm
    measured = _measured(truth, times, 0.02)
    motion = smooth_motion(measured, STICK)
    error = np.sqrt(np.mean((motion.positions - truth) ** 2, axis=(0, 2)))
    assert error[wrist] < 0.02
    assert np.median(error) < 0.009
    assert motion.uncertainty[:, wrist].mean() > 1.5 * np.median(motion.uncertainty)


@pytest.mark.parametrize("rate", [10.0, 29.97, 120.0])
def test_any_frame_rate_helps(rate: float) -> None:
    times = np.arange(int(4 * rate)) / rate
    truth = dancer(times, 3)
    measured = _measured(truth, times)
    motion = smooth_motion(measured, STICK)
    assert _rms(motion, truth) < 0.85 * np.sqrt(np.mean((measured.positions - truth) ** 2))


def test_a_skeleton_without_bones_is_smoothed_too() -> None:
    lonely = Skeleton("points", ("a", "b"), (None, None), ())
    times = np.arange(60) / RATE
    truth = dancer(times)[:, :2]
    motion = smooth_motion(_measured(truth, times), lonely)
    assert _rms(motion, truth) < 0.02


def test_an_elbow_that_is_elsewhere_for_a_while_is_not_believed() -> None:
    truth, measured = _dance(240, sigma=0.01)
    elbow, wrong = STICK.index("right_elbow"), np.zeros(240, bool)
    for start in (30, 110, 190):
        wrong[start : start + 20] = True
    positions = measured.positions.copy()
    positions[wrong, elbow] += [0.15, 0.2, -0.25]
    found = smooth_motion(replace(measured, positions=positions), STICK)
    without = smooth_motion(measured, STICK)
    error = np.linalg.norm(found.positions - truth, axis=-1)
    # Bones leave the elbow a circle about the line from shoulder to wrist.
    assert error[wrong, elbow].mean() < 0.6 * np.linalg.norm([0.15, 0.2, -0.25])
    bone = STICK.bones.index((STICK.index("right_shoulder"), elbow))
    lengths = _bone_lengths(found.positions)[:, bone]
    assert lengths.std() < 0.05 * lengths.mean()
    others = np.arange(len(STICK)) != elbow
    usual = np.linalg.norm(without.positions - truth, axis=-1)
    assert error[:, others].mean() < 1.2 * usual[:, others].mean()
    # Where it is not believed, it is not sure either.
    assert found.uncertainty[wrong, elbow].mean() > 1.5 * found.uncertainty[~wrong, elbow].mean()
