"""The stage that says how many cameras it takes: errors of triangulation and calibration by the number of views."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np

from epipose import __version__
from epipose.calibration.people import hold, size_of_errors_px
from epipose.calibration.rig import View, find_rig
from epipose.errors import InputError
from epipose.geometry.alignment import rigid, similarity
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import nearest_rotation
from epipose.io.recorded_truth import KnownPoses, read_known_poses
from epipose.pipeline.against_truth import centre_errors, rotation_errors
from epipose.pipeline.evaluate import TRUTH
from epipose.pipeline.inputs import Inputs, calibration_views, load_inputs
from epipose.pipeline.known_cameras import Known, known_cameras, placed_cameras
from epipose.pipeline.people3d import check_same_person, find_people
from epipose.pipeline.progress import Report, no_report
from epipose.pose.comparison import compare
from epipose.pose.keypoints import Poses
from epipose.pose.metrics import mpjpe
from epipose.pose.resampling import common_clock, observe, on_clock
from epipose.report.view_counts import SubsetErrors, ViewCountReport, write_view_counts
from epipose.threads import one_blas_thread

MOST_SUBSETS = 24
"""Of each number of views; where there are more, so many are chosen, every view about as often as any other."""
SEED = 0
"""Of that choice."""


@dataclass(frozen=True, eq=False)
class EvaluatedViews:
    """Errors by number of views, and the JSON and Markdown files that say them."""

    report: ViewCountReport
    files: tuple[Path, Path]


@one_blas_thread
def evaluate_views(
    folder: Path,
    *,
    cameras: str = "auto",
    detector: str = "auto",
    out: Path | None = None,
    progress: Report = no_report,
) -> EvaluatedViews:
    """Triangulate a capture with 2, 3, ... all of its views, compare with its truth, and write evaluation/by-views.*.

    `cameras`: "people" finds them from the person alone, anew for each choice of views; "auto" or a camera file are
    as in `triangulate`, and the views' clocks are then taken as known, too. `detector`: whose keypoints, see
    `load_inputs`. Raises InputError for a capture without truth, and where no choice of views can be used.
    """
    if not (folder / TRUTH).is_dir():
        raise InputError(f"{folder} holds no {TRUTH}/, and errors by views are those from the truth; synthesize or"
                         " prepare a capture that has one")  # fmt: skip
    truth = read_known_poses(folder / TRUTH)
    inputs = load_inputs(folder, detector, None, progress)
    people = cameras == "people"
    known = known_cameras(inputs.capture, cameras, None) if people else placed_cameras(inputs.capture, cameras)
    if missing := sorted(set(inputs.names) - set(truth.cameras)):
        raise InputError(
            f"{folder / TRUTH} says nothing of view {', '.join(missing)}; was it made for another capture?"
        )
    views, _ = calibration_views(inputs, known)
    choices = [chosen for size in range(2, len(views) + 1) for chosen in chosen_subsets(len(views), size, MOST_SUBSETS)]
    world = _World(inputs, views, known, truth, people=people)
    errors = []
    for number, chosen in enumerate(choices):
        progress("choices of views", number, len(choices))
        errors.append(_tried(world, chosen))
    progress("choices of views", len(choices), len(choices))
    if all(one.failure for one in errors):
        raise InputError(f"{folder} cannot be triangulated with any of its views: {errors[-1].failure}")
    report = ViewCountReport(
        title=folder.resolve().name,
        version=__version__,
        created=datetime.now(UTC),
        detector=inputs.detector,
        cameras=cameras,
        own_world=world.own,
        views=inputs.names,
        possible={size: comb(len(views), size) for size in range(2, len(views) + 1)},
        subsets=tuple(errors),
    )
    return EvaluatedViews(report, write_view_counts(out if out is not None else folder / "evaluation", report))


def chosen_subsets(count: int, size: int, most: int) -> list[tuple[int, ...]]:
    """Return all choices of `size` out of `count`, or `most` of them in which each comes about as often as any other.

    The choice follows from a fixed seed.
    """
    if comb(count, size) <= most:
        return list(combinations(range(count), size))
    rng, used = np.random.default_rng(SEED), np.zeros(count, int)
    chosen: dict[tuple[int, ...], None] = {}
    while len(chosen) < most:
        rarest = np.lexsort((rng.random(count), used))[:size]
        subset = tuple(sorted(rarest.tolist()))
        if subset in chosen:
            subset = tuple(sorted(rng.choice(count, size, replace=False).tolist()))
        if subset not in chosen:
            chosen[subset] = None
            used[list(subset)] += 1
    return sorted(chosen)


@dataclass(frozen=True, eq=False)
class _World:
    """All that choices of views have in common."""

    inputs: Inputs
    views: Sequence[View]
    known: Known
    truth: KnownPoses
    people: bool
    """Whether cameras are found from people."""

    @property
    def own(self) -> bool:
        """Whether the cameras are in axes of their own, not in those of the truth: epipose found them."""
        return self.people or self.known.time_offsets_s is not None


def _tried(world: _World, chosen: tuple[int, ...]) -> SubsetErrors:
    """Return the errors of a choice of views, or why it cannot be used."""
    names = tuple(world.inputs.names[view] for view in chosen)
    try:
        return _errors(world, chosen, names)
    except InputError as error:
        return SubsetErrors(names, failure=str(error))


def _errors(world: _World, chosen: tuple[int, ...], names: tuple[str, ...]) -> SubsetErrors:
    cameras, poses, shift = _triangulated(world, chosen)
    if not (poses.weight > 0).any():
        raise InputError("nobody is seen by these views together for long enough to be known as the same person")
    true_cameras = [world.truth.cameras[name] for name in names]
    truth = Poses(
        world.truth.poses.positions,
        world.truth.poses.uncertainty,
        world.truth.poses.weight,
        world.truth.poses.times - shift,
        world.truth.poses.skeleton,
    )
    if world.own:
        motion = _laid(cameras, true_cameras)
        cameras = [camera.moved(motion) for camera in cameras]
        moved = motion.apply(poses.positions.astype(float)).astype(np.float32)
        poses = Poses(moved, poses.uncertainty, poses.weight, poses.times, poses.skeleton)
    both = compare(poses, truth)
    counted = both.weight > 0
    found, true = both.found[counted], both.true[counted]
    around = both.turned() if world.own else both
    absolute = rigid(found, true).apply(found) if world.own else found
    direct = [float(np.linalg.norm(a.centre - b.centre)) for a, b in zip(cameras, true_cameras, strict=True)]
    centres = centre_errors(cameras, true_cameras, found, true) if world.own else direct
    return SubsetErrors(
        names,
        relative_m=mpjpe(around.found, around.true, root=both.root, weight=both.beside_root),
        absolute_m=mpjpe(absolute, true),
        found_share=both.found_share,
        rotation_rad=float(np.mean(rotation_errors(cameras, true_cameras))),
        centre_m=float(np.mean(centres)),
        scale=1 / similarity(found, true)[0] - 1 if world.own else 0.0,
    )


def _triangulated(world: _World, chosen: tuple[int, ...]) -> tuple[list[Camera], Poses, float]:
    """Return the cameras of a choice of views, its poses, and what to add to its clock (s) for that of the truth."""
    views, names = [world.views[view] for view in chosen], [world.inputs.names[view] for view in chosen]
    people = [world.inputs.people[view] for view in chosen]
    started = np.array([world.truth.time_offsets_s[name] for name in names])
    if world.people:
        rig = find_rig(views, focal=world.known.focal)
        cameras, offsets, sigma_px = list(rig.cameras), rig.offsets, rig.sigma_px
    else:
        stated = world.known.time_offsets_s
        offsets = -started if stated is None else -np.array([stated[view] for view in chosen])
        cameras = [view.camera for view in views if view.camera is not None]
        single = [view.keypoints for view in views]
        observations = observe(on_clock(single, offsets, common_clock(single, offsets)))
        sigma_px = hold(cameras, observations, sigma_px=size_of_errors_px([view.size_wh for view in views])).sigma_px
    found = find_people(people, offsets, cameras, sigma_px, no_report)
    if world.people:
        check_same_person(found, names)
    return cameras, found.poses(), float(np.mean(offsets + started))


def _laid(found: Sequence[Camera], true: Sequence[Camera]) -> Rigid:
    """Return the motion that brings cameras as a rig, of the size that it has, to the true ones."""
    turns = [b.cam_from_world.rotation.T @ a.cam_from_world.rotation for a, b in zip(found, true, strict=True)]
    turn = nearest_rotation(np.sum(turns, axis=0))
    middle, wanted = (np.mean([camera.centre for camera in rig], axis=0) for rig in (found, true))
    return Rigid(turn, wanted - turn @ middle)
