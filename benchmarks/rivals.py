"""A simple rival in the same run: OpenCV's USAC for pairs of views, then SciPy's least squares over cameras and points.

What an able programmer writes in an afternoon: pooled joints, known lenses, a robust loss against outliers, sparse
numerical derivatives. It does not look for swapped sides.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix

from benchmarks.scenes import Scene
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_rotvec, rotvec_from_rotation

THRESHOLD_PX = 8.0


def usac_and_least_squares(scene: Scene, noise_px: float) -> tuple[Camera, ...]:
    """Return the scene's cameras from its pixels and lenses: the first view is the origin."""
    weights = scene.observations.weight.reshape(len(scene.cameras), -1)
    pixels = scene.observations.pixels.reshape(len(scene.cameras), -1, 2)
    ideal = np.stack([camera.lens.undistort(p)[0] for camera, p in zip(scene.cameras, pixels, strict=True)])
    focal = float(np.mean([camera.lens.focal for camera in scene.cameras]))
    motions, points = _chain(ideal, weights, THRESHOLD_PX / focal)
    motions = _adjusted(ideal, weights, motions, points, noise_px / focal)
    return tuple(
        Camera(camera.lens, motion, camera.size_wh) for camera, motion in zip(scene.cameras, motions, strict=True)
    )


def _chain(
    ideal: Float[ndarray, "views n 2"], weights: Float[ndarray, "views n"], threshold: float
) -> tuple[list[Rigid], Float[ndarray, "n 3"]]:
    """Return each view's motion from the first, scaled to the points of the first pair, and those points (or NaN)."""
    motions, points = [Rigid.identity()], np.full((ideal.shape[1], 3), np.nan)
    for view in range(1, len(ideal)):
        both = np.flatnonzero((weights[0] > 0) & (weights[view] > 0))
        a, b = np.ascontiguousarray(ideal[0, both]), np.ascontiguousarray(ideal[view, both])
        essential, mask = cv2.findEssentialMat(a, b, np.eye(3), method=cv2.USAC_MAGSAC, prob=0.999, threshold=threshold)
        _, rotation, shift, mask = cv2.recoverPose(essential[:3], a, b, np.eye(3), mask=mask)
        motion = Rigid(rotation, shift[:, 0])
        homogeneous = cv2.triangulatePoints(np.eye(3, 4), motion.matrix, a.T, b.T)
        found = np.where(mask > 0, (homogeneous[:3] / homogeneous[3]).T, np.nan)
        ratio = np.nanmedian(points[both, 2] / found[:, 2]) if view > 1 else 1.0
        motions.append(Rigid(rotation, ratio * motion.translation))
        points[both] = np.where(np.isnan(points[both]), ratio * found, points[both])
    return motions, points


def _adjusted(
    ideal: Float[ndarray, "views n 2"],
    weights: Float[ndarray, "views n"],
    motions: Sequence[Rigid],
    points: Float[ndarray, "n 3"],
    noise: float,
) -> list[Rigid]:
    """Return the motions after bundle adjustment of all views but the first, and of the points that have a start."""
    kept = np.all(np.isfinite(points), axis=-1)
    view, point = np.nonzero(weights[:, kept] > 0)
    target = ideal[:, kept][view, point]
    first = 6 * (len(ideal) - 1)
    start = [np.concatenate([rotvec_from_rotation(m.rotation), m.translation]) for m in motions[1:]]

    def unpacked(vector: ndarray) -> tuple[Float[ndarray, "views 3 3"], Float[ndarray, "views 3"]]:
        moved = np.concatenate([np.zeros((1, 6)), vector[:first].reshape(-1, 6)])
        return rotation_from_rotvec(moved[:, :3]), moved[:, 3:]

    def residual(vector: ndarray) -> ndarray:
        rotations, shifts = unpacked(vector)
        seen = vector[first:].reshape(-1, 3)[point]
        in_camera = np.einsum("nij,nj->ni", rotations[view], seen) + shifts[view]
        return np.asarray((in_camera[:, :2] / in_camera[:, 2:] - target).ravel() / noise)

    sparsity = lil_matrix((2 * len(view), first + 3 * int(kept.sum())), dtype=int)
    rows = np.arange(len(view))
    for axis in range(2):
        for column in range(3):
            sparsity[2 * rows + axis, first + 3 * point + column] = 1
        moving = view > 0
        for column in range(6):
            sparsity[2 * rows[moving] + axis, 6 * (view[moving] - 1) + column] = 1
    found = least_squares(
        residual,
        np.concatenate([*start, points[kept].ravel()]),
        jac_sparsity=sparsity,
        loss="soft_l1",
        x_scale="jac",
        method="trf",
        ftol=1e-5,
        tr_options={"maxiter": 100},
    )
    rotations, shifts = unpacked(found.x)
    return [Rigid(rotation, shift) for rotation, shift in zip(rotations, shifts, strict=True)]
