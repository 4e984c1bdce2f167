"""Bundle adjustment with boards in place of points: all corners refine the poses of all cameras and boards."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import nearest_rotation, rotation_from_rotvec, skew

ROBUST_PX = (3.0, 1.0, 0.3)
"""Residuals well above this count less and less (Cauchy): wide for a rough start, then narrow, as corners are."""
MOST_STEPS = 50


@dataclass(frozen=True, eq=False)
class Sighting:
    """One board seen by one camera."""

    camera: int
    board: int
    lens: Lens
    points: Float[ndarray, "corners 3"]
    """On the board, in metres."""
    pixels: Float[ndarray, "corners 2"]


def refine(
    cameras: list[Rigid], boards: list[Rigid], sightings: list[Sighting]
) -> tuple[list[Rigid], list[Rigid], list[float]]:
    """Return refined `cam_from_first` and `first_from_board`, and each sighting's root mean square error in pixels.

    The first camera stays where it is. Levenberg-Marquardt on the poses' tangent space.
    """
    for robust_px in ROBUST_PX:
        cameras, boards = _descended(cameras, boards, sightings, robust_px)
    return cameras, boards, [_rms_px(cameras, boards, sighting) for sighting in sightings]


def _descended(
    cameras: list[Rigid], boards: list[Rigid], sightings: list[Sighting], robust_px: float
) -> tuple[list[Rigid], list[Rigid]]:
    damping = 1e-3
    cost, gradient, hessian = _normal_equations(cameras, boards, sightings, robust_px)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), -gradient)
        # Zero for the first camera.
        steps = np.concatenate([np.zeros(6), step]).reshape(-1, 6)
        new_cameras = [_moved(pose, s) for pose, s in zip(cameras, steps, strict=False)]
        new_boards = [_moved(pose, s) for pose, s in zip(boards, steps[len(cameras) :], strict=True)]
        new_cost, new_gradient, new_hessian = _normal_equations(new_cameras, new_boards, sightings, robust_px)
        if new_cost < cost:
            converged = cost - new_cost < 1e-10 * cost
            cameras, boards, cost, gradient, hessian = new_cameras, new_boards, new_cost, new_gradient, new_hessian
            damping = max(damping / 10, 1e-9)
            if converged:
                break
        elif damping > 1e6:
            break
        else:
            damping *= 10
    return cameras, boards


def _rms_px(cameras: list[Rigid], boards: list[Rigid], s: Sighting) -> float:
    pixels, _ = s.lens.project((cameras[s.camera] @ boards[s.board]).apply(s.points))
    return float(np.sqrt(np.mean(np.sum((pixels - s.pixels) ** 2, axis=-1))))


def _normal_equations(
    cameras: list[Rigid], boards: list[Rigid], sightings: list[Sighting], robust_px: float
) -> tuple[float, Float[ndarray, "n"], Float[ndarray, "n n"]]:
    """Return the cost in square pixels, and gradient and Gauss-Newton Hessian of everything but the first camera."""
    size = 6 * (len(cameras) + len(boards))
    cost, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
    for s in sightings:
        in_first = boards[s.board].apply(s.points)
        in_camera = cameras[s.camera].apply(in_first)
        pixels, d_camera_point, _ = s.lens.derivatives(in_camera)
        residual = pixels - s.pixels
        squared = np.sum(residual**2, axis=-1)
        weight = np.repeat(1 / (1 + squared / robust_px**2), 2)
        cost += float(np.sum(robust_px**2 * np.log1p(squared / robust_px**2)))
        d_first_point = d_camera_point @ cameras[s.camera].rotation
        jacobian = np.concatenate(
            [-d_camera_point @ skew(in_camera), d_camera_point, -d_first_point @ skew(in_first), d_first_point], axis=-1
        ).reshape(-1, 12)
        at_camera, at_board = 6 * s.camera, 6 * (len(cameras) + s.board)
        index = np.concatenate([np.arange(at_camera, at_camera + 6), np.arange(at_board, at_board + 6)])
        gradient[index] += jacobian.T @ (weight * residual.ravel())
        hessian[np.ix_(index, index)] += (jacobian * weight[:, None]).T @ jacobian
    return cost, gradient[6:], hessian[6:, 6:]


def _moved(pose: Rigid, step: Float[ndarray, "6"]) -> Rigid:
    change = Rigid(rotation_from_rotvec(step[:3]), step[3:])
    moved = change @ pose
    return Rigid(nearest_rotation(moved.rotation), moved.translation)
