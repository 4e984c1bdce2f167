"""How far a reconstruction of a synthetic recording is from its truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.interpolate import CubicSpline
from scipy.optimize import linear_sum_assignment

from epipose.errors import InputError
from epipose.geometry.alignment import pair_rotation_errors, rigid, similarity
from epipose.geometry.cameras import Camera
from epipose.geometry.rotations import nearest_rotation
from epipose.io.truth_files import VISIBLE, Truth, read_truth
from epipose.report.contents import ReconstructionReport
from epipose.report.truth import JointError, TruthReport, ViewError

FAR_M = 1.0
"""Metres from a true joint at which one that was found is no better than none."""
ENOUGH_VIEWS = 2
"""Views that must truly show a joint for its error to count: with fewer its place is a guess by nature."""


def compare_with_truth(folder: Path, report: ReconstructionReport) -> TruthReport:
    """Return how far `report`, the reconstruction of the capture in `folder`, is from the capture's `truth/`.

    Only joints count that truth and reconstruction call by the same name, that ENOUGH_VIEWS truly show at that moment
    and that were found. The unknown world is taken away by alignments as `TruthReport` says. Raises InputError for a
    capture without truth, or with one that does not fit it.
    """
    truth = read_truth(folder / "truth")
    names = [view.name for view in report.views]
    missing = sorted(set(names) - set(truth.views))
    if missing:
        raise InputError(
            f"{folder / 'truth'} says nothing of view {', '.join(missing)}; was it made for another capture?"
        )
    compared = _compared(report, truth)
    factor, motion = similarity(compared.found, compared.true)
    laid = motion.apply(factor * compared.found)
    metric = rigid(compared.found, compared.true).apply(compared.found)
    return TruthReport(
        views=_view_errors(report, truth, compared),
        joints=tuple(
            _joint_error(name, compared, laid, metric, compared.joint == index)
            for index, name in enumerate(compared.names)
        ),
        all_joints=_joint_error("all", compared, laid, metric, np.ones(len(compared.joint), bool)),
        scale=1 / factor - 1,
        scale_sigma=report.scale_sigma,
        people=len(truth.people),
        people_found=compared.people_found,
        visible_found=compared.visible_found,
    )


def matched_people(report: ReconstructionReport, truth: Truth) -> list[tuple[int, int]]:
    """Return (found, true) people who are the same, by how near they are once the cameras are laid on the true ones."""
    return _matched(report, truth, _together(report, truth))


def rotation_errors(found: Sequence[Camera], true: Sequence[Camera]) -> list[float]:
    """Return for each camera the error of its relative rotation (radians), mean over its pairs with the others."""
    errors, pairs = pair_rotation_errors(found, true), np.array(list(combinations(range(len(true)), 2)))
    return [float(errors[(pairs == index).any(axis=1)].mean()) for index in range(len(true))]


def centre_errors(
    found: Sequence[Camera], true: Sequence[Camera], joints: Float[ndarray, "n 3"], true_joints: Float[ndarray, "n 3"]
) -> Float[ndarray, "views"]:
    """Return how far each camera stands from the true one, in metres, once the rigs are laid on each other.

    Two cameras do not tell how to: then joints that both know are laid on each other.
    """
    centres, wanted = (np.stack([camera.centre for camera in rig]) for rig in (found, true))
    factor, motion = similarity(centres, wanted) if len(found) > 2 else similarity(joints, true_joints)
    return np.asarray(np.linalg.norm(motion.apply(factor * centres) - wanted, axis=-1))


def clock_shifts(report: ReconstructionReport, truth: Truth) -> Float[ndarray, "views"]:
    """Return what each view says is to be added to the reconstruction's clock for the truth's, in seconds."""
    return np.array([truth.views[view.name].time_offset_s - view.time_offset_s for view in report.views])


@dataclass(frozen=True, eq=False)
class _Together:
    """The joints that truth and reconstruction call by the same name, at the reconstruction's times."""

    names: tuple[str, ...]
    positions: Float[ndarray, "frames found joints 3"]
    known: Bool[ndarray, "frames found joints"]
    sigma: Float[ndarray, "frames found joints"]
    true: Float[ndarray, "frames people joints 3"]
    shown: Bool[ndarray, "frames people joints"]
    """Whether ENOUGH_VIEWS truly show the joint."""


def _together(report: ReconstructionReport, truth: Truth) -> _Together:
    poses, skeleton = report.poses, truth.poses.skeleton
    common = tuple(joint for joint in poses.skeleton.joint_names if joint in skeleton.joint_names)
    if not common:
        raise InputError(f"skeleton {poses.skeleton.name!r} shares no joint with the truth's {skeleton.name!r}")
    times = poses.times + float(clock_shifts(report, truth).mean())
    mine = [poses.skeleton.index(joint) for joint in common]
    theirs = [skeleton.index(joint) for joint in common]
    return _Together(
        names=common,
        positions=poses.positions[:, :, mine].astype(float),
        known=poses.weight[:, :, mine] > 0,
        sigma=poses.uncertainty[:, :, mine].astype(float),
        true=_at(truth, times)[:, :, theirs],
        shown=_shown(truth, [view.name for view in report.views], times)[:, :, theirs],
    )


@dataclass(frozen=True, eq=False)
class _Compared:
    """Joints that were found and that the views truly show."""

    names: tuple[str, ...]
    joint: Int[ndarray, "n"]
    """Index into `names`."""
    found: Float[ndarray, "n 3"]
    true: Float[ndarray, "n 3"]
    sigma: Float[ndarray, "n"]
    people_found: int
    visible_found: float


def _compared(report: ReconstructionReport, truth: Truth) -> _Compared:
    """Return the joints to compare; raises InputError when there are hardly any."""
    both = _together(report, truth)
    pairs = _matched(report, truth, both)
    mine, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    counted = both.shown[:, theirs] & both.known[:, mine]
    joint = np.broadcast_to(np.arange(len(both.names)), counted.shape)[counted]
    if len(joint) < len(both.names):
        raise InputError("hardly any joint that the truth shows was found; there is nothing to compare")
    return _Compared(
        both.names,
        joint,
        both.positions[:, mine][counted],
        both.true[:, theirs][counted],
        both.sigma[:, mine][counted],
        len(pairs),
        len(joint) / max(int(both.shown.sum()), 1),
    )


def _at(truth: Truth, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames people joints 3"]:
    """Return the true joints at other times of the common clock, by cubic splines."""
    own = truth.poses.times
    if len(own) < 2:
        raise InputError("the truth holds a single moment; a recording has more")
    return np.asarray(CubicSpline(own, truth.poses.positions.astype(float))(np.clip(times, own[0], own[-1])))


def _shown(
    truth: Truth, names: Sequence[str], times: Float[ndarray, "frames"]
) -> Bool[ndarray, "frames people joints"]:
    """Return which joints ENOUGH_VIEWS show at times of the common clock, by each view's nearest frame."""
    count = np.zeros((len(times), len(truth.people), len(truth.poses.skeleton)), int)
    own = truth.poses.times
    step = float(np.median(np.diff(own))) if len(own) > 1 else 0.0
    for name in names:
        view = truth.views[name]
        frames = view.times + view.time_offset_s
        after = np.clip(np.searchsorted(frames, times), 1, max(len(frames) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(frames) - 1)
        nearest = np.where(times - frames[before] <= frames[after] - times, before, after)
        longest = float(np.median(np.diff(frames))) if len(frames) > 1 else step
        near = np.abs(times - frames[nearest]) <= longest
        count += (view.visibility[nearest] == VISIBLE) & near[:, None, None]
    inside = (times >= own[0] - 1e-6) & (times <= own[-1] + 1e-6)
    return np.asarray((count >= ENOUGH_VIEWS) & inside[:, None, None])


def _matched(report: ReconstructionReport, truth: Truth, both: _Together) -> list[tuple[int, int]]:
    positions, true = both.positions, both.true
    if positions.shape[1] == 1 and true.shape[1] == 1:
        return [(0, 0)]
    found = [view.camera for view in report.views]
    others = [truth.cameras[view.name] for view in report.views]
    turns = [b.cam_from_world.rotation.T @ a.cam_from_world.rotation for a, b in zip(found, others, strict=True)]
    turn = nearest_rotation(np.sum(turns, axis=0))
    centres, wanted = (np.stack([camera.centre for camera in rig]) for rig in (found, others))
    spread, target = (float(np.linalg.norm(rig - rig.mean(axis=0))) for rig in (centres, wanted))
    laid = target / max(spread, 1e-9) * (positions - centres.mean(axis=0)) @ turn.T + wanted.mean(axis=0)
    cost = np.full((positions.shape[1], true.shape[1]), FAR_M)
    for mine in range(positions.shape[1]):
        for theirs in range(true.shape[1]):
            distance = np.minimum(np.linalg.norm(laid[:, mine] - true[:, theirs], axis=-1), FAR_M)
            # A joint that is missing is far, or else a fragment that fits would be taken for the person.
            distance = np.where(both.known[:, mine], distance, FAR_M)[both.shown[:, theirs]]
            cost[mine, theirs] = distance.mean() if distance.size else FAR_M
    pairs = zip(*linear_sum_assignment(cost), strict=True)
    return [(int(mine), int(theirs)) for mine, theirs in pairs if cost[mine, theirs] < FAR_M]


def _view_errors(report: ReconstructionReport, truth: Truth, compared: _Compared) -> tuple[ViewError, ...]:
    found = [view.camera for view in report.views]
    true = [truth.cameras[view.name] for view in report.views]
    shifts, centres = clock_shifts(report, truth), centre_errors(found, true, compared.found, compared.true)
    return tuple(
        ViewError(
            name=view.name,
            rotation_rad=rotation,
            rotation_sigma_rad=view.rotation_sigma_rad,
            centre_m=float(centre),
            centre_sigma_m=view.centre_sigma_m,
            time_offset_s=float(shifts.mean() - shift),
            time_offset_sigma_s=view.time_offset_sigma_s,
            focal=float(np.mean(view.camera.lens.focal) / np.mean(camera.lens.focal) - 1),
        )
        for view, camera, rotation, centre, shift in zip(
            report.views, true, rotation_errors(found, true), centres, shifts, strict=True
        )
    )


def _joint_error(
    name: str,
    compared: _Compared,
    laid: Float[ndarray, "n 3"],
    metric: Float[ndarray, "n 3"],
    chosen: Bool[ndarray, "n"],
) -> JointError:
    if not chosen.any():
        return JointError(name, np.nan, np.nan, np.nan, np.nan, 0)
    true, sigma = compared.true[chosen], compared.sigma[chosen]
    off = laid[chosen] - true
    return JointError(
        name=name,
        error_m=float(np.linalg.norm(off, axis=-1).mean()),
        metric_error_m=float(np.linalg.norm(metric[chosen] - true, axis=-1).mean()),
        uncertainty_m=float(np.median(sigma)),
        within_two_sigma=float(np.mean(np.abs(off) <= 2 * sigma[:, None])),
        compared=int(chosen.sum()),
    )
