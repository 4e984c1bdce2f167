"""How close the estimate comes to the Cramer-Rao bound, and whether its stated covariance is its actual spread.

    python -m benchmarks.limits

One scene, many draws of Gaussian noise. The bound is computed at the truth from the Fisher information of all cameras
and points, with numerical derivatives of the cameras' own projection: nothing of bundle adjustment is used. Only
quantities that do not depend on the choice of world are compared: relative rotations, and centres after the similarity
that best lays them on the true ones.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from benchmarks.h36m import calibrated
from benchmarks.measures import centres, laid_on_centres, print_table
from benchmarks.scenes import Corruption, Scene, h36m_scene
from epipose.geometry.alignment import similarity
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotvec_from_rotation, skew

NOISES_PX = (0.5, 5.0)
DRAWS = 50
MOST_OVER_BOUND = 1.15
LEAST_STATED, MOST_STATED = 0.8, 1.25
STEP = 1e-6
"""Of the numerical derivatives, in radians and metres."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Of the relative rotations (rad) and the aligned centres (m): root mean square over pairs, or over cameras."""

    rotation: float
    centre: float


def main(noises_px: Sequence[float] = NOISES_PX, draws: int = DRAWS) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    scene = h36m_scene(Corruption(0.0), seed=0)
    unit_bound = bound(scene, 1.0)
    rows = []
    for noise_px in noises_px:
        lowest = Spread(unit_bound.rotation * noise_px, unit_bound.centre * noise_px)
        with ProcessPoolExecutor(2) as pool:
            drawn = list(pool.map(partial(_draw, scene, noise_px), range(draws), chunksize=5))
        actual, stated = (_root_mean_square([draw[kind] for draw in drawn]) for kind in range(2))
        for quantity, unit, factor in (("rotation", "deg", np.rad2deg(1)), ("centre", "mm", 1000.0)):
            low, real, said = (getattr(spread, quantity) for spread in (lowest, actual, stated))
            row = [f"{noise_px:g} px", f"{quantity}, {unit}", *(f"{factor * value:.4g}" for value in (low, real, said))]
            chance = _chance([getattr(errors, quantity) for errors, _ in drawn])
            row += [
                f"{real / low:.3f} ± {chance * real / low:.3f}",
                "met" if real / low <= MOST_OVER_BOUND else "missed",
            ]
            row += [f"{said / real:.3f}", "met" if LEAST_STATED <= said / real <= MOST_STATED else "missed"]
            rows.append(row)
    header = ["noise", "root mean square of", "bound", "actual", "stated"]
    header += [f"actual / bound (<= {MOST_OVER_BOUND})", "", f"stated / actual ({LEAST_STATED}-{MOST_STATED})", ""]
    print_table(f"Against the Cramer-Rao bound: 4 cameras, 300 frames, {draws} draws of noise", header, rows)


def bound(scene: Scene, noise_px: float) -> Spread:
    """Return the Cramer-Rao bound of what `Spread` holds, at the truth."""
    information = camera_information(scene.cameras, scene.positions.reshape(-1, 3), _seen(scene)) / noise_px**2
    inverse = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
    by_parameters = np.concatenate([*_rotations_by_parameters(scene.cameras)])
    rotations = np.einsum("ij,jk,ik->i", by_parameters, inverse, by_parameters)
    by_parameters = _centres_by_parameters(scene.cameras)
    about = np.einsum("ij,jk,ik->i", by_parameters, inverse, by_parameters)
    return Spread(float(np.sqrt(3 * rotations.mean())), float(np.sqrt(3 * about.mean())))


def camera_information(
    cameras: Sequence[Camera], points: Float[ndarray, "n 3"], seen: Bool[ndarray, "views n"]
) -> Float[ndarray, "k k"]:
    """Return the Fisher information of (turn, shift) of each camera in its own axes for noise of one pixel.

    The points are unknown too; their part of the full information is block diagonal and is eliminated exactly.
    """
    kept = seen.sum(axis=0) >= 2
    points, seen = points[kept], seen[:, kept]
    size = 6 * len(cameras)
    of_cameras, of_points = np.zeros((size, size)), np.zeros((len(points), 3, 3))
    cross = np.zeros((len(points), size, 3))
    for view, camera in enumerate(cameras):
        by_camera = np.stack([_difference(camera, points, parameter) for parameter in range(6)], axis=-1)
        by_point = np.stack([_difference(camera, points, 6 + axis) for axis in range(3)], axis=-1)
        by_camera, by_point = by_camera * seen[view][:, None, None], by_point * seen[view][:, None, None]
        rows = slice(6 * view, 6 * view + 6)
        of_cameras[rows, rows] = np.einsum("nij,nik->jk", by_camera, by_camera)
        of_points += np.einsum("nij,nik->njk", by_point, by_point)
        cross[:, rows] = np.einsum("nij,nik->njk", by_camera, by_point)
    eliminated = np.linalg.solve(of_points, np.swapaxes(cross, 1, 2))
    return np.asarray(of_cameras - np.einsum("njk,nkl->jl", cross, eliminated))


def _difference(camera: Camera, points: Float[ndarray, "n 3"], parameter: int) -> Float[ndarray, "n 2"]:
    """Return the central difference of the pixels by turn (0-2), shift (3-5) or the point itself (6-8)."""
    step = np.zeros(9)
    step[parameter] = STEP
    ends = []
    for sign in (1, -1):
        change = Rigid.from_rotvec(sign * step[:3], sign * step[3:6])
        moved = replace(camera, cam_from_world=change @ camera.cam_from_world)
        ends.append(moved.project(points + sign * step[6:])[0])
    return np.asarray((ends[0] - ends[1]) / (2 * STEP))


def _rotations_by_parameters(cameras: Sequence[Camera]) -> list[Float[ndarray, "3 k"]]:
    """Return how the relative rotation vector of every pair depends on the cameras' turns."""
    derivatives = []
    for i, j in combinations(range(len(cameras)), 2):
        rows = np.zeros((3, 6 * len(cameras)))
        rows[:, 6 * j : 6 * j + 3] = np.eye(3)
        rows[:, 6 * i : 6 * i + 3] = -cameras[j].cam_from_world.rotation @ cameras[i].cam_from_world.rotation.T
        derivatives.append(rows)
    return derivatives


def _centres_by_parameters(cameras: Sequence[Camera]) -> Float[ndarray, "c k"]:
    """Return how the centres depend on the shifts, without the part that a similarity takes away."""
    free = np.zeros((3 * len(cameras), 6 * len(cameras)))
    for view, camera in enumerate(cameras):
        free[3 * view : 3 * view + 3, 6 * view + 3 : 6 * view + 6] = -camera.cam_from_world.rotation.T
    about = centres(cameras) - centres(cameras).mean(axis=0)
    similar = np.concatenate([np.concatenate([np.eye(3), skew(c), c[:, None]], axis=1) for c in about])
    return np.asarray(free - similar @ np.linalg.pinv(similar) @ free)


def _draw(scene: Scene, noise_px: float, draw: int) -> tuple[Spread, Spread]:
    """Return the error of one estimate, and what it states about itself."""
    rng = np.random.default_rng([draw, round(1000 * noise_px)])
    noise = rng.normal(0, noise_px, scene.observations.pixels.shape)
    noisy = replace(scene, observations=replace(scene.observations, pixels=scene.observations.pixels + noise))
    found = calibrated(noisy)
    assert found.covariance is not None
    metres, _ = similarity(centres(found.cameras), centres(scene.cameras))
    pairs = list(combinations(range(len(scene.cameras)), 2))
    turns = [_relative(found.cameras, i, j) @ _relative(scene.cameras, i, j).T for i, j in pairs]
    off = centres(laid_on_centres(found.cameras, scene.cameras)) - centres(scene.cameras)
    actual = Spread(_length(rotvec_from_rotation(np.stack(turns))), _length(off))
    rotations = [np.trace(found.covariance.relative_rotation(i, j)) for i, j in pairs]
    about = [np.trace(block[3:, 3:]) for block in found.covariance.aligned()]
    return actual, Spread(float(np.sqrt(np.mean(rotations))), float(metres * np.sqrt(np.mean(about))))


def _relative(cameras: Sequence[Camera], i: int, j: int) -> Float[ndarray, "3 3"]:
    return np.asarray(cameras[j].cam_from_world.rotation @ cameras[i].cam_from_world.rotation.T)


def _length(vectors: Float[ndarray, "n 3"]) -> float:
    return float(np.sqrt(np.mean(np.sum(vectors**2, axis=-1))))


def _root_mean_square(spreads: Sequence[Spread]) -> Spread:
    rotation, centre = ([getattr(spread, name) for spread in spreads] for name in ("rotation", "centre"))
    return Spread(float(np.sqrt(np.mean(np.square(rotation)))), float(np.sqrt(np.mean(np.square(centre)))))


def _chance(errors: Sequence[float]) -> float:
    """Return the standard deviation of a root mean square over so few draws, as a share of it."""
    squared = np.square(errors)
    return float(squared.std(ddof=1) / squared.mean() / np.sqrt(len(squared)) / 2)


def _seen(scene: Scene) -> Bool[ndarray, "views n"]:
    return scene.observations.weight.reshape(len(scene.cameras), -1) > 0


if __name__ == "__main__":
    main()
