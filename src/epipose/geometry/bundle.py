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
from epipose.geometry.rigid import Rigid

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
    points: Float[ndarray, "n 3"]


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
        self.pixels, self.weights = pixels, weights
        self.freedom = freedom or Freedom()
        self.robust_px = robust_px
        self.velocity = np.zeros_like(pixels) if pixel_velocity is None else pixel_velocity

    def solve(
        self, cameras: Sequence[Camera], points: Float[ndarray, "n 3"], *, max_steps: int = 50, tolerance: float = 1e-7
    ) -> Bundle:
        """Return the optimum near the given cameras and points (Levenberg-Marquardt on the cameras)."""
        state = self._with_best_points(_State(tuple(cameras), np.zeros(len(cameras)), points), steps=5)
        cost = self._cost(state)
        damping = 1e-4
        for _ in range(max_steps):
            normal = self._normal_equations(state)
            while damping < 1e8:
                trial = self._moved(state, _damped_step(normal, damping))
                trial_cost = self._cost(trial)
                if trial_cost <= cost:
                    break
                damping *= 8
            else:
                break
            gain = (cost - trial_cost) / max(cost, 1e-300)
            state, cost, damping = trial, trial_cost, max(damping / 8, 1e-9)
            if gain < tolerance:
                break
        return self._finished(state)

    def _finished(self, state: _State) -> Bundle:
        residual = self._residual(state)
        weights = self._loss_weights(residual)
        observed = weights > 0
        free = 2 * observed.sum() - 3 * np.any(observed, axis=0).sum() - self._parameter_count(state) + 7
        sigma = float(np.sqrt(np.sum(weights[..., None] * residual**2) / max(free, 1)))
        normal = self._normal_equations(state)
        covariance = BundleCovariance.from_information(normal.matrix, state.cameras, sigma)
        residual = np.where(observed[..., None], residual, 0.0)
        return Bundle(state.cameras, state.points, state.offsets, residual, sigma, covariance)

    def _parameter_count(self, state: _State) -> int:
        return 6 * len(state.cameras) + self._free_columns(state.cameras[0], 0, len(state.cameras)).shape[1]

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
        """Return the state after a step of the parameters, with the points at their optimum."""
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
        return self._with_best_points(_State(tuple(cameras), offsets, state.points), steps=2)

    def _residual(self, state: _State) -> Float[ndarray, "views n 2"]:
        projected = np.stack([camera.project(state.points)[0] for camera in state.cameras])
        return projected - self._observed(state.offsets)

    def _observed(self, offsets: Float[ndarray, "views"]) -> Float[ndarray, "views n 2"]:
        return self.pixels + self.velocity * offsets[:, None, None]

    def _loss_weights(self, residual: Float[ndarray, "views n 2"]) -> Float[ndarray, "views n"]:
        if self.robust_px is None:
            return self.weights
        squared = self.weights * np.sum(residual**2, axis=-1)
        return self.weights / (1 + squared / self.robust_px**2)

    def _cost(self, state: _State) -> float:
        squared = self.weights * np.sum(self._residual(state) ** 2, axis=-1)
        if self.robust_px is None:
            return float(squared.sum())
        return float(self.robust_px**2 * np.log1p(squared / self.robust_px**2).sum())

    def _with_best_points(self, state: _State, *, steps: int) -> _State:
        """Return the state with every point moved to its optimum by damped Gauss-Newton steps."""
        points = state.points
        observed = self._observed(state.offsets)
        for _ in range(steps):
            information = np.zeros((len(points), 3, 3))
            gradient = np.zeros((len(points), 3))
            for view, camera in enumerate(state.cameras):
                pixels, d_camera, _ = camera.lens.derivatives(camera.cam_from_world.apply(points))
                residual = pixels - observed[view]
                d_point = d_camera @ camera.cam_from_world.rotation
                weight = self._one_view_weights(view, residual)[:, None, None]
                weighted = np.swapaxes(d_point, -1, -2) * weight
                information += weighted @ d_point
                gradient += (weighted @ residual[..., None])[..., 0]
            points = points - np.linalg.solve(_conditioned(information), gradient[..., None])[..., 0]
        return state._replace(points=points)

    def _one_view_weights(self, view: int, residual: Float[ndarray, "n 2"]) -> Float[ndarray, "n"]:
        if self.robust_px is None:
            return self.weights[view]
        squared = self.weights[view] * np.sum(residual**2, axis=-1)
        return self.weights[view] / (1 + squared / self.robust_px**2)

    def _normal_equations(self, state: _State) -> _Normal:
        views, count = len(state.cameras), len(state.points)
        free = self._parameter_count(state) - 6 * views
        size = 6 * views + free
        matrix, gradient = np.zeros((size, size)), np.zeros(size)
        information = np.zeros((count, 3, 3))
        cross = np.zeros((count, 3, size))
        observed = self._observed(state.offsets)
        for view, camera in enumerate(state.cameras):
            columns = [*range(6 * view, 6 * view + 6), *range(6 * views, size)]
            residual, d_point, d_parameters = self._linearised(camera, view, views, state.points, observed[view])
            root = np.sqrt(self._one_view_weights(view, residual))[:, None]
            flat = (d_parameters * root[..., None]).reshape(2 * count, -1)
            matrix[np.ix_(columns, columns)] += flat.T @ flat
            gradient[columns] += flat.T @ (residual * root).ravel()
            weighted = np.swapaxes(d_point, -1, -2) * (root**2)[..., None]
            information += weighted @ d_point
            cross[:, :, columns] += weighted @ d_parameters
        whitener = np.linalg.inv(np.linalg.cholesky(_conditioned(information)))
        whitened = (whitener @ cross).reshape(3 * count, size)
        return _Normal(matrix - whitened.T @ whitened, gradient)

    def _linearised(
        self,
        camera: Camera,
        view: int,
        views: int,
        points: Float[ndarray, "n 3"],
        observed: Float[ndarray, "n 2"],
    ) -> tuple[Float[ndarray, "n 2"], Float[ndarray, "n 2 3"], Float[ndarray, "n 2 p"]]:
        """Return one view's residuals and their derivatives by the points and by (turn, shift, free parameters)."""
        in_camera = camera.cam_from_world.apply(points)
        pixels, d_camera, d_lens = camera.lens.derivatives(in_camera)
        free = self._free_columns(camera, view, views)
        d_free = d_lens @ free[:-1] - self.velocity[view][..., None] * free[-1]
        d_turn = np.cross(in_camera[:, None, :], d_camera)
        return pixels - observed, d_camera @ camera.cam_from_world.rotation, np.concatenate([d_turn, d_camera, d_free], -1)


def _conditioned(information: Float[ndarray, "n 3 3"]) -> Float[ndarray, "n 3 3"]:
    """Add a trace of damping, so that a point nobody sees or a ray without parallax stays where it is."""
    trace = np.trace(information, axis1=-2, axis2=-1)[..., None, None]
    return information + np.eye(3) * (1e-9 * trace + 1e-9)


def _damped_step(normal: _Normal, damping: float) -> Float[ndarray, "k"]:
    diagonal = np.diag(normal.matrix)
    damped = normal.matrix + np.diag(damping * diagonal + 1e-12 * diagonal.max())
    return -np.linalg.solve(damped, normal.gradient)
