"""Pairs of views: the motion against OpenCV's and the truth, in front of the cameras, and chained at one scale."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.pairs import MIN_SHARED, Pair, _measured, agreement, chain_motions, relative_pairs
from epipose.geometry.alignment import similarity
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from tests.scenes import Scene, dance, neighbours, studio


def _inputs(scene: Scene) -> tuple[ndarray, ndarray, list[float]]:
    views = len(scene.cameras)
    pixels = scene.observations.pixels.reshape(views, -1, 2)
    ideal = np.stack([c.lens.undistort(p)[0] for c, p in zip(scene.cameras, pixels, strict=True)])
    return ideal, scene.observations.weight.reshape(views, -1), [c.lens.focal[0] for c in scene.cameras]


def _pairs(scene: Scene, threshold_px: float = 10.0) -> list[Pair]:
    return relative_pairs(*_inputs(scene), threshold_px=threshold_px)


def _truth(cameras: tuple[Camera, ...], view: int, other: int) -> Rigid:
    return cameras[other].cam_from_world @ cameras[view].cam_from_world.inverse()


def _with_outliers(scene: Scene, share: float) -> Scene:
    rng = np.random.default_rng(9)
    bad = rng.random(scene.observations.weight.shape) < share
    leap = rng.uniform(-300, 300, scene.observations.pixels.shape)
    pixels = np.where(bad[..., None], scene.observations.pixels + leap, scene.observations.pixels)
    return replace(scene, observations=replace(scene.observations, pixels=pixels))


@pytest.mark.parametrize("degrees", [30.0, 60.0, 90.0, 130.0])
@pytest.mark.parametrize("outliers", [0.0, 0.25])
def test_the_motion_is_the_true_one(degrees: float, outliers: float) -> None:
    """Its direction too: an inverted motion, or the twisted one of the four, is far off."""
    scene = _with_outliers(dance(neighbours(degrees), frames=120, noise_px=2.0), outliers)
    (pair,) = _pairs(scene)
    truth = _truth(scene.cameras, 0, 1)
    assert np.rad2deg(angle_between(pair.other_from_view.rotation, truth.rotation)) < 1.3
    direction = truth.translation / np.linalg.norm(truth.translation)
    assert np.rad2deg(np.arccos(pair.other_from_view.translation @ direction)) < 1.5
    assert np.linalg.norm(pair.other_from_view.translation) == pytest.approx(1)
    assert np.rad2deg(pair.parallax) == pytest.approx(min(degrees, 180 - degrees), abs=12)


def test_depths_are_those_of_the_points_in_baselines() -> None:
    scene = dance(neighbours(60.0), frames=60)
    (pair,) = _pairs(scene)
    baseline = np.linalg.norm(_truth(scene.cameras, 0, 1).translation)
    points = scene.positions.reshape(-1, 3)
    true = np.stack([c.cam_from_world.apply(points)[:, 2] for c in scene.cameras]) / baseline
    assert pair.inlier.mean() > 0.99
    np.testing.assert_allclose(pair.depths[:, pair.inlier], true[:, pair.inlier], rtol=2e-2)


@pytest.mark.parametrize("outliers", [0.0, 0.2])
def test_it_is_as_good_as_opencv(outliers: float) -> None:
    """Mean over several pairs of the errors of rotation and direction, in degrees."""
    ours, theirs = [], []
    for seed in range(4):
        for degrees in (45.0, 80.0):
            scene = _with_outliers(dance(neighbours(degrees), frames=60, noise_px=3.0, seed=seed), outliers)
            truth = _truth(scene.cameras, 0, 1)
            direction = truth.translation / np.linalg.norm(truth.translation)
            ideal, _, focals = _inputs(scene)
            essential, inlier = cv2.findEssentialMat(
                ideal[0], ideal[1], np.eye(3), method=cv2.USAC_MAGSAC, prob=0.999, threshold=5.0 / focals[0]
            )
            _, rotation, translation, _ = cv2.recoverPose(essential, ideal[0], ideal[1], np.eye(3), mask=inlier)
            (pair,) = _pairs(scene)
            found = pair.other_from_view
            ours.append(angle_between(found.rotation, truth.rotation) + np.arccos(found.translation @ direction))
            theirs.append(angle_between(rotation, truth.rotation) + np.arccos(translation[:, 0] @ direction))
    # Ours is a first guess by a loss that suits heavier outliers; bundle adjustment does the rest.
    assert np.mean(ours) < 1.5 * np.mean(theirs)


def test_inliers_are_in_front_and_near_their_epipolar_lines() -> None:
    scene = _with_outliers(dance(neighbours(70.0), frames=80, noise_px=1.0), 0.3)
    (pair,) = _pairs(scene)
    assert np.all(pair.depths[:, pair.inlier] > 0)
    first, second = _inputs(scene)[0]
    # OpenCV's own distance to the epipolar line, from the motion.
    x, y, z = pair.other_from_view.translation
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ pair.other_from_view.rotation
    lines = cv2.computeCorrespondEpilines(first[:, None].astype(np.float64), 1, essential)[:, 0]
    away = np.abs(np.sum(lines[:, :2] * second, axis=1) + lines[:, 2]) * 1100
    assert np.all(away[pair.inlier] < 10.5)
    moved = np.any(scene.observations.pixels != dance(neighbours(70.0), frames=80, noise_px=1.0).observations.pixels, 3)
    assert pair.inlier[~moved.any(axis=0).ravel()].mean() > 0.97
    assert pair.inlier[moved.any(axis=0).ravel()].mean() < 0.35


def test_views_that_share_too_little_are_no_pair() -> None:
    scene = dance(neighbours(60.0), frames=40)
    ideal, weights, focals = _inputs(scene)
    weights[1, MIN_SHARED - 1 :] = 0
    assert not relative_pairs(ideal, weights, focals, threshold_px=10.0)
    rng = np.random.default_rng(0)
    unrelated = rng.normal(0, 0.2, ideal.shape)
    assert agreement(unrelated[0], unrelated[1], 1100.0, threshold_px=5.0) < 0.6
    assert agreement(ideal[0], ideal[1], 1100.0, threshold_px=5.0) > 0.95
    assert agreement(ideal[0, : MIN_SHARED - 1], ideal[1, : MIN_SHARED - 1], 1100.0, threshold_px=5.0) == 0


def _shape_error(motions: list[Rigid | None], cameras: tuple[Camera, ...]) -> tuple[float, float]:
    """Return the largest error of a rotation (degrees), and of a centre by the size of the rig."""
    found = [motion for motion in motions if motion is not None]
    assert len(found) == len(cameras)
    first = cameras[0].cam_from_world.rotation
    turns = [
        float(angle_between(motion.rotation, camera.cam_from_world.rotation @ first.T))
        for motion, camera in zip(found, cameras, strict=True)
    ]
    centres, truth = np.stack([m.centre for m in found]), np.stack([c.centre for c in cameras])
    scale, lay_on = similarity(centres, truth)
    off = np.linalg.norm(lay_on.apply(scale * centres) - truth, axis=-1).max()
    return float(np.rad2deg(max(turns))), float(off / np.linalg.norm(truth - truth.mean(axis=0), axis=-1).max())


@pytest.mark.parametrize("views", [3, 4, 6])
def test_the_chain_has_one_scale(views: int) -> None:
    scene = dance(studio(views), frames=80, noise_px=1.0)
    motions = chain_motions(_pairs(scene), views)
    first = motions[0]
    assert first is not None
    np.testing.assert_allclose(first.matrix, Rigid.identity().matrix, atol=1e-12)
    turn, off = _shape_error(motions, scene.cameras)
    assert turn < 1.5
    assert off < 0.05


def test_the_chain_does_not_depend_on_the_order_of_views() -> None:
    scene = dance(studio(4), frames=80, noise_px=1.0)
    order = [2, 3, 0, 1]
    observations = replace(
        scene.observations, pixels=scene.observations.pixels[order], weight=scene.observations.weight[order]
    )
    shuffled = replace(scene, cameras=tuple(scene.cameras[v] for v in order), observations=observations)
    turn, off = _shape_error(chain_motions(_pairs(shuffled), 4), shuffled.cameras)
    assert turn < 1.5
    assert off < 0.05


def test_a_chain_whose_first_view_is_at_its_end_and_in_the_middle() -> None:
    """Views that see the person at different times: only neighbours share joints."""
    scene = dance(studio(4), frames=160, noise_px=0.5)
    weight = scene.observations.weight.copy()
    for view, (start, stop) in enumerate([(0, 80), (0, 120), (40, 160), (80, 160)]):
        seen = (np.arange(160) >= start) & (np.arange(160) < stop)
        weight[view] *= seen[:, None]
    scene = replace(scene, observations=replace(scene.observations, weight=weight))
    pairs = _pairs(scene)
    assert (0, 3) not in {(p.view, p.other) for p in pairs}
    turn, off = _shape_error(chain_motions(pairs, 4), scene.cameras)
    assert turn < 2
    assert off < 0.1


def test_a_view_without_a_pair_is_none() -> None:
    scene = dance(studio(4), frames=60)
    pairs = [p for p in _pairs(scene) if 2 not in (p.view, p.other)]
    motions = chain_motions(pairs, 4)
    assert motions[2] is None
    assert all(motions[view] is not None for view in (0, 1, 3))
    alone = chain_motions([p for p in _pairs(scene) if 0 not in (p.view, p.other)], 4)
    assert alone[0] is not None
    assert alone[1:] == [None, None, None]
    nothing = chain_motions([], 3)
    assert [m is None for m in nothing] == [False, True, True]


def test_views_whose_scale_nothing_tells_are_not_chained() -> None:
    """Two pairs with no joint in common: the second's baseline could have any length."""
    scene = dance(studio(3), frames=120, noise_px=0.5)
    weight = scene.observations.weight.copy()
    weight[0, 60:] = 0
    weight[2, :60] = 0
    scene = replace(scene, observations=replace(scene.observations, weight=weight))
    motions = chain_motions(_pairs(scene), 3)
    assert sum(motion is None for motion in motions) == 1


def test_a_view_joins_at_the_scale_of_whichever_pair_it_shares_joints_with() -> None:
    """The fourth view shares no joint with the first pair of the tree, only with a later one."""
    scene = dance(studio(4), frames=300, noise_px=0.5)
    weight = scene.observations.weight.copy()
    for view, (start, stop) in enumerate([(0, 200), (0, 300), (170, 260), (240, 300)]):
        seen = (np.arange(300) >= start) & (np.arange(300) < stop)
        weight[view] *= seen[:, None]
    scene = replace(scene, observations=replace(scene.observations, weight=weight))
    pairs = [p for p in _pairs(scene) if (p.view, p.other) in {(0, 1), (1, 2), (1, 3)}]
    assert max(pairs, key=lambda pair: pair.trust).view == 0
    turn, off = _shape_error(chain_motions(pairs, 4), scene.cameras)
    assert turn < 2
    assert off < 0.1


@pytest.mark.parametrize("twisted", [False, True])
def test_points_behind_a_camera_are_no_inliers(twisted: bool) -> None:
    """Of the four motions of an essential matrix all fit the epipolar lines, and one has the person in front."""
    scene = dance(neighbours(70.0), frames=40)
    ideal, _, _ = _inputs(scene)
    motion = _truth(scene.cameras, 0, 1)
    unit = motion.translation / np.linalg.norm(motion.translation)
    shared = np.ones(ideal.shape[1], bool)
    assert _measured(0, 1, Rigid(motion.rotation, unit), ideal, shared, 1e-6).inlier.all()
    rotation = (2 * np.outer(unit, unit) - np.eye(3)) @ motion.rotation if twisted else motion.rotation
    wrong = _measured(0, 1, Rigid(rotation, unit if twisted else -unit), ideal, shared, 1e-6)
    assert not wrong.inlier.any()
    assert wrong.trust == 0
