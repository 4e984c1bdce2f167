"""Laws of bones: lengths do not change with the world, nor what is missing the numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from epipose.geometry.triangulation import robust
from epipose.io.camera_files import read_cameras
from epipose.pose.bones import (
    MEAN_STATURE_M,
    STATURE_SIGMA_M,
    bone_lengths,
    bone_statistics,
    bone_variation,
    stature_ratio,
)
from epipose.pose.skeletons import load_skeleton
from tests.bodies import moving_people, without
from tests.recordings import balancing_keypoints


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)])
def test_lengths_are_distances_and_stay_under_a_world_motion(batch: tuple[int, ...]) -> None:
    skeleton = load_skeleton("h36m17")
    positions = np.random.default_rng(0).normal(size=(*batch, 17, 3))
    lengths = bone_lengths(positions, skeleton)
    assert lengths.shape == (*batch, 16)
    for bone, (parent, child) in enumerate(skeleton.bones):
        np.testing.assert_allclose(
            lengths[..., bone], np.linalg.norm(positions[..., child, :] - positions[..., parent, :], axis=-1)
        )
    moved = positions @ Rotation.from_rotvec([0.1, 2, -0.4]).as_matrix().T + np.array([3.0, 4, 5])
    np.testing.assert_allclose(bone_lengths(moved, skeleton), lengths, rtol=1e-12)


def test_rigid_people_do_not_vary_and_noise_shows_as_it_should() -> None:
    poses = moving_people(frames=400)
    assert np.max(bone_variation(poses)) < 1e-6
    noise = np.random.default_rng(0).normal(size=poses.positions.shape).astype(np.float32) * 0.004
    noisy = bone_statistics(replace(poses, positions=poses.positions + noise))
    # Along the bone both ends add their noise: std = sqrt(2) 4 mm.
    np.testing.assert_allclose(noisy.variation * noisy.mean, np.sqrt(2) * 0.004, rtol=0.25)
    np.testing.assert_allclose(noisy.mean, bone_statistics(poses).mean, atol=0.002)


def test_missing_joints_count_for_nothing() -> None:
    poses = moving_people(frames=30)
    missing = np.zeros(poses.weight.shape, bool)
    missing[::2, 0, poses.skeleton.index("left_knee")] = True
    missing[1:, 1, poses.skeleton.index("nose")] = True
    statistics = bone_statistics(without(poses, missing))
    nose = [i for i, bone in enumerate(poses.skeleton.bones) if poses.skeleton.index("nose") in bone]
    assert np.all(np.isnan(statistics.variation[1, nose]))
    statistics.variation[1, nose] = 0
    assert np.max(statistics.variation) < 1e-6


def test_ratios_go_by_joint_and_side() -> None:
    thigh = stature_ratio("left_hip", "left_knee")
    assert thigh is not None
    assert thigh == stature_ratio("right_knee", "right_hip")
    assert stature_ratio("left_hip", "right_hip") is not None
    for joint, other in (("left_hip", "right_knee"), ("left_hip", "left_hip"), ("nose", "neck"), ("hip", "knee")):
        assert stature_ratio(joint, other) is None
    assert 0.5 < (stature_ratio("left_hip", "left_knee") or (0, 0))[0] * 2 + 0.05 < 0.56
    assert 1.6 < MEAN_STATURE_M < 1.8
    assert 0.05 < STATURE_SIGMA_M < 0.15


def test_a_real_skeleton_agrees_with_the_ratios_within_three_sigma(shared: Path) -> None:
    """The CMU performer is of unknown height: the bones must agree on one, between 1.5 and 2 m."""
    with np.load(shared / "mocap" / "mocap_joints.npz") as data:
        names, clip = data["joint_names"].tolist(), data["cmueval_train_basketball_1"]
    statures, sigmas = [], []
    for one, other in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow")):
        for side in ("left", "right"):
            length = np.median(
                np.linalg.norm(
                    clip[:, names.index(f"{side[0]}_{one}")] - clip[:, names.index(f"{side[0]}_{other}")], axis=-1
                )
            )
            ratio = stature_ratio(f"{side}_{one}", f"{side}_{other}")
            assert ratio is not None
            statures.append(length / ratio[0])
            sigmas.append(ratio[1])
    weights = 1 / np.square(sigmas)
    stature = np.average(statures, weights=weights)
    assert 1.5 < stature < 2.0
    assert np.all(np.abs(np.array(statures) / stature - 1) < 3 * np.array(sigmas))


def test_a_filmed_man_agrees_with_the_ratios_within_two_sigma(shared: Path) -> None:
    """His height is not known: each bone's stature must fit the population, within both spreads."""
    views = balancing_keypoints(shared)
    cameras = read_cameras(shared / "footage" / "balancing" / "calibration" / "Calib.qca.txt").cameras
    pixels = np.stack([views[name].pixels[:, 0] for name in cameras]).astype(float)
    score = np.stack([views[name].score[:, 0] for name in cameras]).astype(float)
    found = robust(list(cameras.values()), pixels, np.where(score > 0.5, score, 0), sigma_px=8.0)
    positions = np.where(found.valid[..., None], found.points, np.nan)
    skeleton = views["cam01"].skeleton
    for joint in ("hip", "knee", "elbow", "shoulder"):
        for other in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
            ends = (f"left_{joint}", f"right_{joint}" if joint == other else f"left_{other}")
            ratio = stature_ratio(*ends)
            if ratio is not None:
                one, two = (positions[:, skeleton.index(end)] for end in ends)
                stature = np.nanmedian(np.linalg.norm(one - two, axis=-1)) / ratio[0]
                spread = np.hypot(ratio[1], STATURE_SIGMA_M / MEAN_STATURE_M)
                assert abs(stature / MEAN_STATURE_M - 1) < 2 * spread, ends
