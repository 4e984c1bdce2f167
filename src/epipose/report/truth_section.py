"""A reconstruction against the truth, in words and tables that people read."""

import html
from collections.abc import Iterable

import numpy as np

from epipose.report.markup import table
from epipose.report.truth import JointError, TruthReport, ViewError
from epipose.report.wording import in_unit, millimetres, percent

HEADER = ("How far off", "Error", "What epipose said (1 sigma)")

_INTRODUCTION = (
    "This recording is synthetic, so that the truth is known, and the reconstruction never saw it. Joints count where"
    " two cameras or more truly show them."
)


def truth_rows(truth: TruthReport) -> tuple[tuple[str, str, str], ...]:
    """Return what was compared, how far it is off, and what the reconstruction itself says about that."""
    joints = truth.all_joints
    rows = [
        ("Direction of the cameras", _degrees(truth.rotation_rad), _stated_degrees(truth.views)),
        ("Position of the cameras", millimetres(truth.centre_m), _stated(view.centre_sigma_m for view in truth.views)),
        ("Start of the cameras' clocks", _milliseconds(truth.time_offset_s), _stated_milliseconds(truth.views)),
        ("Size of everything", f"{100 * truth.scale:+.1f} %", _stated_share(truth.scale_sigma)),
        ("Joints, once laid on the truth", millimetres(joints.error_m), _per_axis(joints)),
        ("Joints, in epipose's own metres", millimetres(joints.metric_error_m), ""),
        ("Within twice what epipose said", percent(joints.within_two_sigma), "95 % would be honest"),
        ("Visible joints that were found", percent(truth.visible_found), ""),
    ]
    if truth.people > 1:
        rows.append(("People that were found", f"{truth.people_found} of {truth.people}", ""))
    return tuple(rows)


def truth_text(truth: TruthReport) -> str:
    """Return the rows as lines of plain text with aligned columns."""
    rows = (HEADER, *truth_rows(truth))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def truth_line(truth: TruthReport) -> str:
    """Return the numbers that matter most, for one line of the terminal."""
    joints = truth.all_joints
    return (
        f"against the truth: cameras off by {_degrees(truth.rotation_rad)} and {millimetres(truth.centre_m)}, joints by"
        f" {millimetres(joints.error_m)} (in its own metres {millimetres(joints.metric_error_m)})"
    )


def truth_section(truth: TruthReport | None) -> str:
    """Return the section of the page; nothing without a truth."""
    if truth is None:
        return ""
    summary = table(tuple((name, "") for name in HEADER), truth_rows(truth))
    return (
        f"<section class='truth'><h2>Against the truth</h2><p>{html.escape(_INTRODUCTION)}</p>{summary}"
        f"<details><summary>By camera</summary>{_view_table(truth)}</details>"
        f"<details><summary>By joint</summary>{_joint_table(truth)}</details></section>"
    )


def _view_table(truth: TruthReport) -> str:
    header = (
        ("Camera", ""),
        ("Direction", "°"),
        ("said", "1 sigma"),
        ("Position", "mm"),
        ("said", "1 sigma"),
        ("Clock", "ms"),
        ("said", "1 sigma"),
        ("Focal length", ""),
    )
    rows = (
        (
            view.name,
            _degrees(view.rotation_rad),
            _degrees(view.rotation_sigma_rad),
            millimetres(view.centre_m),
            millimetres(view.centre_sigma_m),
            _milliseconds(view.time_offset_s),
            _milliseconds(view.time_offset_sigma_s),
            f"{100 * view.focal:+.1f} %",
        )
        for view in truth.views
    )
    return table(header, rows)


def _joint_table(truth: TruthReport) -> str:
    header = (
        ("Joint", ""),
        ("Error", "once laid on the truth"),
        ("Error", "in epipose's own metres"),
        ("said", "1 sigma of a coordinate"),
        ("Within two sigma", "95 % is honest"),
        ("Compared", "times"),
    )
    rows = (
        (
            joint.name.replace("_", " "),
            millimetres(joint.error_m),
            millimetres(joint.metric_error_m),
            millimetres(joint.uncertainty_m),
            percent(joint.within_two_sigma),
            str(joint.compared),
        )
        for joint in truth.joints
    )
    return table(header, rows)


def _degrees(radians: float | None) -> str:
    return in_unit(None if radians is None else float(np.rad2deg(radians)), "°", 1.0, 2)


def _milliseconds(seconds: float | None) -> str:
    return in_unit(seconds, "ms", 1000.0)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _stated(sigmas: Iterable[float | None]) -> str:
    mean = _mean(sigmas)
    return "" if mean is None else f"± {millimetres(mean)}"


def _stated_degrees(views: tuple[ViewError, ...]) -> str:
    mean = _mean(view.rotation_sigma_rad for view in views)
    return "" if mean is None else f"± {_degrees(mean)}"


def _stated_milliseconds(views: tuple[ViewError, ...]) -> str:
    mean = _mean(view.time_offset_sigma_s for view in views)
    return "" if mean is None else f"± {_milliseconds(mean)}"


def _stated_share(sigma: float | None) -> str:
    return "" if sigma is None else f"± {percent(sigma, 1)}"


def _per_axis(joints: JointError) -> str:
    return f"± {millimetres(joints.uncertainty_m)} along each axis"
