"""Stated errors of adjusted cameras: against dense algebra, their actual spread, and the least possible."""

from dataclasses import replace

import numpy as np
import pytest
from numpy import ndarray

from epipose.geometry.alignment import similarity
from epipose.geometry.bundle import Bundle, BundleProblem, Freedom, _State
from epipose.geometry.bundle_covariance import UNKNOWN, BundleCovariance
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotvec_from_rotation
from tests.geometry.rigs import LENSES, pictures, ring, room_points


def _dense_covariance(problem: BundleProblem, state: _State) -> ndarray:
    """Invert the whole of J^T J, points and all, along what pixels determine, and keep the cameras' part.

    The gauge is fixed the other way about: cameras 0's motion and one coordinate of camera 1's centre are held.
    """
    size, points = problem._parameter_count(state), state.points.shape[1]
    rows = []
    for view in range(len(state.cameras)):
        sight = problem._sight(state, view)
        jacobian = np.zeros((size + 3 * points, 2, points))
        jacobian[[*range(6 * view, 6 * view + 6), *range(6 * len(state.cameras), size)]] = problem._by_parameters(
            state, view, sight
        )
        for axis in range(3):
            jacobian[size + axis * points + np.arange(points), :, np.arange(points)] = sight.by_point[:, axis].T
        rows.append((jacobian * np.sqrt(problem.weights[view])).reshape(len(jacobian), -1).T)
    whole = np.concatenate(rows)
    held = [*range(6), 6 + 3 + int(np.argmax(np.abs(state.cameras[1].cam_from_world.translation)))]
    free = np.setdiff1d(np.arange(whole.shape[1]), held)
    covariance = np.zeros((whole.shape[1], whole.shape[1]))
    scale = 1 / np.linalg.norm(whole[:, free], axis=0)
    inverse = np.linalg.inv((whole[:, free] * scale).T @ (whole[:, free] * scale))
    covariance[np.ix_(free, free)] = inverse * scale[:, None] * scale
    return covariance[:size, :size]


@pytest.mark.parametrize(
    ("views", "freedom"),
    [
        (2, Freedom()),
        (2, Freedom(time_offsets=True)),
        (3, Freedom("each", distortion=True)),
        (4, Freedom("shared", time_offsets=True)),
    ],
)
def test_what_does_not_depend_on_the_world_is_as_in_dense_algebra(views: int, freedom: Freedom) -> None:
    cameras, points = ring(views, lens=LENSES["brown5"]), room_points((40,))
    pixels = pictures(cameras, points)
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.2, 1, (views, 40))
    velocity = rng.normal(0, 100, pixels.shape)
    problem = BundleProblem(pixels, weights, freedom, pixel_velocity=velocity)
    state = _State(cameras, np.zeros(views), points.T)
    ours = BundleCovariance.from_information(problem._normal_equations(state).matrix, cameras, 1.0)
    dense = BundleCovariance(_dense_covariance(problem, state), ours.rotations, ours.centres)
    rtol = 1e-3
    for view in range(views):
        for other in range(views):
            np.testing.assert_allclose(
                ours.relative_rotation(view, other), dense.relative_rotation(view, other), rtol=rtol, atol=1e-12
            )
    scale = np.abs(dense.aligned()).max()
    np.testing.assert_allclose(ours.aligned(), dense.aligned(), rtol=rtol, atol=0.1 * rtol * scale)
    np.testing.assert_allclose(ours.beyond_cameras(), dense.beyond_cameras(), rtol=rtol, atol=1e-12)


def test_the_covariance_has_no_spread_along_changes_of_the_world() -> None:
    cameras, points = ring(3), room_points((40,))
    problem = BundleProblem(pictures(cameras, points), np.ones((3, 40)))
    state = _State(cameras, np.zeros(3), points.T)
    stated = BundleCovariance.from_information(problem._normal_equations(state).matrix, cameras, 1.0)
    values = np.linalg.eigvalsh(stated.matrix)
    assert np.sum(values < 1e-9 * values.max()) == 7


def _errors(bundle: Bundle, truth: tuple[Camera, ...]) -> tuple[ndarray, ndarray]:
    """Return the rotation vectors from truth between views 0 and the others, and the aligned centres' errors."""
    turns = []
    for found, camera in zip(bundle.cameras[1:], truth[1:], strict=True):
        ours = bundle.cameras[0].cam_from_world.rotation @ found.cam_from_world.rotation.T
        true = truth[0].cam_from_world.rotation @ camera.cam_from_world.rotation.T
        turns.append(rotvec_from_rotation(ours @ true.T))
    centres, target = (np.stack([c.centre for c in rig]) for rig in (bundle.cameras, truth))
    scale, motion = similarity(centres, target)
    return np.stack(turns), motion.apply(scale * centres) - target


@pytest.mark.parametrize(
    ("views", "freedom", "lens"),
    [(4, Freedom(), "brown4"), (3, Freedom("each", distortion=True), "brown5"), (2, Freedom(), "human36m")],
    ids=["four views", "unknown lenses", "two views"],
)
def test_stated_errors_are_honest_and_the_least_possible(views: int, freedom: Freedom, lens: str) -> None:
    """Over 30 draws of noise of a pixel: the mean squared error in units of the stated one is 1 (0.8-1.25 sigma).

    The information at the truth is the Cramer-Rao bound.
    """
    cameras, points = ring(views, lens=LENSES[lens]), room_points((150,))
    exact = pictures(cameras, points)
    weights, truth = np.ones((views, 150)), _State(cameras, np.zeros(views), points.T)
    information = BundleProblem(exact, weights, freedom)._normal_equations(truth).matrix
    bound = BundleCovariance.from_information(information, cameras, 1.0)
    turn_ratio, centre_ratio, lens_ratio, against_bound = [], [], [], []
    for seed in range(30):
        pixels = exact + np.random.default_rng(seed).normal(0, 1.0, exact.shape)
        bundle = BundleProblem(pixels, weights, freedom).solve(cameras, points)
        turns, centres = _errors(bundle, cameras)
        for other in range(1, views):
            stated = bundle.covariance.relative_rotation(0, other)
            turn_ratio.append(turns[other - 1] @ np.linalg.solve(stated, turns[other - 1]) / 3)
            against_bound.append(np.sum(turns[other - 1] ** 2) / np.trace(bound.relative_rotation(0, other)))
        if views > 2:
            aligned = bundle.covariance.aligned()[:, 3:, 3:]
            centre_ratio.append(np.sum(centres**2) / np.trace(aligned, axis1=1, axis2=2).sum())
        if freedom.focal == "each":
            logs = [np.log(f.lens.focal[0] / c.lens.focal[0]) for f, c in zip(bundle.cameras, cameras, strict=True)]
            lens_ratio.append(np.mean(np.square(logs) / np.diag(bundle.covariance.beyond_cameras())[:views]))
    for ratios in (turn_ratio, centre_ratio, lens_ratio):
        if ratios:
            assert 0.8 < np.sqrt(np.mean(ratios)) < 1.25
    assert np.sqrt(np.mean(against_bound)) < 1.15


def test_more_noise_and_scaling_widen_the_covariance() -> None:
    cameras, points = ring(3), room_points((60,))
    exact = pictures(cameras, points)
    noise = np.random.default_rng(0).normal(0, 1.0, exact.shape)
    once, thrice = (
        BundleProblem(exact + size * noise, np.ones((3, 60))).solve(cameras, points).covariance for size in (0.1, 0.3)
    )
    np.testing.assert_allclose(thrice.relative_rotation(0, 1), 9 * once.relative_rotation(0, 1), rtol=0.02)
    np.testing.assert_allclose(once.scaled(4.0).aligned(), 4 * once.aligned())


def test_a_blind_view_is_known_to_be_unknown_and_spoils_no_other() -> None:
    cameras, points = ring(4), room_points((60,))
    pixels = pictures(cameras, points) + np.random.default_rng(0).normal(0, 1, (4, 60, 2))
    without = BundleProblem(pixels, np.ones((4, 60))).solve(cameras, points)
    blind = replace(cameras[0], cam_from_world=Rigid.from_rotvec(np.array([0.1, 0.2, 0.3]), np.array([9.0, 0, 0])))
    weights = np.ones((5, 60))
    weights[4] = 0
    found = BundleProblem(np.concatenate([pixels, pixels[:1]]), weights).solve([*cameras, blind], points)
    aligned = found.covariance.aligned()
    np.testing.assert_allclose(aligned[:4], without.covariance.aligned(), rtol=1e-3, atol=1e-12)
    assert np.all(np.diag(aligned[4]) >= 0.9 * UNKNOWN)


@pytest.mark.parametrize("views", [3, 4])
def test_aligned_means_laid_on_the_truth_by_a_similarity(views: int) -> None:
    """The linear map from parameters to aligned errors, by differences through the alignment itself."""
    cameras = ring(views)
    truth = np.stack([camera.centre for camera in cameras])
    rotations = [camera.cam_from_world.rotation for camera in cameras]

    def aligned(step: ndarray) -> ndarray:
        moved = [Rigid.from_rotvec(s[:3], s[3:]) @ c.cam_from_world for s, c in zip(step, cameras, strict=True)]
        scale, motion = similarity(np.stack([m.centre for m in moved]), truth)
        centres = motion.apply(scale * np.stack([m.centre for m in moved])) - truth
        # Turns of cam_from_world, in world axes.
        turns = [
            rotvec_from_rotation(r.T @ m.rotation @ motion.rotation.T) for m, r in zip(moved, rotations, strict=True)
        ]
        return np.concatenate([np.stack(turns), centres], axis=1).ravel()

    rng = np.random.default_rng(0)
    root = rng.normal(size=(6 * views, 6 * views))
    stated = BundleCovariance(root @ root.T, np.stack(rotations), truth).aligned()
    jacobian = np.empty((6 * views, 6 * views))
    for column in range(6 * views):
        step = np.zeros(6 * views)
        step[column] = 1e-6
        jacobian[:, column] = (aligned(step.reshape(views, 6)) - aligned(-step.reshape(views, 6))) / 2e-6
    whole = jacobian @ root @ root.T @ jacobian.T
    for view in range(views):
        block = slice(6 * view, 6 * view + 6)
        np.testing.assert_allclose(stated[view], whole[block, block], atol=1e-4 * np.abs(whole).max())


def test_two_cameras_are_laid_on_each_other_with_their_directions() -> None:
    cameras, points = ring(2), room_points((80,))
    pixels = pictures(cameras, points) + np.random.default_rng(0).normal(0, 1, (2, 80, 2))
    covariance = BundleProblem(pixels, np.ones((2, 80))).solve(cameras, points).covariance
    turns = np.trace(covariance.aligned()[:, :3, :3], axis1=1, axis2=2)
    # What one camera's turn and the other's share out between them is their relative turn.
    between = np.trace(covariance.relative_rotation(0, 1))
    assert between / 8 < turns.min()
    assert turns.max() < between
