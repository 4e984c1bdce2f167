"""`report.json`: the report for scripts.

Keys carry their units, shares are 0 to 1, `null` means not known or never seen, standard deviations are 1 sigma. Keys
are only ever added under one `format_version`. Poses and full camera models are in the capture's own files; the
reprojection of every frame is in `report.html` only. Described key by key in `docs/report.md`.
"""

import json
from pathlib import Path
from typing import Any

from epipose.io.files import atomic_write
from epipose.report.contents import BoneReport, JointReport, ReconstructionReport, ViewReport
from epipose.report.truth import JointError, TruthReport, ViewError
from epipose.report.wording import rounded, rounded_list

FORMAT_VERSION = 1


def write_json(path: Path, report: ReconstructionReport) -> None:
    """Write `report` to `path`; raises InputError when the disk refuses."""
    text = json.dumps(as_table(report), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_write(path, "w") as file:
        file.write(text + "\n")


def as_table(report: ReconstructionReport) -> dict[str, Any]:
    """Return what `report.json` holds, as values that JSON knows."""
    return {
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "epipose_version": report.version,
        "created": report.created.isoformat(timespec="seconds"),
        "summary": _summary(report),
        "sources": {
            "cameras": report.cameras_source,
            "focal_length": report.focal_source,
            "scale": report.scale_source,
            "scale_sigma_share": rounded(report.scale_sigma, 4),
            "gravity": report.gravity_source,
        },
        "views": [_view(view) for view in report.views],
        "joints": [_joint(joint, report) for joint in report.joints],
        "bones": [_bone(bone) for bone in report.bones],
        "seconds_by_stage": {stage: rounded(seconds, 2) for stage, seconds in report.seconds_by_stage.items()},
        "warnings": list(report.warnings),
        "film_next": list(report.film_next),
        "truth": None if report.truth is None else _truth(report.truth),
    }


def _summary(report: ReconstructionReport) -> dict[str, Any]:
    frames, people = report.poses.weight.shape[:2]
    return {
        "views": len(report.views),
        "frames": frames,
        "people": people,
        "duration_s": rounded(report.duration_s, 3),
        "found_share": rounded(report.found_share, 4),
        "reprojection_mean_px": rounded(report.reprojection_mean_px, 3),
        "reprojection_median_px": rounded(report.reprojection_median_px, 3),
        "noise_sigma_px": rounded(report.noise_sigma_px, 3),
        "bone_variation_share": rounded(report.bone_variation, 4),
        "joint_uncertainty_median_m": rounded(report.uncertainty_median_m, 5),
    }


def _view(view: ViewReport) -> dict[str, Any]:
    return {
        "name": view.name,
        "image_size_wh_px": list(view.camera.size_wh),
        "focal_px": rounded_list(view.camera.lens.parameters[:2], 3),
        "focal_sigma_px": rounded(view.focal_sigma_px, 3),
        "centre_m": rounded_list(view.camera.centre, 5),
        "centre_sigma_m": rounded(view.centre_sigma_m, 6),
        "rotation_sigma_rad": rounded(view.rotation_sigma_rad, 7),
        "frames": view.frames,
        "frame_rate_hz": rounded(view.frame_rate, 4),
        "time_offset_s": rounded(view.time_offset_s, 5),
        "time_offset_sigma_s": rounded(view.time_offset_sigma_s, 6),
        "reprojection_mean_px": rounded(view.reprojection_mean_px, 3),
        "reprojection_median_px": rounded(view.reprojection_median_px, 3),
        "inlier_share": rounded(view.inlier_share, 4),
        "seen_share": rounded(view.seen_share, 4),
        "swapped_frames": len(view.swapped_frames),
        "swapped_runs": [list(run) for run in view.swapped_runs],
        "notes": list(view.notes),
    }


def _joint(joint: JointReport, report: ReconstructionReport) -> dict[str, Any]:
    by_view = rounded_list(joint.reprojection_px, 3)
    return {
        "name": joint.name,
        "uncertainty_median_m": rounded(joint.uncertainty_m, 5),
        "reprojection_mean_px_by_view": {view.name: pixels for view, pixels in zip(report.views, by_view, strict=True)},
    }


def _bone(bone: BoneReport) -> dict[str, Any]:
    return {
        "parent": bone.parent,
        "child": bone.child,
        "length_m": rounded(bone.length_m, 5),
        "variation_share": rounded(bone.variation, 4),
        "asymmetry_share": rounded(bone.asymmetry, 4),
    }


def _truth(truth: TruthReport) -> dict[str, Any]:
    return {
        "rotation_rad": rounded(truth.rotation_rad, 6),
        "centre_m": rounded(truth.centre_m, 5),
        "time_offset_s": rounded(truth.time_offset_s, 5),
        "scale_share": rounded(truth.scale, 5),
        "scale_sigma_share": rounded(truth.scale_sigma, 4),
        "people": truth.people,
        "people_found": truth.people_found,
        "visible_found_share": rounded(truth.visible_found, 4),
        "all_joints": _joint_error(truth.all_joints),
        "views": [_view_error(view) for view in truth.views],
        "joints": [_joint_error(joint) for joint in truth.joints],
    }


def _view_error(view: ViewError) -> dict[str, Any]:
    return {
        "name": view.name,
        "rotation_rad": rounded(view.rotation_rad, 6),
        "centre_m": rounded(view.centre_m, 5),
        "time_offset_s": rounded(view.time_offset_s, 5),
        "focal_share": rounded(view.focal, 5),
    }


def _joint_error(joint: JointError) -> dict[str, Any]:
    return {
        "name": joint.name,
        "error_mean_m": rounded(joint.error_m, 5),
        "metric_error_mean_m": rounded(joint.metric_error_m, 5),
        "uncertainty_median_m": rounded(joint.uncertainty_m, 5),
        "within_two_sigma_share": rounded(joint.within_two_sigma, 4),
        "compared": joint.compared,
    }
