"""Bundle adjustment: its derivatives, its optimum against SciPy's, and the laws that any answer obeys."""

from dataclasses import replace

import numpy as np
import pytest
from numpy import ndarray
from scipy.optimize import least_squares

from epipose.geometry.alignment import similarity
from epipose.geometry.bundle import Bundle, BundleProblem, Freedom, _State
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from epipose.threads import one_blas_thread
from tests.geometry.rigs import LENSES, pictures, ring, room_points

FREEDOMS = {
    "motions": Freedom(),
    "shared focal": Freedom(focal="shared"),
    "each focal": Freedom(focal="each"),
    "distortion": Freedom(focal="each", distortion=True),
    "clocks": Freedom(time_offsets=True),
    "everything": Freedom(focal="each", distortion=True, time_offsets=True),
}


def _disturbed(cameras: tuple[Camera, ...], size: float, seed: int = 0) -> tuple[Camera, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        replace(c, cam_from_world=Rigid.from_rotvec(*rng.normal(0, size, (2, 3))) @ c.cam_from_world) for c in cameras
    )


def _noisy(cameras: tuple[Camera, ...], count: int, noise_px: float, seed: int = 0) -> tuple[ndarray, ndarray]:
    points = room_points((count,), seed)
    pixels = pictures(cameras, points)
    return points, pixels + np.random.default_rng(seed).normal(0, noise_px, pixels.shape)


def _cost(bundle: Bundle, weights: ndarray) -> float:
    return float(np.sum(weights[..., None] * bundle.residual**2))


def _shape_of(cameras: tuple[Camera, ...]) -> ndarray:
    """What a bundle says that does not depend on the world: turns between cameras, centres up to a similarity."""
    centres = np.stack([c.centre for c in cameras]) - cameras[0].centre
    centres = centres @ cameras[0].cam_from_world.rotation.T / np.linalg.norm(centres, axis=-1).sum()
    turns = [c.cam_from_world.rotation @ cameras[0].cam_from_world.rotation.T for c in cameras]
    return np.concatenate([np.ravel(centres), np.ravel(turns)])


def _residuals(problem: BundleProblem, state: _State) -> ndarray:
    return np.stack([problem._sight(state, view).residual for view in range(len(state.cameras))])


@pytest.mark.parametrize("freedom", FREEDOMS.values(), ids=FREEDOMS)
@pytest.mark.parametrize("lens", ["pinhole", "brown5", "brown8", "human36m", "fisheye"])
def test_derivatives_agree_with_differences(freedom: Freedom, lens: str) -> None:
    cameras = ring(3, lens=LENSES[lens])
    points, pixels = _noisy(cameras, 5, 1.0)
    velocity = np.random.default_rng(1).normal(0, 50, pixels.shape)
    problem = BundleProblem(pixels, np.ones((3, 5)), freedom, pixel_velocity=velocity)
    state = _State(cameras, np.array([0.0, 0.01, -0.02]), points.T)
    size = problem._parameter_count(state)
    for view in range(3):
        sight = problem._sight(state, view)
        columns = [*range(6 * view, 6 * view + 6), *range(18, size)]
        claimed = np.zeros((size, 2, 5))
        claimed[columns] = problem._by_parameters(state, view, sight)
        for column in range(size):
            step = np.zeros(size)
            step[column] = 1e-6
            ahead, behind = (problem._moved(state, sign * step) for sign in (1.0, -1.0))
            measured = (problem._sight(ahead, view).residual - problem._sight(behind, view).residual) / 2e-6
            np.testing.assert_allclose(claimed[column], measured, rtol=1e-5, atol=1e-3)
    for axis in range(3):
        step = np.zeros((3, 1))
        step[axis] = 1e-6
        ahead, behind = (_residuals(problem, state._replace(points=state.points + s * step)) for s in (1.0, -1.0))
        claimed = np.stack([problem._sight(state, view).by_point[:, axis] for view in range(3)])
        np.testing.assert_allclose(claimed, (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("freedom", "lens", "robust_px"),
    [
        (Freedom(), "brown4", None),
        (Freedom(), "brown4", 1.5),
        (Freedom(focal="each"), "human36m", None),
        (Freedom("shared", distortion=True), "brown5", None),
    ],
    ids=["motions", "robust", "each focal", "focal and distortion"],
)
def test_the_optimum_is_that_of_dense_least_squares(freedom: Freedom, lens: str, robust_px: float | None) -> None:
    cameras = ring(3, lens=LENSES[lens])
    points, pixels = _noisy(cameras, 10, 1.0)
    rng = np.random.default_rng(2)
    weights = rng.uniform(0.2, 1, (3, 10)) * (rng.random((3, 10)) > 0.1)
    kept = np.sum(weights > 0, axis=0) >= 2
    points, pixels, weights = points[kept], pixels[:, kept], weights[:, kept]
    problem = BundleProblem(pixels, weights, freedom, robust_px=robust_px)
    bundle = problem.solve(_disturbed(cameras, 0.01), points, tolerance=1e-16, max_steps=400)

    start = _State(bundle.cameras, np.zeros(3), bundle.points.T)
    size = problem._parameter_count(start)
    unscaled = weights if robust_px is None else weights / robust_px**2

    def residuals(x: ndarray) -> ndarray:
        # One residual an observation, its length, so that SciPy's loss acts on whole observations as ours does.
        cameras_moved = problem._moved(start, x[:size]).cameras
        state = _State(cameras_moved, np.zeros(3), start.points + x[size:].reshape(3, -1))
        found = _residuals(problem, state) * np.sqrt(unscaled)[:, None]
        if robust_px is None:
            return found.ravel()
        squared = np.sum(found**2, axis=1)
        # Written as plain least squares: the Cauchy loss of an observation shared out over its two numbers.
        return (found * np.sqrt(np.log1p(squared) / np.maximum(squared, 1e-300))[:, None]).ravel()

    # The gauge is free: start at the answer and let SciPy improve it if it can.
    initial = np.random.default_rng(3).normal(0, 1e-4, size + start.points.size)
    initial[18:size] = 0
    dense = one_blas_thread(least_squares)(
        residuals, initial, x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-10, max_nfev=25
    )
    ours = residuals(np.zeros_like(initial))
    assert np.sum(ours**2) <= 2 * dense.cost * (1 + 1e-9)
    moved = problem._moved(start, dense.x[:size]).cameras
    np.testing.assert_allclose(_shape_of(moved), _shape_of(bundle.cameras), atol=1e-6)
    np.testing.assert_allclose(
        [c.lens.parameters for c in moved], [c.lens.parameters for c in bundle.cameras], rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("views", [2, 3, 6])
@pytest.mark.parametrize("lens", list(LENSES))
def test_pixels_without_noise_give_the_truth(views: int, lens: str) -> None:
    cameras = ring(views, lens=LENSES[lens])
    points = room_points((40,))
    pixels = pictures(cameras, points)
    bundle = BundleProblem(pixels, np.ones((views, 40))).solve(_disturbed(cameras, 0.02), points + 0.02)
    assert np.abs(bundle.residual).max() < 1e-7
    assert bundle.sigma_px < 1e-7
    np.testing.assert_allclose(_shape_of(bundle.cameras), _shape_of(cameras), atol=1e-9)
    scale, motion = similarity(bundle.points, points)
    np.testing.assert_allclose(motion.apply(scale * bundle.points), points, atol=1e-9)


def test_lenses_and_clocks_are_found_without_noise() -> None:
    truth = ring(4, lens=LENSES["brown5"])
    rng = np.random.default_rng(0)
    points, speed = room_points((80,)), rng.normal(0, 1.0, (80, 3))
    offsets = np.array([0.0, 0.03, -0.05, 0.01])
    now, later = pictures(truth, points), pictures(truth, points + 1e-6 * speed)
    velocity = (later - now) / 1e-6
    # A clock that is ahead by its offset shows earlier places at the same reading.
    pixels = now - velocity * offsets[:, None, None]
    start = []
    for camera, factor in zip(_disturbed(truth, 0.01), (0.97, 1.02, 1.03, 0.98), strict=True):
        parameters = camera.lens.parameters * [factor, factor, 1, 1, 1.1, 1, 1, 1, 1]
        start.append(replace(camera, lens=camera.lens.with_parameters(parameters)))
    problem = BundleProblem(pixels, np.ones((4, 80)), FREEDOMS["everything"], pixel_velocity=velocity)
    bundle = problem.solve(start, points)
    np.testing.assert_allclose(bundle.time_offsets, offsets, atol=1e-9)
    for found, camera in zip(bundle.cameras, truth, strict=True):
        np.testing.assert_allclose(found.lens.parameters, camera.lens.parameters, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(_shape_of(bundle.cameras), _shape_of(truth), atol=1e-9)


def test_a_shared_focal_factor_keeps_the_ratio_between_views() -> None:
    base = ring(3)
    truth = [
        replace(c, lens=c.lens.with_parameters(c.lens.parameters * [f, f, 1, 1, 1, 1, 1, 1]))
        for c, f in zip(base, (1.0, 1.3, 0.8), strict=True)
    ]
    points = room_points((60,))
    pixels = pictures(tuple(truth), points)
    start = [replace(c, lens=c.lens.with_parameters(c.lens.parameters * [1.06, 1.06, 1, 1, 1, 1, 1, 1])) for c in truth]
    bundle = BundleProblem(pixels, np.ones((3, 60)), Freedom(focal="shared")).solve(start, points)
    focals = [c.lens.focal for c in bundle.cameras]
    np.testing.assert_allclose(focals, [c.lens.focal for c in truth], rtol=1e-8)


def _solved(seed: int = 0, freedom: Freedom | None = None) -> tuple[BundleProblem, Bundle, ndarray, ndarray]:
    cameras = ring(4)
    points, pixels = _noisy(cameras, 60, 1.0, seed)
    weights = np.random.default_rng(seed).uniform(0.3, 1, (4, 60))
    problem = BundleProblem(pixels, weights, freedom)
    return problem, problem.solve(cameras, points, tolerance=1e-15), pixels, weights


def test_the_gradient_vanishes_at_the_optimum() -> None:
    problem, bundle, _, _ = _solved(freedom=Freedom(focal="each", distortion=True))
    state = _State(bundle.cameras, bundle.time_offsets, bundle.points.T)
    normal = problem._normal_equations(state)
    # In standard deviations of each parameter: what is left to gain is nothing.
    assert np.abs(normal.gradient / np.sqrt(np.diag(normal.matrix))).max() < 1e-6


def test_the_answer_moves_with_the_world() -> None:
    _, bundle, pixels, weights = _solved()
    world = Rigid.from_rotvec(np.array([0.3, -1.0, 2.0]), np.array([5.0, -3.0, 2.0]))
    scale = 3.0
    cameras = [c.moved(world, scale) for c in ring(4)]
    points = world.apply(scale * room_points((60,)))
    again = BundleProblem(pixels, weights).solve(cameras, points, tolerance=1e-15)
    np.testing.assert_allclose(again.residual, bundle.residual, atol=1e-5)
    np.testing.assert_allclose(_shape_of(again.cameras), _shape_of(bundle.cameras), atol=1e-7)
    assert again.sigma_px == pytest.approx(bundle.sigma_px, rel=1e-9)
    for view in range(1, 4):
        np.testing.assert_allclose(
            again.covariance.relative_rotation(0, view), bundle.covariance.relative_rotation(0, view), rtol=1e-4
        )
    ours, theirs = bundle.covariance.aligned(), again.covariance.aligned()
    turn = np.kron(np.diag([1.0, scale]), world.rotation)
    np.testing.assert_allclose(theirs, turn @ ours @ turn.T, rtol=1e-3, atol=1e-12)


def test_the_order_of_views_and_points_does_not_matter() -> None:
    _, bundle, pixels, weights = _solved()
    views, order = [2, 0, 3, 1], np.random.default_rng(0).permutation(60)
    cameras = ring(4)
    again = BundleProblem(pixels[views][:, order], weights[views][:, order]).solve(
        [cameras[view] for view in views], room_points((60,))[order], tolerance=1e-15
    )
    np.testing.assert_allclose(again.residual, bundle.residual[views][:, order], atol=1e-5)
    assert again.sigma_px == pytest.approx(bundle.sigma_px, rel=1e-9)
    back = [again.cameras[views.index(view)] for view in range(4)]
    np.testing.assert_allclose(_shape_of(tuple(back)), _shape_of(bundle.cameras), atol=1e-7)
    np.testing.assert_allclose(again.covariance.aligned(), bundle.covariance.aligned()[views], rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("freedom", [Freedom(), Freedom(focal="each", distortion=True)], ids=["motions", "lenses"])
def test_a_view_or_a_point_that_is_not_observed_changes_nothing(freedom: Freedom) -> None:
    _, bundle, pixels, weights = _solved(freedom=freedom)
    cameras, points = ring(4), room_points((60,))
    blind = Camera(LENSES["brown4"], Rigid.from_rotvec(np.array([0.1, 0.2, 0.3]), np.zeros(3)), (1920, 1080))
    wide = np.concatenate([np.concatenate([pixels, np.full((4, 2, 2), 7.0)], axis=1), np.full((1, 62, 2), 99.0)])
    seen = np.zeros((5, 62))
    seen[:4, :60] = weights
    again = BundleProblem(wide, seen, freedom).solve(
        [*cameras, blind], np.concatenate([points, [[0.1, 0.2, 0.3], [50.0, 0, 0]]]), tolerance=1e-15
    )
    np.testing.assert_allclose(again.residual[:4, :60], bundle.residual, atol=1e-5)
    assert not again.residual[4].any()
    assert not again.residual[:, 60:].any()
    np.testing.assert_allclose(again.points[60:], [[0.1, 0.2, 0.3], [50.0, 0, 0]])
    np.testing.assert_allclose(again.cameras[4].cam_from_world.matrix, blind.cam_from_world.matrix, atol=1e-9)
    assert again.sigma_px == pytest.approx(bundle.sigma_px, rel=1e-6)
    for view in range(1, 4):
        np.testing.assert_allclose(
            again.covariance.relative_rotation(0, view), bundle.covariance.relative_rotation(0, view), rtol=1e-3
        )


def test_a_point_seen_once_says_nothing() -> None:
    _, bundle, pixels, weights = _solved()
    wide = np.concatenate([pixels, np.full((4, 3, 2), 500.0)], axis=1)
    seen = np.concatenate([weights, np.zeros((4, 3))], axis=1)
    seen[1, 60:] = 1
    points = np.concatenate([room_points((60,)), [[0, 0, 1.0]] * 3])
    again = BundleProblem(wide, seen).solve(ring(4), points, tolerance=1e-15)
    assert again.sigma_px == pytest.approx(bundle.sigma_px, rel=1e-6)
    np.testing.assert_allclose(_shape_of(again.cameras), _shape_of(bundle.cameras), atol=1e-6)


def test_the_stated_noise_is_the_noise() -> None:
    cameras = ring(4)
    rng = np.random.default_rng(0)
    found = []
    for seed in range(5):
        points, _ = _noisy(cameras, 200, 0.0, seed)
        weights = rng.uniform(0.1, 1, (4, 200))
        pixels = pictures(cameras, points)
        pixels = pixels + rng.normal(0, 2.0, pixels.shape) / np.sqrt(weights)[..., None]
        bundle = BundleProblem(pixels, weights, FREEDOMS["distortion"]).solve(cameras, points)
        found.append(bundle.sigma_px)
    assert np.mean(found) == pytest.approx(2.0, rel=0.03)


def test_a_robust_loss_lowers_the_pull_of_outliers() -> None:
    cameras = ring(4)
    points, clean = _noisy(cameras, 100, 0.5)
    pixels = clean.copy()
    pixels[1, :5] += [120.0, -80.0]
    pixels[2, 5:8] += [-60.0, 150.0]

    def error(pixels: ndarray, robust_px: float | None) -> float:
        bundle = BundleProblem(pixels, np.ones((4, 100)), robust_px=robust_px).solve(cameras, points)
        rotations = [np.stack([c.cam_from_world.rotation for c in rig]) for rig in (bundle.cameras, cameras)]
        return float(angle_between(*(rotation @ rotation[0].T for rotation in rotations)).max())

    floor = error(clean, None)
    assert error(pixels, 1.0) < 2 * floor
    assert error(pixels, None) > 10 * floor


def test_weights_say_how_much_an_observation_counts() -> None:
    """An observation of weight 4 counts as the same one made four times."""
    cameras = ring(3)
    points, pixels = _noisy(cameras, 40, 1.0)
    weights = np.ones((3, 40))
    weights[:, :10] = 4
    heavy = BundleProblem(pixels, weights).solve(cameras, points, tolerance=1e-15)
    repeated = np.concatenate([pixels, *[pixels[:, :10]] * 3], axis=1)
    often = BundleProblem(repeated, np.ones((3, 70))).solve(
        cameras, np.concatenate([points, *[points[:10]] * 3]), tolerance=1e-15
    )
    np.testing.assert_allclose(_shape_of(heavy.cameras), _shape_of(often.cameras), atol=1e-7)


@pytest.mark.parametrize("size", [0.05, 0.15])
def test_a_rough_first_guess_is_enough(size: float) -> None:
    cameras = ring(4)
    points, pixels = _noisy(cameras, 100, 1.0)
    near = BundleProblem(pixels, np.ones((4, 100))).solve(cameras, points)
    far = BundleProblem(pixels, np.ones((4, 100))).solve(_disturbed(cameras, size, 5), points)
    assert _cost(far, np.ones((4, 100))) == pytest.approx(_cost(near, np.ones((4, 100))), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_point_between_two_facing_cameras_ruins_nothing(seed: int) -> None:
    """It has next to no parallax, so that an unguarded step throws it out of the world."""
    cameras = ring(2)
    points = np.concatenate([room_points((80,)), [np.mean([c.centre for c in cameras], axis=0)]])
    points[-1] += [0.003, 0.003, 0.003]
    pixels = pictures(cameras, points) + np.random.default_rng(seed).normal(0, 1.0, (2, 81, 2))
    with_it = BundleProblem(pixels, np.ones((2, 81))).solve(_disturbed(cameras, 0.01), points)
    without = BundleProblem(pixels[:, :80], np.ones((2, 80))).solve(_disturbed(cameras, 0.01), points[:80])
    assert with_it.sigma_px == pytest.approx(without.sigma_px, rel=0.1)
    stated = np.sqrt(np.trace(without.covariance.relative_rotation(0, 1)))
    ours, theirs = (
        b.cameras[0].cam_from_world.rotation @ b.cameras[1].cam_from_world.rotation.T for b in (with_it, without)
    )
    assert angle_between(ours, theirs) < stated


def test_the_noise_counts_what_is_free() -> None:
    """Few points, so that seven parameters more or less would show."""
    cameras = ring(3)
    points, pixels = _noisy(cameras, 8, 1.0)
    bundle = BundleProblem(pixels, np.ones((3, 8))).solve(cameras, points, tolerance=1e-14)
    left = 2 * 3 * 8 - 3 * 8 - (6 * 3 - 7)
    assert bundle.sigma_px == pytest.approx(np.sqrt(np.sum(bundle.residual**2) / left), rel=1e-9)
