"""Speed and error of triangulation with known cameras, against its rivals in the same run.

    python -m benchmarks.triangulation [speed]

One core: times are of the processor, so that other programs do not count.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scenes import Corruption, Scene, h36m_scene
from epipose.geometry import triangulation, two_view
from epipose.geometry.cameras import Camera
from epipose.geometry.epipolar import fundamental_from_projections

SEEDS = 3
CORRUPTED = Corruption(noise_px=5.0, outliers=0.05, missing=0.1, swapped_frames=30)
PAIRS = ((0, 2), (0, 1), (1, 2))
"""Cameras beside each other along the short and the long side of the room, and opposite ones."""


def main() -> None:
    """Print the tables that docs/benchmarks.md quotes."""
    cv2.setNumThreads(1)
    print_speed()
    if sys.argv[1:] != ["speed"]:
        print_four_views()
        print_two_views()


def print_speed() -> None:
    """Print points per second on one core."""
    clean, corrupted = h36m_scene(Corruption(5.0), 0), h36m_scene(CORRUPTED, 0)
    mostly_clean = h36m_scene(Corruption(5.0, outliers=0.002), 0)
    print("Points per second on one core, 4 views (`robust` and `pairs` from distorted pixels, the others without)")
    linear = _linear_input(clean.cameras, _many(clean.observations.pixels), _many(clean.observations.weight))
    _print_rate("dlt", lambda: triangulation.dlt(*linear), linear[2].shape[1])
    _print_rate("batched NumPy SVD", lambda: _svd(*linear), linear[2].shape[1])
    for name, scene in (("clean", clean), ("0.2 % outliers", mostly_clean), ("corrupted", corrupted)):
        pixels, weights = _many(scene.observations.pixels), _many(scene.observations.weight)
        task = _robust_task(scene.cameras, pixels, weights)
        _print_rate(f"robust, {name}", task, weights.shape[1])
    pixels, weights = scene.observations.pixels, scene.observations.weight
    _print_rate("pairs", lambda: two_view.pairs(scene.cameras, pixels, weights), weights[0].size)
    projections = linear[0][[0, 1]]
    _print_rate("polynomial (2 views)", lambda: two_view.polynomial(projections, linear[1][:2]), linear[2].shape[1])
    _print_rate(
        "OpenCV correctMatches + triangulatePoints", lambda: _opencv(projections, linear[1][:2]), linear[2].shape[1]
    )


def print_four_views() -> None:
    """Print errors with four views, clean and corrupted."""
    print(f"\nMean (median) error in mm, 4 views, 5 px, joints with 2 true views or more, {SEEDS} seeds")
    methods: dict[str, Callable[[Scene], ndarray]] = {
        "perfect rejection + robust": lambda scene: _robust(scene, _truly_right(scene)).points,
        "robust, every joint": lambda scene: _robust(scene).points,
        "pairs": lambda scene: two_view.pairs(scene.cameras, scene.observations.pixels, scene.observations.weight),
        "dlt": _dlt,
    }
    for name, corruption in (("clean", Corruption(5.0)), ("corrupted", CORRUPTED)):
        scenes = [h36m_scene(corruption, seed) for seed in range(SEEDS)]
        for method, points in methods.items():
            _print_error(f"{method}, {name}", [_errors(s, points(s), _solvable(s)) for s in scenes])
        found = [_robust(scene) for scene in scenes]
        valid = [_errors(s, f.points, f.valid) for s, f in zip(scenes, found, strict=True)]
        _print_error(f"robust, only what it calls valid, right or not, {name}", valid)
        share = np.mean([f.valid[_solvable(s)].mean() for s, f in zip(scenes, found, strict=True)])
        print(f"  {'share of the joints with 2 true views that it calls valid':<64}{share:>10.1%}")


def print_two_views() -> None:
    """Print errors with two views, beside OpenCV's optimum."""
    print(f"\nMean (median) error in mm, 2 views, {SEEDS} seeds")
    for noise in (5.0, 10.0):
        scenes = [h36m_scene(Corruption(noise), seed) for seed in range(SEEDS)]
        for a, b in PAIRS:
            for name, method in (("polynomial", two_view.polynomial), ("OpenCV", _opencv), ("DLT", _dlt_of_two)):
                errors = []
                for scene in (s.only((a, b)) for s in scenes):
                    seen = scene.observations.weight.min(axis=0) > 0
                    pixels = scene.observations.pixels[:, seen]
                    projections, straight, _ = _linear_input(scene.cameras, pixels, np.ones(pixels.shape[:2]))
                    errors.append(np.linalg.norm(method(projections, straight) - scene.positions[seen], axis=-1))
                _print_error(f"{name}, cameras {a} and {b}, {noise:g} px", errors)


def _linear_input(
    cameras: Sequence[Camera], pixels: Float[ndarray, "views n 2"], weights: Float[ndarray, "views n"]
) -> tuple[Float[ndarray, "views 3 4"], Float[ndarray, "views n 2"], Float[ndarray, "views n"]]:
    """Return projections onto pixels without distortion, those pixels, and weights."""
    straight = [
        camera.lens.undistort(seen)[0] * camera.lens.focal + np.asarray(camera.lens.centre)
        for camera, seen in zip(cameras, pixels, strict=True)
    ]
    return np.stack([camera.px_from_world for camera in cameras]), np.stack(straight), weights


def _many(array: ndarray, times: int = 10) -> ndarray:
    """Return an array of (views, frames, joints, ...) as (views, n, ...), repeated so that it can be timed."""
    flat = array.reshape(len(array), -1, *array.shape[3:])
    return np.concatenate([flat] * times, axis=1)


def _svd(
    projections: Float[ndarray, "views 3 4"], points: Float[ndarray, "views n 2"], weights: Float[ndarray, "views n"]
) -> Float[ndarray, "n 3"]:
    rows = points[..., None] * projections[:, None, 2:] - projections[:, None, :2]
    rows = np.moveaxis(rows * np.sqrt(weights)[..., None, None], 0, 1).reshape(points.shape[1], -1, 4)
    solution = np.linalg.svd(rows, full_matrices=False)[2][:, -1]
    return np.asarray(solution[:, :3] / np.where(np.abs(solution[:, 3:]) > 1e-12, solution[:, 3:], 1e-12))


def _opencv(projections: Float[ndarray, "2 3 4"], points: Float[ndarray, "2 n 2"]) -> Float[ndarray, "n 3"]:
    fundamental = fundamental_from_projections(projections)
    a, b = cv2.correctMatches(fundamental / np.linalg.norm(fundamental), points[:1], points[1:])
    homogeneous = cv2.triangulatePoints(projections[0], projections[1], a[0].T, b[0].T)
    return np.asarray((homogeneous[:3] / homogeneous[3]).T)


def _dlt_of_two(projections: Float[ndarray, "2 3 4"], points: Float[ndarray, "2 n 2"]) -> Float[ndarray, "n 3"]:
    return triangulation.dlt(projections, points, np.ones(points.shape[:2]))


def _dlt(scene: Scene) -> Float[ndarray, "frames joints 3"]:
    observations = scene.observations
    flat = observations.pixels.reshape(len(scene.cameras), -1, 2)
    found = triangulation.dlt(*_linear_input(scene.cameras, flat, observations.weight.reshape(len(scene.cameras), -1)))
    return np.asarray(found.reshape(scene.positions.shape))


def _robust(scene: Scene, kept: Bool[ndarray, "views frames joints"] | None = None) -> triangulation.Triangulated:
    weights = scene.observations.weight if kept is None else scene.observations.weight * kept
    return triangulation.robust(scene.cameras, scene.observations.pixels, weights, sigma_px=5.0)


def _robust_task(
    cameras: Sequence[Camera], pixels: Float[ndarray, "views n 2"], weights: Float[ndarray, "views n"]
) -> Callable[[], object]:
    return lambda: triangulation.robust(cameras, pixels, weights, sigma_px=5.0)


def _truly_right(scene: Scene) -> Bool[ndarray, "views frames joints"]:
    """Return the observations that are of their joint: no outlier, and no joint whose side is swapped."""
    skeleton = scene.observations.skeleton
    sided = np.array([mirrored != joint for joint, mirrored in enumerate(skeleton.mirror)])
    return np.asarray(scene.inlier & ~(scene.swapped[..., None] & sided))


def _solvable(scene: Scene) -> Bool[ndarray, "frames joints"]:
    return np.asarray(_truly_right(scene).sum(axis=0) >= 2)


def _errors(
    scene: Scene, points: Float[ndarray, "frames joints 3"], counted: Bool[ndarray, "frames joints"]
) -> Float[ndarray, "n"]:
    return np.asarray(np.linalg.norm(points - scene.positions, axis=-1)[counted])


def _print_rate(name: str, task: Callable[[], object], points: int) -> None:
    task()
    seconds = []
    for _ in range(5):
        start = time.process_time()
        task()
        seconds.append(time.process_time() - start)
    print(f"  {name:<64}{points / min(seconds):>10,.0f}")


def _print_error(name: str, errors: list[Float[ndarray, "n"]]) -> None:
    millimetres = 1000 * np.concatenate(errors)
    answered = np.isfinite(millimetres)
    kept = millimetres[answered]
    remark = "" if np.all(answered) else f"  no answer for {np.sum(~answered)}"
    print(f"  {name:<64}{kept.mean():>10.2f} ({np.median(kept):.2f}){remark}")


if __name__ == "__main__":
    main()
