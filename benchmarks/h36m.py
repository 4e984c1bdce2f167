"""Cameras from the person alone on a rig with known truth: Human3.6M's cameras, motion capture, noise and worse.

    python -m benchmarks.h36m [SEEDS]

Rotation: error of the relative rotation of two cameras, mean over pairs. Centres: mean distance from the truth, and
joints: mean distance, after a similarity that lays the cameras on the true ones: by the centres for four cameras, by
the joints that both truly saw for two. "Frame by frame" counts the joints that triangulation calls valid; "bones and
motion" counts every joint that two views truly saw. The floor is bundle adjustment started at the truth, with the true
inliers and sides. All are means over seeds (3 unless told otherwise), in brackets the least and the largest.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from benchmarks.measures import (
    Timed,
    centre_errors,
    laid_on,
    laid_on_centres,
    met,
    print_table,
    rotation_errors,
    timed,
)
from benchmarks.scenes import Corruption, Scene, h36m_scene
from epipose.calibration.people import PeopleCalibration, calibrate_people
from epipose.errors import InputError
from epipose.geometry.bundle import BundleProblem, Freedom
from epipose.geometry.cameras import Camera
from epipose.geometry.triangulation import robust
from epipose.pipeline.people3d import triangulate_person
from epipose.pipeline.progress import no_report
from epipose.pose.motion_prior import Measurements, smooth_motion

SEEDS = 3
CORRUPTED = Corruption(noise_px=5.0, outliers=0.05, missing=0.1, swapped_frames=30)
FOUR = (0, 1, 2, 3)


@dataclass(frozen=True)
class Setting:
    """One row group of the table, with the numbers to reach."""

    name: str
    corruption: Corruption
    views: tuple[int, ...]
    bars: Mapping[str, float]


SETTINGS = (
    Setting("4 cameras, 0.5 px", Corruption(0.5), FOUR, {"rotation, deg": 0.008, "centres, mm": 0.28}),
    Setting(
        "4 cameras, 5 px",
        Corruption(5.0),
        FOUR,
        {"rotation, deg": 0.075, "centres, mm": 3.2, "joints, bones and motion, mm": 22.0},
    ),
    Setting(
        "4 cameras, corrupted",
        CORRUPTED,
        FOUR,
        {"rotation, deg": 0.07, "centres, mm": 3.8, "joints, bones and motion, mm": 27.0},
    ),
    Setting("cameras 0 and 2 (47 deg), corrupted", CORRUPTED, (0, 2), {"rotation, deg": 0.3, "centres, mm": 30.0}),
    Setting("cameras 1 and 3 (45 deg), corrupted", CORRUPTED, (1, 3), {"rotation, deg": 0.6, "centres, mm": 30.0}),
)
OPPOSITE = ((0, 3), (1, 2))
LEAST_F1 = 0.95


def main(
    seeds: int = SEEDS, settings: Sequence[Setting] = SETTINGS, opposite: Sequence[tuple[int, int]] = OPPOSITE
) -> None:
    """Print the tables that docs/benchmarks.md quotes."""
    header = ("setting", "quantity", "measured", "floor", "ratio", "bar", "")
    rows = [row for setting in settings for row in _rows(setting, seeds)]
    print_table(f"Human3.6M rig (S1), 300 frames of motion capture, means over {seeds} seeds", header, rows)
    if opposite:
        _print_opposite(opposite, seeds)


@dataclass(frozen=True, eq=False)
class Result:
    """What one method made of a scene, laid on the truth."""

    errors: dict[str, float]
    seconds: Timed[None]


def _rows(setting: Setting, seeds: int) -> list[tuple[str, ...]]:
    scenes = [pair_or_rig(setting.corruption, seed, setting.views) for seed in range(seeds)]
    found = [_measure(scene) for scene in scenes]
    floors = [_floor(scene) for scene in scenes]
    rows: list[tuple[str, ...]] = []
    for quantity in found[0].errors:
        values = [result.errors[quantity] for result in found]
        value = float(np.mean(values))
        spread = f"{value:.4g} ({min(values):.3g}-{max(values):.3g})"
        floor = float(np.mean([errors[quantity] for errors in floors])) if quantity in floors[0] else np.nan
        below = ("", "") if np.isnan(floor) else (f"{floor:.4g}", f"{value / floor:.2f}")
        if quantity == "swap F1":
            verdict = (f">= {LEAST_F1}", met(-value, -LEAST_F1))
        else:
            bar = setting.bars.get(quantity)
            verdict = ("", "") if bar is None else (f"<= {bar:g}", met(value, bar))
        rows.append((setting.name, quantity, spread, *below, *verdict))
    wall, processor = (min(getattr(result.seconds, kind) for result in found) for kind in ("wall", "processor"))
    rows.append((setting.name, "calibration, s: wall (processor), least", f"{wall:.2f} ({processor:.2f})", *[""] * 4))
    return rows


def pair_or_rig(corruption: Corruption, seed: int, views: tuple[int, ...]) -> Scene:
    """Return the scene as some views see it; of two views, one has its sides swapped (the rig's swap may miss both)."""
    if len(views) > 2 or not corruption.swapped_frames:
        return h36m_scene(corruption, seed).only(views)
    scene = h36m_scene(replace(corruption, swapped_frames=0), seed).only(views)
    rng = np.random.default_rng(1000 + seed)
    start = rng.integers(scene.swapped.shape[1] - corruption.swapped_frames)
    swapped = np.zeros_like(scene.swapped)
    swapped[rng.integers(len(views)), start : start + corruption.swapped_frames] = True
    return replace(scene, observations=scene.observations.mirrored(swapped), swapped=swapped)


def calibrated(scene: Scene) -> PeopleCalibration:
    """Return the calibration with known lenses, as the pipeline calls it."""
    lenses, sizes = [camera.lens for camera in scene.cameras], [camera.size_wh for camera in scene.cameras]
    return calibrate_people(scene.observations, lenses, sizes, Freedom())


def _measure(scene: Scene) -> Result:
    found = timed(lambda: calibrated(scene))
    cameras = _laid_on_truth(found.value.cameras, scene)
    person = triangulate_person(scene.observations, cameras, found.value.sigma_px, no_report)
    solvable = solvable_joints(scene)
    wrong = 1000 * np.linalg.norm(person.positions - scene.positions, axis=-1)
    smooth_wrong = 1000 * np.linalg.norm(person.smooth - scene.positions, axis=-1)
    answered = solvable & (person.smooth_weight > 0)
    errors = _camera_errors(cameras, scene)
    errors["joints, frame by frame, mm"] = float(wrong[person.valid].mean())
    errors["joints, frame by frame, median, mm"] = float(np.median(wrong[person.valid]))
    errors["joints, bones and motion, mm"] = float(smooth_wrong[answered].mean())
    errors["share valid, frame by frame"] = float((person.valid & solvable).sum() / solvable.sum())
    errors["share answered, bones and motion"] = float(answered.sum() / solvable.sum())
    if scene.swapped.any():
        errors["swap F1"] = f1(found.value.swapped, scene.swapped)
    return Result(errors, Timed(None, found.wall, found.processor))


def _camera_errors(cameras: Sequence[Camera], scene: Scene) -> dict[str, float]:
    return {
        "rotation, deg": float(rotation_errors(cameras, scene.cameras).mean()),
        "centres, mm": float(centre_errors(cameras, scene.cameras).mean()),
    }


def _floor(scene: Scene) -> dict[str, float]:
    """Return the errors of bundle adjustment from the truth with true inliers, and of smooth motion on top of it."""
    truth = scene.observations.mirrored(scene.swapped)
    kept = solvable_joints(scene).ravel()
    weights = (truth.weight * scene.inlier).reshape(len(scene.cameras), -1)[:, kept]
    problem = BundleProblem(truth.pixels.reshape(len(scene.cameras), -1, 2)[:, kept], weights)
    bundle = problem.solve(scene.cameras, scene.positions.reshape(-1, 3)[kept])
    cameras = _laid_on_truth(bundle.cameras, scene)
    found = robust(cameras, truth.pixels, truth.weight * scene.inlier, sigma_px=bundle.sigma_px)
    wrong = 1000 * np.linalg.norm(found.points - scene.positions, axis=-1)
    known = np.where(found.valid[..., None], found.points, 0.0)
    information = np.linalg.inv(found.covariance) * found.valid[..., None, None]
    motion = smooth_motion(Measurements(known, information, truth.times, truth.stretch), truth.skeleton)
    smooth_wrong = 1000 * np.linalg.norm(motion.positions - scene.positions, axis=-1)
    return _camera_errors(cameras, scene) | {
        "joints, frame by frame, mm": float(wrong[found.valid].mean()),
        "joints, frame by frame, median, mm": float(np.median(wrong[found.valid])),
        "joints, bones and motion, mm": float(smooth_wrong[solvable_joints(scene)].mean()),
    }


def _laid_on_truth(cameras: Sequence[Camera], scene: Scene) -> tuple[Camera, ...]:
    if len(cameras) > 2:
        return laid_on_centres(cameras, scene.cameras)
    truth = scene.observations.mirrored(scene.swapped)
    both = np.all(scene.inlier, axis=0)
    found = robust(cameras, truth.pixels, truth.weight * both, sigma_px=5.0)
    counted = both & found.valid
    return laid_on(cameras, found.points[counted], scene.positions[counted])


def solvable_joints(scene: Scene) -> Bool[ndarray, "frames joints"]:
    """Return the joints that two views or more truly saw."""
    return np.asarray(scene.inlier.sum(axis=0) >= 2)


def f1(found: Bool[ndarray, "views frames"], truth: Bool[ndarray, "views frames"]) -> float:
    """Return the harmonic mean of precision and recall."""
    return float(2 * np.sum(found & truth) / max(found.sum() + truth.sum(), 1))


def _print_opposite(pairs: Sequence[tuple[int, int]], seeds: int) -> None:
    rows = []
    for views in pairs:
        for seed in range(seeds):
            scene = pair_or_rig(CORRUPTED, seed, views)
            rows.append((f"{views[0]} and {views[1]}", str(seed), *_right_or_refused(scene)))
    header = ("cameras", "seed", "rotation, deg", "stated, deg (1 sigma)", "centres, mm", "floor, deg", "floor, mm", "")
    print_table("Nearly opposite cameras, corrupted: right (rotation within 3 stated sigma) or refused", header, rows)


def _right_or_refused(scene: Scene) -> tuple[str, ...]:
    floor = _floor(scene)
    below = (f"{floor['rotation, deg']:.3f}", f"{floor['centres, mm']:.0f}")
    try:
        found = calibrated(scene)
    except InputError as refusal:
        return "", "", "", *below, f"refused: {refusal}"
    errors = _camera_errors(_laid_on_truth(found.cameras, scene), scene)
    sigma = stated_rotation_sigma(found, 0, 1)
    verdict = "right" if errors["rotation, deg"] <= 3 * sigma else "WRONG"
    return f"{errors['rotation, deg']:.3f}", f"{sigma:.3f}", f"{errors['centres, mm']:.0f}", *below, verdict


def stated_rotation_sigma(found: PeopleCalibration, view: int, other: int) -> float:
    """Return one standard deviation of the angle between two cameras as the calibration states it, in degrees."""
    assert found.covariance is not None
    covariance: Float[ndarray, "3 3"] = found.covariance.relative_rotation(view, other)
    return float(np.rad2deg(np.sqrt(np.trace(covariance))))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
