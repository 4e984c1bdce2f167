"""`report.html`: the report for people, one file that opens offline, with plotly inside."""

import html
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from epipose.io.files import atomic_write
from epipose.report import charts
from epipose.report.contents import ReconstructionReport, ViewReport
from epipose.report.markup import legend, opening, part, table, whole_page
from epipose.report.palette import Figure
from epipose.report.playback import playback
from epipose.report.still import moment_words, stills
from epipose.report.summary import sources_sentence, verdict, what_to_do
from epipose.report.truth_section import truth_section
from epipose.report.wording import in_unit, millimetres, percent, plural, ranges


def write_html(path: Path, report: ReconstructionReport) -> None:
    """Write `report` to `path`, some 5 MB; raises InputError when the disk refuses."""
    text = page(report)
    with atomic_write(path, "w") as file:
        file.write(text)


def page(report: ReconstructionReport) -> str:
    """Return the whole page. Everything that the user named is escaped; nothing is loaded from elsewhere."""
    shown = figures(report)
    body = Template(part("reconstruction.html")).substitute(
        opening=opening(report.title, _subtitle(report), verdict(report), _told(report), _tiles(report)),
        truth=truth_section(report.truth),
        sources=html.escape(sources_sentence(report)),
        playback_note=_playback_note(shown["playback"], len(report.poses.times)),
        playback_legend=_playback_legend(shown["playback"]),
        still_note=html.escape(moment_words(shown["playback"])),
        stills=stills(shown["playback"]),
        camera_table=_camera_table(report),
        noticed=_noticed(report),
        bone_table=_bone_table(report),
        stage_table=_stage_table(report),
    )
    return whole_page(report.title, body, shown, script="playback.js")


def figures(report: ReconstructionReport) -> dict[str, Figure]:
    """Return every figure of the page under the id of the element that shows it."""
    return {
        "playback": playback(report),
        "top-view": charts.top_view(report),
        "by-joint": charts.reprojection_by_joint(report),
        "over-time": charts.reprojection_over_time(report),
        "bones": charts.bone_variation(report),
        "joints": charts.joint_uncertainty(report),
    }


def _subtitle(report: ReconstructionReport) -> str:
    frames, people = report.poses.weight.shape[:2]
    parts = (
        plural(len(report.views), "camera"),
        plural(people, "person", "people"),
        f"{plural(frames, 'frame')} in {in_unit(report.duration_s, 's')}",
        f"made {report.created:%Y-%m-%d %H:%M} by epipose {report.version}",
    )
    return " · ".join(parts)


def _told(report: ReconstructionReport) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return the lists of the first screen; of a poor recording, filming again comes before using it."""
    again = report.film_next or ("Nothing needs to change: film the next one like this one.",)
    now, later = ("What to do now", "advice", what_to_do(report)), ("What to film next", "next", again)
    lists = (later, now) if verdict(report).level == "poor" else (now, later)
    return (*lists, ("Warnings", "warnings", report.warnings))


def _tiles(report: ReconstructionReport) -> tuple[tuple[str, str, str], ...]:
    return (
        ("Reprojection", in_unit(report.reprojection_median_px, "px"), _mean_words(report)),
        ("Bone lengths vary", percent(report.bone_variation, 1), "mean over bones; 4 to 6 % is usual"),
        ("Joints known to", millimetres(report.uncertainty_median_m), "median, 1 sigma"),
        ("Joints found", percent(report.found_share), "of the first person"),
        ("Camera positions", _largest_sigma(report.views), "the least certain camera, 1 sigma"),
    )


def _mean_words(report: ReconstructionReport) -> str:
    mean, noise = in_unit(report.reprojection_mean_px, "px"), in_unit(report.noise_sigma_px, "px")
    return f"median; mean {mean}, keypoint noise {noise}"


def _largest_sigma(views: Sequence[ViewReport]) -> str:
    known = [view.centre_sigma_m for view in views if view.centre_sigma_m is not None]
    return f"± {millimetres(max(known))}" if known else "not estimated"


def _playback_note(figure: Figure, frames: int) -> str:
    shown, speed = len(figure["times"]), figure["speed"]
    words = f"{shown} of {plural(frames, 'frame')} shown" if shown < frames else f"All {plural(frames, 'frame')} shown"
    words += f", {speed:g} times faster than real." if speed > 1 else ", in real time."
    balls = "".join(f" Balls: {trace['name']}." for trace in figure["data"] if trace["type"] == "mesh3d")
    return html.escape(words + balls)


def _playback_legend(figure: Figure) -> str:
    moving = (figure["data"][number] for number in figure["moving"])
    return legend(("found", trace["line"]["color"], trace["name"]) for trace in moving)


def _camera_table(report: ReconstructionReport) -> str:
    header = (
        ("Camera", ""),
        ("Picture", "px"),
        ("Focal length", "px"),
        ("Position x, y, z", "m"),
        ("± position", "1 sigma"),
        ("± direction", "1 sigma"),
        ("Frames", "rate"),
        ("Time offset", "ms"),
        ("Saw", "of all joints"),
        ("Agrees", "inliers"),
        ("Reprojection", "median / mean, px"),
        ("Swapped", "frames"),
    )
    return table(header, (_camera_row(view) for view in report.views))


def _camera_row(view: ViewReport) -> tuple[str, ...]:
    fx, fy = view.camera.lens.focal
    focal = f"{fx:.0f}" if round(fx) == round(fy) else f"{fx:.0f} x {fy:.0f}"
    if view.focal_sigma_px is not None:
        focal += f" ± {view.focal_sigma_px:.0f}"
    offset = f"{1000 * view.time_offset_s:+.1f}"
    if view.time_offset_sigma_s is not None:
        offset += f" ± {1000 * view.time_offset_sigma_s:.1f}"
    degrees = None if view.rotation_sigma_rad is None else float(np.rad2deg(view.rotation_sigma_rad))
    return (
        view.name,
        "{} x {}".format(*view.camera.size_wh),
        focal,
        ", ".join(f"{number:.2f}" for number in view.camera.centre),
        millimetres(view.centre_sigma_m),
        in_unit(degrees, "°", 1.0, 2),
        f"{view.frames} at {view.frame_rate:.4g}/s",
        offset,
        percent(view.seen_share),
        percent(view.inlier_share),
        f"{view.reprojection_median_px:.1f} / {view.reprojection_mean_px:.1f}",
        str(len(view.swapped_frames)),
    )


def _noticed(report: ReconstructionReport) -> str:
    """Return a list of detected left/right swaps and of the views' notes."""
    items = [
        f"{view.name}: left and right were swapped in {plural(len(view.swapped_frames), 'frame')}"
        f" ({ranges(view.swapped_runs)}); repaired."
        for view in report.views
        if view.swapped_frames
    ]
    items += [f"{view.name}: {note}" for view in report.views for note in view.notes]
    return (
        "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"
        if items
        else "<p>Nothing out of the ordinary.</p>"
    )


def _bone_table(report: ReconstructionReport) -> str:
    header = (("Bone", ""), ("Length", "mm"), ("Varies", "std / mean"), ("Left longer than right", ""))
    rows = (
        (
            f"{bone.parent} - {bone.child}".replace("_", " "),
            f"{1000 * bone.length_m:.0f}",
            percent(bone.variation, 1),
            "" if bone.asymmetry is None else f"{100 * bone.asymmetry:+.1f} %",
        )
        for bone in report.bones
    )
    return table(header, rows)


def _stage_table(report: ReconstructionReport) -> str:
    rows = ((stage, f"{seconds:.1f}") for stage, seconds in report.seconds_by_stage.items())
    return table((("Stage", ""), ("Time", "s")), rows)
