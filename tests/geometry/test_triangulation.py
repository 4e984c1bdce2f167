"""Triangulation from n views: exactness, invariances, honesty, and what happens to wrong observations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.geometry.cameras import Camera
from epipose.geometry.epipolar import fundamental_from_cameras
from epipose.geometry.rigid import Rigid
from epipose.geometry.triangulation import dlt, robust, well_determined
from tests.geometry.rigs import BATCH_SHAPES, LENSES, looking_at, pictures, ring, room_points

CAMERAS = ring(4)
MOTION = Rigid.from_rotvec(np.array([0.4, -1.2, 2.0]), np.array([3.0, -1.0, 0.5]))


def noisy(count, sigma, cameras=CAMERAS, seed=0):
    points = room_points((count,), seed)
    noise = np.random.default_rng(seed + 1).normal(0, sigma, (len(cameras), count, 2))
    return points, pictures(cameras, points) + noise


def linear_input(cameras, pixels):
    """Return projections onto ideal points, and the ideal points of `pixels`."""
    ideal = [camera.lens.undistort(seen)[0] for camera, seen in zip(cameras, pixels, strict=True)]
    return np.stack([camera.ideal_from_world for camera in cameras]), np.stack(ideal)


def svd_reference(projections, points, weights, origin, unit):
    """Return the same total least squares problem solved point by point with an SVD."""
    world_from_unit = np.diag([unit, unit, unit, 1.0])
    world_from_unit[:3, 3] = origin
    scaled = projections @ world_from_unit
    rows = points[..., None] * scaled[:, None, 2:] - scaled[:, None, :2]
    rows = np.moveaxis(rows * np.sqrt(weights)[..., None, None], 0, 1).reshape(points.shape[1], -1, 4)
    solution = np.linalg.svd(rows)[2][:, -1]
    return solution[:, :3] / solution[:, 3:] * unit + origin


class TestDlt:
    @pytest.mark.parametrize("shape", [*BATCH_SHAPES, (0,)])
    def test_exact_observations_give_the_exact_point(self, shape):
        points = room_points(shape)
        projections, ideal = linear_input(CAMERAS, pictures(CAMERAS, points))
        found = dlt(projections, ideal, np.ones((4, *shape)))
        assert found.shape == (*shape, 3)
        np.testing.assert_allclose(found, points, atol=1e-10)

    @pytest.mark.parametrize("sigma", [0.5, 30.0, 400.0])
    def test_it_is_the_smallest_singular_vector(self, sigma):
        _, pixels = noisy(300, sigma)
        projections, ideal = linear_input(CAMERAS, pixels)
        weights = np.random.default_rng(5).uniform(0.1, 1, (4, 300))
        centres = np.stack([camera.centre for camera in CAMERAS])
        origin = centres.mean(axis=0)
        unit = np.linalg.norm(centres - origin, axis=1).mean()
        expected = svd_reference(projections, ideal, weights, origin, unit)
        np.testing.assert_allclose(dlt(projections, ideal, weights), expected, rtol=1e-7, atol=1e-9)

    def test_it_moves_with_the_world_and_does_not_care_about_its_unit(self):
        _, pixels = noisy(50, 5.0)
        weights = np.ones((4, 50))
        moved = tuple(camera.moved(MOTION, scale=1000.0) for camera in CAMERAS)
        found, elsewhere = (dlt(*linear_input(cameras, pixels), weights) for cameras in (CAMERAS, moved))
        np.testing.assert_allclose(elsewhere, MOTION.apply(1000 * found), rtol=1e-9, atol=1e-6)

    def test_the_scale_and_sign_of_projections_do_not_matter(self):
        _, pixels = noisy(50, 5.0)
        projections, ideal = linear_input(CAMERAS, pixels)
        scale = np.array([1.0, -3.0, 0.01, 500.0])[:, None, None]
        weights = np.ones((4, 50))
        np.testing.assert_allclose(dlt(scale * projections, ideal, weights), dlt(projections, ideal, weights))

    def test_weights_scale_and_repeat_observations(self):
        _, pixels = noisy(50, 5.0)
        projections, ideal = linear_input(CAMERAS, pixels)
        weights = np.ones((4, 50))
        np.testing.assert_allclose(dlt(projections, ideal, 7 * weights), dlt(projections, ideal, weights))
        weights[1] = 2
        # The same camera listed twice weighs twice; the normalisation then differs, so only nearly the same.
        twice = [0, 1, 1, 2, 3]
        repeated = dlt(projections[twice], ideal[twice], np.ones((5, 50)))
        np.testing.assert_allclose(repeated, dlt(projections, ideal, weights), atol=1e-3)

    def test_whatever_is_seen_is_answered_with_finite_numbers(self):
        _, pixels = noisy(16, 5.0)
        projections, ideal = linear_input(CAMERAS, pixels)
        seen = np.array([[(number >> view) & 1 for number in range(16)] for view in range(4)], float)
        found = dlt(projections, ideal, seen)
        assert np.all(np.isfinite(found))
        np.testing.assert_array_equal(well_determined(projections, found, seen), seen.sum(axis=0) >= 2)


class TestWellDetermined:
    def test_points_behind_a_camera_are_not(self):
        projections, ideal = linear_input(CAMERAS[:2], pictures(CAMERAS[:2], room_points((5,))))
        mirrored = CAMERAS[0].centre + 2 * (CAMERAS[0].centre - room_points((5,)))
        assert not np.any(well_determined(projections, mirrored, np.ones((2, 5))))
        assert np.all(well_determined(-projections, dlt(projections, ideal, np.ones((2, 5))), np.ones((2, 5))))

    def test_nearly_parallel_and_nearly_opposite_rays_do_not_determine_a_point(self):
        beside = CAMERAS[0].moved(Rigid(np.eye(3), np.array([0.0, 0.0, 0.02])))
        projections = np.stack([CAMERAS[0].ideal_from_world, beside.ideal_from_world])
        assert not np.any(well_determined(projections, room_points((5,)), np.ones((2, 5))))


class TestRobust:
    @pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())
    def test_exact_pixels_give_exact_points(self, lens):
        cameras = ring(4, lens=lens)
        points = room_points((20,))
        found = robust(cameras, pictures(cameras, points), np.ones((4, 20)), sigma_px=1.0)
        np.testing.assert_allclose(found.points, points, atol=1e-8)
        assert np.all(found.valid)
        assert np.all(found.used)
        np.testing.assert_allclose(found.residual_px, 0, atol=1e-6)

    @pytest.mark.parametrize("shape", [*BATCH_SHAPES, (0,)])
    @pytest.mark.parametrize("views", [1, 2, 3, 7])
    def test_batch_shapes(self, shape, views):
        cameras = ring(views)
        found = robust(cameras, pictures(cameras, room_points(shape)), np.ones((views, *shape)), sigma_px=1.0)
        assert found.points.shape == (*shape, 3)
        assert found.covariance.shape == (*shape, 3, 3)
        assert found.used.shape == found.residual_px.shape == (views, *shape)
        assert found.valid.shape == shape
        assert np.all(found.valid == (views > 1))

    def test_it_minimises_the_reprojection_error(self):
        _, pixels = noisy(200, 3.0)
        found = robust(CAMERAS, pixels, np.ones((4, 200)), sigma_px=3.0)
        kept = np.all(found.used, axis=0)
        assert kept.mean() > 0.95

        def cost(points):
            return np.sum((pictures(CAMERAS, points) - pixels) ** 2, axis=(0, -1))[kept]

        for step in np.random.default_rng(3).normal(0, 0.003, (10, 1, 3)):
            assert np.mean(cost(found.points + step) > cost(found.points)) > 0.99

    def test_residuals_are_distances_in_real_pixels(self):
        _, pixels = noisy(200, 3.0)
        found = robust(CAMERAS, pixels, np.full((4, 200), 0.25), sigma_px=1.5)
        expected = np.linalg.norm(pictures(CAMERAS, found.points) - pixels, axis=-1)
        np.testing.assert_allclose(found.residual_px, expected, rtol=0.02, atol=0.02)

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 1000), views=st.integers(2, 6))
    def test_the_world_the_order_and_the_unobserved_do_not_matter(self, seed, views):
        cameras = ring(views)
        rng = np.random.default_rng(seed)
        _, pixels = noisy(20, 4.0, cameras, seed)
        pixels += 120 * (rng.random((views, 20, 1)) < 0.08)
        weights = (rng.random((views, 20)) < 0.9) * rng.uniform(0.3, 1, (views, 20))
        found = robust(cameras, pixels, weights, sigma_px=4.0)
        sure = found.valid

        def assert_same_points(points):
            """Equal to a small part of their own uncertainty: opposite views leave one direction all but open."""
            sigma = np.sqrt(np.trace(found.covariance[sure], axis1=-2, axis2=-1))
            assert np.all(np.linalg.norm(points[sure] - found.points[sure], axis=-1) < 1e-4 * sigma + 1e-9)

        moved = robust([camera.moved(MOTION) for camera in cameras], pixels, weights, sigma_px=4.0)
        np.testing.assert_array_equal(moved.valid, sure)
        assert_same_points(MOTION.inverse().apply(moved.points))

        order = rng.permutation(views)
        shuffled = robust([cameras[view] for view in order], pixels[order], weights[order], sigma_px=4.0)
        np.testing.assert_array_equal(shuffled.used, found.used[order])
        assert_same_points(shuffled.points)

        # A further camera that sees nothing: its pixels are anything.
        nothing = np.zeros((1, 20)), np.full((1, 20, 2), 1e4)
        more_weights, more_pixels = (np.concatenate(pair) for pair in zip((weights, pixels), nothing, strict=True))
        more = robust([*cameras, ring(7)[3]], more_pixels, more_weights, sigma_px=4.0)
        assert_same_points(more.points)
        assert not np.any(more.used[-1])
        assert np.all(more.residual_px[-1] == 0)

    def test_the_covariance_turns_with_the_world(self):
        _, pixels = noisy(20, 2.0)
        found, moved = (
            robust(cameras, pixels, np.ones((4, 20)), sigma_px=2.0)
            for cameras in (CAMERAS, [camera.moved(MOTION, scale=1000.0) for camera in CAMERAS])
        )
        turned = 1e6 * MOTION.rotation @ found.covariance @ MOTION.rotation.T
        np.testing.assert_allclose(moved.covariance, turned, rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize("views", [2, 3, 4, 8])
    def test_the_covariance_is_honest(self, views):
        """Squared errors, measured in the stated covariance, follow chi-square with three degrees of freedom."""
        cameras = ring(views, lens=LENSES["human36m"]) if views != 2 else ring(5, lens=LENSES["human36m"])[:2]
        points, pixels = noisy(4000, 2.0, cameras)
        rng = np.random.default_rng(9)
        weights = rng.uniform(0.2, 1, (views, 4000))
        exact = pictures(cameras, points)
        pixels = exact + (pixels - exact) / np.sqrt(weights)[..., None]
        found = robust(cameras, pixels, weights, sigma_px=2.0)
        assert found.valid.mean() > 0.99
        error = (found.points - points)[found.valid]
        squared = np.einsum("ni,nij,nj->n", error, np.linalg.inv(found.covariance[found.valid]), error)
        np.testing.assert_allclose(squared.mean(), 3.0, rtol=0.06)
        np.testing.assert_allclose(np.median(squared), 2.366, rtol=0.06)

    @pytest.mark.parametrize("views", [4, 5, 8])
    def test_wrong_observations_are_dropped_and_do_no_harm(self, views):
        cameras = ring(views)
        points, pixels = noisy(600, 2.0, cameras)
        clean = robust(cameras, pixels, np.ones((views, 600)), sigma_px=2.0)
        rng = np.random.default_rng(4)
        wrong = np.arange(views)[:, None] == rng.integers(0, views, 600)
        angle = rng.uniform(0, 2 * np.pi, 600)
        leap = rng.uniform(40, 300, 600)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        found = robust(cameras, pixels + wrong[..., None] * leap, np.ones((views, 600)), sigma_px=2.0)
        assert not np.any(found.used & wrong)
        assert found.used[~wrong].mean() > 0.97
        assert found.valid.mean() > 0.97
        assert np.all(found.residual_px[wrong] > 20)

        def mean_error(result):
            return np.linalg.norm(result.points - points, axis=-1)[found.valid].mean()

        assert mean_error(found) < 1.35 * mean_error(clean)

    def test_two_views_that_contradict_each_other_are_not_trusted(self):
        _, pixels = noisy(50, 1.0)
        pixels = pixels[:2] + np.array([[[0.0, 0.0]], [[0.0, 150.0]]])
        found = robust(CAMERAS[:2], pixels, np.ones((2, 50)), sigma_px=1.0)
        assert not np.any(found.valid)
        assert not np.any(found.used)
        assert np.all(np.isfinite(found.points))

    def test_two_views_are_judged_together(self):
        """Rays that miss each other by 4.5 sigma, of which each view is charged 3.2."""
        a, b = ring(4, lens=LENSES["pinhole"])[:2]
        _, pixels = noisy(50, 0.0, (a, b))
        lines = np.stack([*pixels[0].T, np.ones(50)], axis=-1) @ fundamental_from_cameras(a, b).T
        across = lines[:, :2] / np.linalg.norm(lines[:, :2], axis=-1, keepdims=True)
        for sigmas, expected in ((1.0, True), (4.5, False)):
            shifted = np.stack([pixels[0], pixels[1] + sigmas * np.sqrt(2) * across])
            found = robust((a, b), shifted, np.ones((2, 50)), sigma_px=1.0)
            assert np.all(found.valid == expected)

    def test_a_pixel_that_its_lens_cannot_make_counts_as_missing(self):
        points, pixels = noisy(20, 1.0)
        expected = robust(CAMERAS[:3], pixels[:3], np.ones((3, 20)), sigma_px=1.0)
        pixels[3] = [1e5, -1e5]
        found = robust(CAMERAS, pixels, np.ones((4, 20)), sigma_px=1.0)
        assert not np.any(found.used[3])
        assert np.all(found.residual_px[3] == 0)
        np.testing.assert_allclose(found.points, expected.points, atol=1e-6)
        assert np.linalg.norm(found.points - points, axis=-1).max() < 0.05

    def test_of_three_views_the_pair_that_agrees_wins_unless_another_agrees_as_well(self):
        cameras = ring(3)
        points, pixels = noisy(300, 1.0, cameras)
        pixels[0] += np.random.default_rng(0).normal(0, 100, (300, 2))
        found = robust(cameras, pixels, np.ones((3, 300)), sigma_px=1.0)
        error = np.linalg.norm(found.points - points, axis=-1)
        assert found.valid.mean() > 0.8
        assert np.mean(error[found.valid] < 0.03) > 0.98

    def test_points_behind_the_cameras_are_never_valid(self):
        """Cameras with their backs to the room: the lines of their pixels meet, but behind them."""
        cameras = tuple(
            Camera(LENSES["pinhole"], looking_at(camera.centre, camera.centre * [2.0, 2.0, 1.0]), (1920, 1080))
            for camera in ring(3)
        )
        points = room_points((20,))
        ideal = [moved[:, :2] / moved[:, 2:] for moved in (camera.cam_from_world.apply(points) for camera in cameras)]
        assert not any(np.any(camera.project(points)[1]) for camera in cameras)
        pixels = np.stack(ideal) * LENSES["pinhole"].focal + LENSES["pinhole"].centre
        found = robust(cameras, pixels, np.ones((3, 20)), sigma_px=1.0)
        assert not np.any(found.valid)

    def test_an_inverted_camera_is_noticed(self):
        """Fails if `cam_from_world` were taken for its inverse anywhere on the way."""
        inverted = [type(camera)(camera.lens, camera.cam_from_world.inverse(), camera.size_wh) for camera in CAMERAS]
        _, pixels = noisy(100, 1.0)
        assert robust(CAMERAS, pixels, np.ones((4, 100)), sigma_px=1.0).valid.mean() > 0.95
        assert robust(inverted, pixels, np.ones((4, 100)), sigma_px=1.0).valid.mean() < 0.3
