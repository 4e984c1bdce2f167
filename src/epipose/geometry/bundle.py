"""Bundle adjustment: cameras (and, if asked, focal lengths, distortion, time offsets) that best explain all pixels.

Variable projection (Golub and Pereyra 1973): the points are eliminated, so the problem has only the cameras' few
parameters. For every trial the points are moved to their optimum; the cameras' normal equations are the Schur
complement, which is Gauss-Newton on the projected problem (Kaufman's form).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.bundle_covariance import BundleCovariance
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import MIN_DEPTH
from epipose.geometry.rigid import Rigid
from epipose.threads import one_blas_thread

K1 = 4
"""Where the first radial coefficient stands among the parameters of a distorted lens."""


@dataclass(frozen=True)
class Freedom:
    """What bundle adjustment may change besides where the cameras stand."""

    focal: Literal["fixed", "shared", "each"] = "fixed"
    """One factor on every view's focal length, or one factor for each view."""
    distortion: bool = False
    """The first radial coefficient of every lens that has one."""
    time_offsets: bool = False
    """A time offset of each view against the first, in seconds; needs `pixel_velocity`."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """Adjusted cameras and points, with what is known about their errors."""

    cameras: tuple[Camera, ...]
    points: Float[ndarray, "n 3"]
    time_offsets: Float[ndarray, "views"]
    """Seconds by which to shift each view's clock: a pixel of time t belongs to t - offset."""
    residual: Float[ndarray, "views n 2"]
    """Reprojection minus observation in pixels, 0 where nothing was observed."""
    sigma_px: float
    """Standard deviation of an observation of weight 1, from the residuals and the degrees of freedom."""
    covariance: BundleCovariance


class _State(NamedTuple):
    cameras: tuple[Camera, ...]
    offsets: Float[ndarray, "views"]
    points: Float[ndarray, "3 n"]
    """One row an axis: arrays of one number each are several times faster than batches of small matrices."""


class _Sight(NamedTuple):
    """What one view makes of the points."""

    residual: Float[ndarray, "2 n"]
    in_camera: Float[ndarray, "3 n"]
    by_camera: Float[ndarray, "2 3 n"]
    """Derivatives of the pixels by the point in camera axes."""
    by_point: Float[ndarray, "2 3 n"]
    """Derivatives of the pixels by the point in the world."""


class _Normal(NamedTuple):
    """Normal equations of the cameras after the points are eliminated."""

    matrix: Float[ndarray, "k k"]
    gradient: Float[ndarray, "k"]


class BundleProblem:
    """The observations and the choice of free parameters; `solve` is called with a first guess."""

    def __init__(
        self,
        pixels: Float[ndarray, "views n 2"],
        weights: Float[ndarray, "views n"],
        freedom: Freedom | None = None,
        *,
        robust_px: float | None = None,
        pixel_velocity: Float[ndarray, "views n 2"] | None = None,
    ) -> None:
        """Take `pixels` of n points with inverse-variance `weights` (0: not observed).

        `robust_px` is the scale of a Cauchy loss (None: least squares); `pixel_velocity` is in pixels per second.
        """
        self.pixels, self.weights = np.swapaxes(pixels, 1, 2), weights
        self.freedom = freedom or Freedom()
        self.robust_px = robust_px
        self.velocity = np.zeros_like(self.pixels) if pixel_velocity is None else np.swapaxes(pixel_velocity, 1, 2)

    @one_blas_thread
    def solve(
        self, cameras: Sequence[Camera], points: Float[ndarray, "n 3"], *, max_steps: int = 50, tolerance: float = 1e-8
    ) -> Bundle:
        """Return the optimum near the given cameras and points (Levenberg-Marquardt on the cameras).

        It ends when a step promises to lower the cost by less than `tolerance` times the cost.
        """
        state, cost = self._with_best_points(_State(tuple(cameras), np.zeros(len(cameras)), points.T), steps=4)
        damping = 1e-4
        for _ in range(max_steps):
            normal = self._normal_equations(state)
            step = _damped_step(normal, damping)
            trial, trial_cost = self._with_best_points(self._moved(state, step), steps=1)
            promised = -float(normal.gradient @ step)
            if trial_cost <= cost:
                state, cost, damping = trial, trial_cost, max(damping / 10, 1e-9)
            else:
                damping *= 10
            if promised < tolerance * cost or damping > 1e8:
                break
        state, _ = self._with_best_points(state, steps=2)
        return self._finished(state)

    def _finished(self, state: _State) -> Bundle:
        residual = np.stack([self._sight(state, view).residual for view in range(len(state.cameras))])
        weights = self._loss_weights(residual, self.weights)
        observed = weights > 0
        normal = self._normal_equations(state)
        # What nothing was seen of is no parameter: a blind view, k1 of a lens without, the depth of a point seen once.
        parameters = np.count_nonzero(np.diag(normal.matrix)) - 7
        free = np.sum(np.maximum(2 * observed.sum(axis=0) - 3, 0)) - parameters
        sigma = float(np.sqrt(np.sum(weights[:, None] * residual**2) / max(free, 1)))
        covariance = BundleCovariance.from_information(normal.matrix, state.cameras, sigma)
        residual = np.swapaxes(np.where(observed[:, None], residual, 0.0), 1, 2)
        return Bundle(state.cameras, state.points.T, state.offsets, residual, sigma, covariance)

    def _parameter_count(self, state: _State) -> int:
        return 6 * len(state.cameras) + int(self._free_columns(state.cameras[0], 0, len(state.cameras)).shape[1])

    def _free_columns(self, camera: Camera, view: int, views: int) -> Float[ndarray, "n f"]:
        """Return how the free parameters beyond the motions move one view's lens parameters, then its clock (last row).

        Focal factors are logarithms; the first view's clock is the reference.
        """
        lens = camera.lens
        size = len(lens.parameters)
        columns = []
        if self.freedom.focal != "fixed":
            shared = self.freedom.focal == "shared"
            block = np.zeros((size + 1, 1 if shared else views))
            block[:2, 0 if shared else view] = lens.focal
            columns.append(block)
        if self.freedom.distortion:
            block = np.zeros((size + 1, views))
            if lens.coefficients:
                block[K1, view] = 1
            columns.append(block)
        if self.freedom.time_offsets:
            block = np.zeros((size + 1, views - 1))
            if view:
                block[size, view - 1] = 1
            columns.append(block)
        return np.concatenate(columns, axis=1) if columns else np.zeros((size + 1, 0))

    def _moved(self, state: _State, step: Float[ndarray, "k"]) -> _State:
        """Return the state after a step of the parameters; the points stay."""
        views = len(state.cameras)
        cameras, offsets = [], state.offsets.copy()
        for view, camera in enumerate(state.cameras):
            turn, shift = step[6 * view : 6 * view + 3], step[6 * view + 3 : 6 * view + 6]
            change = self._free_columns(camera, view, views) @ step[6 * views :]
            lens = camera.lens
            if np.any(change[:-1]):
                parameters = lens.parameters + change[:-1]
                parameters[:2] = np.asarray(lens.focal) * np.exp(change[:2] / lens.focal)
                lens = lens.with_parameters(parameters)
            motion = Rigid.from_rotvec(turn, shift) @ camera.cam_from_world
            cameras.append(replace(camera, lens=lens, cam_from_world=motion))
            offsets[view] += change[-1]
        return _State(tuple(cameras), offsets, state.points)

    def _sight(self, state: _State, view: int) -> _Sight:
        camera = state.cameras[view]
        motion, lens = camera.cam_from_world, camera.lens
        in_camera = motion.rotation @ state.points + motion.translation[:, None]
        inverse_depth = 1 / np.maximum(in_camera[2], MIN_DEPTH)
        x, y = in_camera[0] * inverse_depth, in_camera[1] * inverse_depth
        warp = lens.warp(x, y)
        observed = self.pixels[view] + self.velocity[view] * state.offsets[view]
        residual = np.empty_like(observed)
        by_camera = np.empty((2, 3, len(x)))
        rows = (warp.x, warp.x_by_x, warp.x_by_y), (warp.y, warp.y_by_x, warp.y_by_y)
        for axis, (value, by_x, by_y) in enumerate(rows):
            residual[axis] = value * lens.focal[axis] + lens.centre[axis] - observed[axis]
            by_camera[axis, 0] = by_x * (lens.focal[axis] * inverse_depth)
            by_camera[axis, 1] = by_y * (lens.focal[axis] * inverse_depth)
            by_camera[axis, 2] = -(by_camera[axis, 0] * x + by_camera[axis, 1] * y)
        return _Sight(residual, in_camera, by_camera, motion.rotation.T @ by_camera)

    def _by_parameters(self, state: _State, view: int, sight: _Sight) -> Float[ndarray, "p 2 n"]:
        """Derivatives of one view's residuals by its turn, its shift and the free parameters."""
        camera = state.cameras[view]
        free = self._free_columns(camera, view, len(state.cameras))
        result = np.empty((6 + free.shape[1], *sight.residual.shape))
        x, y, z = sight.in_camera
        for axis in range(2):
            by_x, by_y, by_z = sight.by_camera[axis]
            result[0, axis] = y * by_z - z * by_y
            result[1, axis] = z * by_x - x * by_z
            result[2, axis] = x * by_y - y * by_x
        result[3:6] = np.swapaxes(sight.by_camera, 0, 1)
        if np.any(free[:-1]):
            _, _, by_lens = camera.lens.derivatives(sight.in_camera.T)
            result[6:] = np.transpose(by_lens @ free[:-1], (2, 1, 0))
        else:
            result[6:] = 0
        result[6:] -= free[-1][:, None, None] * self.velocity[view]
        return result

    def _loss_weights(
        self, residual: Float[ndarray, "*v 2 n"], weights: Float[ndarray, "*v n"]
    ) -> Float[ndarray, "*v n"]:
        """Return the weights with which least squares has the gradient of the robust loss."""
        if self.robust_px is None:
            return weights
        return np.asarray(weights / (1 + weights * np.sum(residual**2, axis=-2) / self.robust_px**2))

    def _costs(self, state: _State) -> Float[ndarray, "n"]:
        """Return what each point costs, over all views."""
        return np.asarray(sum(self._view_costs(self._sight(state, v), v) for v in range(len(state.cameras))))

    def _view_costs(self, sight: _Sight, view: int) -> Float[ndarray, "n"]:
        squared = self.weights[view] * np.sum(sight.residual**2, axis=0)
        if self.robust_px is None:
            return np.asarray(squared)
        return np.asarray(self.robust_px**2 * np.log1p(squared / self.robust_px**2))

    def _with_best_points(self, state: _State, *, steps: int) -> tuple[_State, float]:
        """Return the state with every point moved towards its optimum by Gauss-Newton steps, and its cost.

        A point seen under little parallax may leap to where it fits worse: it goes part of the way, or stays.
        """
        costs = np.zeros(0)
        for _ in range(steps):
            before, step = self._point_steps(state)
            for shrink in (0.1, 0.0):
                costs = self._costs(state._replace(points=state.points + step))
                worse = costs > before * (1 + 1e-9) + 1e-12
                if not np.any(worse):
                    break
                step[:, worse] *= shrink
                costs = np.where(worse, before, costs)
            state = state._replace(points=state.points + step)
            if costs.sum() > (1 - 1e-9) * before.sum():
                break
        return state, float(costs.sum())

    def _point_steps(self, state: _State) -> tuple[Float[ndarray, "n"], Float[ndarray, "3 n"]]:
        """Return what each point costs, and its Gauss-Newton step."""
        count = state.points.shape[1]
        costs, information, gradient = np.zeros(count), np.zeros((6, count)), np.zeros((3, count))
        for view in range(len(state.cameras)):
            sight = self._sight(state, view)
            costs += self._view_costs(sight, view)
            weight = self._loss_weights(sight.residual, self.weights[view])
            _add_point_equations(sight, weight, information, gradient)
        return costs, -_apply(_inverse_3x3(information), gradient)

    def _normal_equations(self, state: _State) -> _Normal:
        views, count = len(state.cameras), state.points.shape[1]
        size = self._parameter_count(state)
        matrix, gradient = np.zeros((size, size)), np.zeros(size)
        information, point_gradient = np.zeros((6, count)), np.zeros((3, count))
        cross = np.zeros((size, 3, count))
        for view in range(views):
            columns = [*range(6 * view, 6 * view + 6), *range(6 * views, size)]
            sight = self._sight(state, view)
            weight = self._loss_weights(sight.residual, self.weights[view])
            by_parameters = self._by_parameters(state, view, sight)
            weighted = by_parameters * weight
            flat = weighted.reshape(len(columns), -1)
            matrix[np.ix_(columns, columns)] += flat @ by_parameters.reshape(len(columns), -1).T
            gradient[columns] += flat @ sight.residual.ravel()
            for axis in range(3):
                cross[columns, axis] += (
                    weighted[:, 0] * sight.by_point[0, axis] + weighted[:, 1] * sight.by_point[1, axis]
                )
            _add_point_equations(sight, weight, information, point_gradient)
        inverse = _inverse_3x3(information)
        eliminated = np.stack([_apply(inverse, rows) for rows in cross]).reshape(size, -1)
        # The points are at their optimum only to first order; the second term accounts for what is left.
        return _Normal(matrix - eliminated @ cross.reshape(size, -1).T, gradient - eliminated @ point_gradient.ravel())


def _add_point_equations(
    sight: _Sight, weight: Float[ndarray, "n"], information: Float[ndarray, "6 n"], gradient: Float[ndarray, "3 n"]
) -> None:
    """Add one view's share to the normal equations of the points (entries xx, xy, xz, yy, yz, zz)."""
    weighted = sight.by_point * weight
    for entry, (row, column) in enumerate(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))):
        information[entry] += (
            weighted[0, row] * sight.by_point[0, column] + weighted[1, row] * sight.by_point[1, column]
        )
    gradient += weighted[0] * sight.residual[0] + weighted[1] * sight.residual[1]


def _inverse_3x3(symmetric: Float[ndarray, "6 n"]) -> Float[ndarray, "6 n"]:
    """Invert symmetric matrices given by entries xx, xy, xz, yy, yz, zz.

    A trace of damping keeps a point that nobody sees, or that has no parallax, where it is.
    """
    xx, xy, xz, yy, yz, zz = symmetric
    damping = 1e-9 * (xx + yy + zz) + 1e-9
    xx, yy, zz = xx + damping, yy + damping, zz + damping
    cofactors = np.stack(
        [
            yy * zz - yz * yz,
            xz * yz - xy * zz,
            xy * yz - xz * yy,
            xx * zz - xz * xz,
            xy * xz - xx * yz,
            xx * yy - xy * xy,
        ]
    )
    return np.asarray(cofactors / (xx * cofactors[0] + xy * cofactors[1] + xz * cofactors[2]))


def _apply(symmetric: Float[ndarray, "6 n"], vectors: Float[ndarray, "3 n"]) -> Float[ndarray, "3 n"]:
    """Multiply vectors by symmetric matrices given by six entries."""
    xx, xy, xz, yy, yz, zz = symmetric
    x, y, z = vectors
    return np.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])


def _damped_step(normal: _Normal, damping: float) -> Float[ndarray, "k"]:
    diagonal = np.diag(normal.matrix)
    damped = normal.matrix + np.diag(damping * diagonal + 1e-12 * diagonal.max())
    return -np.linalg.solve(damped, normal.gradient)
