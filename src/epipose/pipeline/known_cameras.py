"""The cameras and lenses that a capture and its user give: nobody has looked at a picture yet."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_files import CameraFile, read_cameras
from epipose.io.capture_folder import CaptureFolder
from epipose.io.view_names import match_names
from epipose.pipeline import boards
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.provenance import is_ours, metadata_of

ESTIMATES = ("estimate", "estimate-each")
"""What may be said instead of a file of lenses."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known about the cameras beforehand."""

    cameras: dict[str, Camera] | None
    lenses: dict[str, Camera] | None
    """Cameras of which only the lens counts."""
    notes: tuple[str, ...]
    time_offsets_s: tuple[float, ...] | None
    """Of the views, as a calibration of ours wrote them: added to a view's own times for the common clock."""
    cameras_from_board: bool
    lenses_from_board: bool
    lens_notes: dict[str, str]
    """By view, what pictures of a board showed of its lens."""
    focal: Literal["shared", "each"]
    """Whether lenses that are not known have one focal length or each their own."""
    metric: bool
    """False when the cameras' lengths have no known unit."""


def known_cameras(
    capture: CaptureFolder,
    cameras: str,
    intrinsics: str | None,
    board: str | None = None,
    progress: Report = no_report,
) -> Known:
    """Return the cameras and lenses that a capture and the user give.

    `cameras` is "auto" (those of the capture, if any), "people" (its places are ignored, its lenses kept) or a camera
    file; `intrinsics` is a camera file of which only the lenses count, or "estimate" (one focal length for
    all) or "estimate-each". With a `board` either may be a folder of its pictures.
    """
    shown = boards.shown(board, cameras, intrinsics)
    named = cameras not in ("auto", "people")
    file = Path(cameras) if named and not shown.cameras else _given_file(capture)
    given = read_cameras(file) if file is not None else None
    posed = given is not None and given.posed and cameras != "people"
    lenses = given
    if intrinsics in ESTIMATES:
        if named:
            raise InputError(f"--cameras {cameras} gives places and lenses; leave out --intrinsics {intrinsics}")
        lenses, posed = None, False
    elif intrinsics is not None and not shown.lenses:
        lenses = read_cameras(Path(intrinsics))
        posed = posed and named
    lens_notes: dict[str, str] = {}
    lenses_from_board = shown.lenses is not None or (shown.cameras is not None and lenses is None)
    if lenses_from_board:
        lenses, posed = shown.lens_file(capture, progress), posed and named
        lens_notes, lenses = boards.notes_by_view(lenses), replace(lenses, notes=())
    if shown.cameras:
        given, posed = shown.camera_file(capture, _by_view(capture, lenses) or {}, progress), True
    notes = tuple(dict.fromkeys(note for read in (given, lenses) if read is not None for note in read.notes))
    offsets = metadata_of(file).get("time_offsets_s") if file is not None and is_ours(file) else None
    return Known(
        _by_view(capture, given) if posed else None,
        _by_view(capture, lenses),
        notes,
        tuple(map(float, offsets)) if isinstance(offsets, list) else None,
        cameras_from_board=shown.cameras is not None,
        lenses_from_board=lenses_from_board,
        lens_notes=lens_notes,
        focal="each" if intrinsics == "estimate-each" else "shared",
        metric=given is None or given.metric,
    )


def placed_cameras(capture: CaptureFolder, cameras: str) -> Known:
    """Return the cameras to triangulate with; raises InputError where their places or their unit are missing."""
    known = known_cameras(capture, cameras, None)
    if cameras == "auto" and (known.cameras is None or not known.metric):
        for path in (capture.estimated_cameras_path, capture.cameras_path):
            if is_ours(path):
                return known_cameras(capture, str(path), None)
    if known.cameras is None:
        raise InputError(f"{capture.path} has no cameras with places; run `epipose calibrate {capture.path}` first")
    if not known.metric:
        raise InputError(
            f"the lengths of the cameras of {capture.path} have no unit; run `epipose calibrate {capture.path}` first,"
            f" with the person's --height"
        )
    return known


def _given_file(capture: CaptureFolder) -> Path | None:
    """Return the capture's camera file, unless a calibration of ours wrote it."""
    return capture.camera_file(own=not is_ours(capture.cameras_path))


def calibrated_sizes(capture: CaptureFolder) -> dict[str, tuple[int, int]]:
    """Return the picture sizes that the capture's camera file tells, for keypoint files that do not."""
    try:
        file = _given_file(capture)
        cameras = _by_view(capture, read_cameras(file)) if file else None
    except InputError:
        return {}  # whoever needs the cameras says what is wrong with them
    return {name: camera.size_wh for name, camera in (cameras or {}).items() if camera.size_wh != (0, 0)}


def _by_view(capture: CaptureFolder, file: CameraFile | None) -> dict[str, Camera] | None:
    if file is None:
        return None
    names = match_names(capture.view_names, tuple(file.cameras), what="cameras of the camera file")
    return {view: file.cameras[camera] for view, camera in names.items()}
