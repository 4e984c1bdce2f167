"""The stage that finds the cameras of a capture."""

from dataclasses import dataclass
from pathlib import Path

from epipose.calibration.rig import Rig, find_rig
from epipose.pipeline.inputs import calibration_views, load_inputs
from epipose.pipeline.known_cameras import known_cameras
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.stages import credited, write_rig


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What `calibrate` found, and where it wrote the cameras (None when they were given)."""

    names: tuple[str, ...]
    rig: Rig
    cameras_path: Path | None
    notes: tuple[str, ...]


def calibrate(
    folder: Path,
    *,
    cameras: str = "auto",
    intrinsics: str | None = None,
    board: str | None = None,
    detector: str = "auto",
    height_m: float | None = None,
    refine: bool = False,
    frame_rate: float | None = None,
    progress: Report = no_report,
) -> Calibrated:
    """Find the cameras of a capture from the person alone, or check and refine given ones; see `reconstruct`."""
    inputs = load_inputs(folder, detector, frame_rate, progress)
    known = known_cameras(inputs.capture, cameras, intrinsics, board, progress)
    views, notes = calibration_views(inputs, known)
    progress("find cameras", 0, 1)
    rig = credited(find_rig(views, height_m=height_m, refine=refine, focal=known.focal, metric=known.metric), known)
    progress("find cameras", 1, 1)
    return Calibrated(
        inputs.names,
        rig,
        write_rig(inputs, rig, known),
        (*inputs.notes, *known.notes, *(f"{view}: {note}" for view, note in notes.items())),
    )
