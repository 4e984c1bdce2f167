"""What the numbers mean in plain words: a verdict, one line for the terminal, what to do and what to film next."""

import shlex
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from epipose.report.contents import ReconstructionReport, ViewReport
from epipose.report.wording import in_unit, millimetres, percent, plural, source_words

Level = Literal["good", "fair", "poor"]

GOOD_BONES, FAIR_BONES = 0.06, 0.12
"""Bone-length variation: well-filmed markerless recordings reach 0.04 to 0.06."""

GOOD_REPROJECTION, FAIR_REPROJECTION = 0.0075, 0.015
"""Median reprojection error as a share of the picture's diagonal: 2D detectors themselves miss by 0.003 to 0.007."""

GOOD_FOUND, FAIR_FOUND = 0.9, 0.7
"""Share of the person's joints that were triangulated."""


@dataclass(frozen=True)
class Verdict:
    """The worst of several judgements, and what it rests on."""

    level: Level
    sentence: str


def one_line(report: ReconstructionReport) -> str:
    """Return what was found and the three numbers that matter, for the terminal."""
    frames, people = report.poses.weight.shape[:2]
    found = f"{plural(len(report.views), 'camera')}, {plural(people, 'person', 'people')}, {plural(frames, 'frame')}"
    numbers = (
        f"reprojection {in_unit(report.reprojection_median_px, 'px')} (median)",
        f"bone lengths vary {percent(report.bone_variation, 1)}",
        f"joints known to {millimetres(report.uncertainty_median_m)} (1 sigma)",
    )
    return f"{report.title}: {found}; {', '.join(numbers)}"


def verdict(report: ReconstructionReport) -> Verdict:
    """Judge a reconstruction by its bones, its reprojection and how much of the person was found."""
    diagonal = _diagonal_px(report)
    judged = [
        (
            _level(report.bone_variation, GOOD_BONES, FAIR_BONES),
            f"bone lengths are not steady over time (they vary by {percent(report.bone_variation, 1)}; up to"
            f" {percent(GOOD_BONES)} is good)",
        ),
        (
            _level(report.reprojection_median_px / diagonal, GOOD_REPROJECTION, FAIR_REPROJECTION),
            f"the cameras disagree about where joints are (by {in_unit(report.reprojection_median_px, 'px')}; up to"
            f" {in_unit(GOOD_REPROJECTION * diagonal, 'px', 1.0, 0)} is good)",
        ),
        (
            _level(-report.found_share, -GOOD_FOUND, -FAIR_FOUND),
            f"joints are missing ({percent(report.found_share)} were found; {percent(GOOD_FOUND)} or more is good)",
        ),
    ]
    order: tuple[Level, ...] = ("good", "fair", "poor")
    worst = max((level for level, _ in judged), key=order.index)
    if worst == "good":
        agreed = "The cameras agree, the bones keep their length and nearly all joints were found."
        return Verdict("good", f"You can work with this recording. {agreed}{_precision(report)}")
    reasons = " and ".join(reason for level, reason in judged if level == worst)
    if worst == "fair":
        return Verdict("fair", f"Usable with care: {reasons}.{_precision(report)}")
    return Verdict("poor", f"Do not rely on this reconstruction: {reasons}.")


def what_to_do(report: ReconstructionReport) -> tuple[str, ...]:
    """Return what to do with this recording now, step by step; files and commands stand between backticks."""
    folder = shlex.quote(report.title)
    first = {
        "good": f"Look at it in 3D, below or larger: `epipose view {folder}`",
        "fair": f"Look at it in 3D before you measure, below or larger: `epipose view {folder}`",
        "poor": "Film again before you measure anything, and better: see “What to film next”.",
    }
    return (
        first[verdict(report).level],
        "Work with `poses/smooth.npz`: everybody in metres, with steady bones and smooth motion.",
        "For other programs there are CSV and TRC in `exports/`; for more formats:"
        f" `epipose export {folder}/poses/smooth.npz bvh`",
    )


def _precision(report: ReconstructionReport) -> str:
    """Return what is claimed with two sigma, which 19 of 20 errors should keep to."""
    known = report.uncertainty_median_m
    if not np.isfinite(known):
        return ""
    joints = f" By its own account, a typical joint is off by no more than {millimetres(2 * known)} along each axis"
    if report.scale_sigma is None:
        return f"{joints}."
    return f"{joints}, and everything is no more than {percent(2 * report.scale_sigma)} too large or too small."


def film_next(report: ReconstructionReport) -> tuple[str, ...]:
    """Return what would improve the next recording most, most important first, from the numbers of this one."""
    advice = [*_about_rig(report), *(words for view in report.views for words in _about_view(view, report))]
    advice += [*_about_body(report), *_about_motion(report)]
    if report.scale_sigma is not None and report.scale_sigma > 0.06:
        words = f"The size is only known to ±{percent(report.scale_sigma)}"
        advice.append(f"{words}: give the person's height (--height) or film a calibration board once.")
    return tuple(advice)


def _level(value: float, good: float, fair: float) -> Level:
    if value <= good:
        return "good"
    return "fair" if value <= fair else "poor"  # NaN is poor: nothing was found


def _diagonal_px(report: ReconstructionReport) -> float:
    return float(np.mean([np.hypot(*view.camera.size_wh) for view in report.views]))


def _about_rig(report: ReconstructionReport) -> list[str]:
    advice = []
    if len(report.views) == 2:
        advice.append("Add a third camera: with two, a joint that one camera cannot see is lost or guessed.")
    found = report.poses.positions[report.poses.weight > 0]
    if len(report.views) > 1 and len(found):
        directions = [view.camera.centre - np.median(found, axis=0) for view in report.views]
        units = [d / max(float(np.linalg.norm(d)), 1e-9) for d in directions]
        crossing = max(float(np.linalg.norm(np.cross(a, b))) for a, b in combinations(units, 2))
        if crossing < np.sin(np.deg2rad(30)):
            advice.append(
                "Spread the cameras out: all look along nearly the same line; 60 to 120 degrees between"
                " neighbours, seen from the person, is best."
            )
    return advice


def _about_view(view: ViewReport, report: ReconstructionReport) -> list[str]:
    advice = []
    if view.seen_share < 0.6:
        advice.append(
            f"Move {view.name} back or aim it anew: it saw only {percent(view.seen_share)} of the person's joints."
        )
    if view.inlier_share < 0.75 or view.reprojection_median_px > 2 * report.reprojection_median_px:
        advice.append(
            f"Check {view.name}: it disagrees with the others; fix it firmly, switch off zoom, autofocus and"
            " stabilisation."
        )
    swapped = len(view.swapped_frames) / max(len(report.poses.times), 1)
    if swapped > 0.2:
        advice.append(
            f"Light the person better in {view.name}, or use another detector: left and right were"
            f" taken for each other in {percent(swapped)} of its frames."
        )
    sigma = view.time_offset_sigma_s
    if sigma is not None and sigma * view.frame_rate > 0.5:
        advice.append(
            f"Jump or clap once at the start: the time of {view.name} is only known to {in_unit(sigma, 's', 1.0, 3)}."
        )
    return advice


def _about_body(report: ReconstructionReport) -> list[str]:
    advice = []
    if report.bones and report.bone_variation > GOOD_BONES:
        worst = max(report.bones, key=lambda bone: bone.variation)
        name = f"{worst.parent} - {worst.child}".replace("_", " ")
        advice.append(
            f"Let three cameras see every limb at every moment: the length of {name} varies most, by"
            f" {percent(worst.variation)}."
        )
    if report.reprojection_median_px > GOOD_REPROJECTION * _diagonal_px(report):
        advice.append(
            "Keep every camera still and the person large and sharp in its picture: joints in 3D and in the pictures"
            f" are {in_unit(report.reprojection_median_px, 'px')} apart."
        )
    if report.found_share < GOOD_FOUND:
        advice.append(
            "Keep the whole body in the pictures of two cameras or more: only"
            f" {percent(report.found_share)} of the joints were found."
        )
    return advice


def _about_motion(report: ReconstructionReport) -> list[str]:
    advice = []
    if report.duration_s < 5:
        advice.append(f"Film longer: {in_unit(report.duration_s, 's')} is short; 20 s of varied motion is plenty.")
    unsure = [view for view in report.views if (view.centre_sigma_m or 0) > 0.05]
    if unsure:
        names = ", ".join(view.name for view in unsure)
        advice.append(
            f"Walk through the whole space, towards and away from the cameras, and raise the arms: where"
            f" {names} stood is known only to {millimetres(max(view.centre_sigma_m or 0 for view in unsure))}."
        )
    return advice


def sources_sentence(report: ReconstructionReport) -> str:
    """Return where cameras, focal length, size and upright direction come from."""
    size = report.scale_source
    if report.scale_sigma is not None:
        size += f" (±{percent(report.scale_sigma, 1)}, 1 sigma)"
    return (
        f"Camera positions: {source_words(report.cameras_source)}. Focal length: {source_words(report.focal_source)}."
        f" Size: {size}. Upright: {report.gravity_source}."
    )
