"""The main path: a folder of videos becomes cameras, metric skeletons, files for other programs and a report."""

from pathlib import Path

from epipose.calibration.rig import find_rig
from epipose.pipeline.export import export
from epipose.pipeline.findings import describe
from epipose.pipeline.inputs import calibration_views, load_inputs
from epipose.pipeline.known_cameras import known_cameras
from epipose.pipeline.people3d import check_same_person, find_people
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.smoothing import smoothing
from epipose.pipeline.stages import Stopwatch, credited, write_rig
from epipose.pipeline.triangulate import write_people
from epipose.report.contents import ReconstructionReport
from epipose.report.html_report import write_html
from epipose.report.json_report import write_json

EXPORTS = ("csv", "trc")


def reconstruct(
    folder: Path,
    *,
    cameras: str = "auto",
    intrinsics: str | None = None,
    board: str | None = None,
    detector: str = "auto",
    height_m: float | None = None,
    refine: bool = False,
    smooth: str = "motion",
    frame_rate: float | None = None,
    progress: Report = no_report,
) -> ReconstructionReport:
    """Reconstruct everybody in a capture; writes cameras.toml, poses/, exports/, report.html and report.json.

    `cameras`: "auto" (those of the capture, if any), "people" (ignore any known places) or a camera file.
    `intrinsics`: a camera file of which only the lenses are taken, "estimate" (one focal length for all) or
    "estimate-each". `board`: a calibration board, such as "checkerboard 4x7 60mm"; then `intrinsics` may be a folder of
    its pictures, with a folder for each view, and so may `cameras` where the views took them at the same moments.
    `detector`: a detector's name, or a folder of keypoints that is there; "auto": keypoints that are there, else
    MediaPipe's, else the builtin detector's. `height_m`: the main person's stature, for the scale. `refine`: adjust
    given cameras. `smooth`: see `smoothing`. `frame_rate` (1/s): for keypoints or pictures that do not tell theirs.
    Raises InputError for input that cannot be used, with the remedy or what to film next.
    """
    steady = smoothing(smooth)
    watch = Stopwatch()
    with watch.stage("keypoints"):
        inputs = load_inputs(folder, detector, frame_rate, progress)
        known = known_cameras(inputs.capture, cameras, intrinsics, board, progress)
        views, notes = calibration_views(inputs, known)
    with watch.stage("cameras"):
        rig = credited(find_rig(views, height_m=height_m, refine=refine, focal=known.focal, metric=known.metric), known)
    with watch.stage("triangulation"):
        people = find_people(inputs.people, rig.offsets, rig.cameras, rig.sigma_px, progress)
        if rig.uncertainty is not None:  # cameras that were given are believed
            check_same_person(people, inputs.names)
    with watch.stage("files"):
        capture = inputs.capture
        write_rig(inputs, rig, known)
        poses = steady(people)
        files = write_people(capture, people, poses)
        export(files["smooth"], EXPORTS)
    warnings = (*inputs.notes, *known.notes)
    report = describe(inputs, rig, people, poses, notes=notes, warnings=warnings, seconds_by_stage=watch.seconds)
    write_json(capture.path / "report.json", report)
    write_html(capture.path / "report.html", report)
    return report
