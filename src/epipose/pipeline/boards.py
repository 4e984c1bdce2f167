"""Lenses and places of cameras from pictures of a calibration board, as the user names and stores them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose import __version__
from epipose.calibration.board_lens import lens_from_board
from epipose.calibration.board_rig import rig_from_board
from epipose.calibration.boards import Board, Charuco, Checkerboard, board_kind, picture_size
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import CameraFile, read_cameras, write_cameras
from epipose.io.camera_fit import fit_to_video
from epipose.io.capture_folder import CaptureFolder
from epipose.io.capture_layouts import VIDEO_SUFFIXES
from epipose.io.fingerprints import fingerprint
from epipose.io.pictures import picture_files, read_picture, read_pictures
from epipose.io.videos import probe, read_frames
from epipose.io.view_names import match_names
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.provenance import MADE_BY, is_ours, metadata_of

EXAMPLES = '"checkerboard 4x7 60mm" or "charuco 5x7 40mm 30mm DICT_4X4_50"'
WORDS = ("auto", "people", "estimate", "estimate-each")
"""What users may say in place of a file."""
METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0}
SAMPLED = 40
"""Frames that are looked at in a video of a board, evenly spread."""
CAMERA_FOLDERS = ("intri.yml", "cameras.txt")
"""A folder with one of these is a camera file in several parts (EasyMocap, COLMAP), whatever pictures lie below it."""


def parse_board(text: str) -> Board:
    """Return the board that a user describes: its kind, its size and the lengths of its parts, as in `EXAMPLES`.

    A checkerboard's size is in inner corners, a ChArUco board's in squares; its lengths are those of square and marker.
    """
    size, length = r"(\d{1,3})[x\u00d7](\d{1,3})", r"(\d+(?:\.\d+)?) ?(mm|cm|m)"
    words = " ".join(text.split())
    if found := re.fullmatch(rf"(?:checker|chess)board {size} {length}", words, re.IGNORECASE):
        return Checkerboard(int(found[1]), int(found[2]), _metres(found[3], found[4]))
    if found := re.fullmatch(rf"charuco {size} {length} {length}(?: (\w+))?", words, re.IGNORECASE):
        square_m, marker_m = _metres(found[3], found[4]), _metres(found[5], found[6])
        return Charuco(int(found[1]), int(found[2]), square_m, marker_m, found[7] or Charuco.dictionary)
    raise InputError(f"{text!r} is not a board; describe it like {EXAMPLES}")


def _metres(number: str, unit: str) -> float:
    # Rounded, so that 60mm and 6cm are the same board.
    return round(float(number) * METRES[unit.lower()], 9)


@dataclass(frozen=True)
class Shown:
    """Which of a user's folders hold pictures of the board, and of which board."""

    board: Board | None
    cameras: Path | None
    lenses: Path | None

    def lens_file(self, capture: CaptureFolder, progress: Report) -> CameraFile:
        """Return the lenses: from their own pictures, or from those that show where the cameras stand."""
        folder = self.lenses or self.cameras
        assert self.board is not None
        assert folder is not None
        kept = capture.path / "lenses.toml"
        return lenses_from_pictures(folder, self.board, capture.view_names, kept=kept, progress=progress)

    def camera_file(self, capture: CaptureFolder, lenses: Mapping[str, Camera], progress: Report) -> CameraFile:
        """Return the cameras in the board's world."""
        assert self.board is not None
        assert self.cameras is not None
        kept = capture.path / "cameras-from-board.toml"
        return rig_from_pictures(self.cameras, self.board, lenses, kept=kept, progress=progress)


def shown(board: str | None, cameras: str, intrinsics: str | None) -> Shown:
    """Return which of `cameras` and `intrinsics` is a folder of pictures of `board`; raises InputError if none is."""
    folders = [_picture_folder(named) for named in (cameras, intrinsics)]
    pictured = next((folder for folder in folders if folder is not None), None)
    if board is None and pictured is not None:
        raise InputError(f"{pictured} holds pictures; say which board they show with --board, like {EXAMPLES}")
    if board is None:
        return Shown(None, None, None)
    parsed = parse_board(board)
    if pictured is None:
        raise InputError(
            f"nothing says where the pictures of the {board_kind(parsed)} are; name the folder that holds a folder of"
            " them for each view with --intrinsics, or with --cameras where all views took them at the same moments"
        )
    if intrinsics in ("estimate", "estimate-each"):
        raise InputError(f"the pictures in {pictured} give the lenses too; leave out --intrinsics {intrinsics}")
    return Shown(parsed, *folders)


def _picture_folder(named: str | None) -> Path | None:
    if named is None or named in WORDS or not Path(named).is_dir():
        return None
    path = Path(named)
    return path if _entries(path) and not any((path / part).exists() for part in CAMERA_FOLDERS) else None


def lenses_from_pictures(
    folder: Path, board: Board, names: Sequence[str], *, kept: Path, progress: Report = no_report
) -> CameraFile:
    """Return the lens of every view from its pictures of the board, in `folder`/<view>/ or `folder`/<view>.mp4.

    They are written to `kept`, and taken from there when pictures and board are still the same; a file of that name
    that the user brought stays, and another name is used. Raises InputError, naming the view, with what to film next.
    """
    sources = _sources(folder, names)

    def measure() -> _Found:
        cameras, notes = {}, {}
        for number, (view, source) in enumerate(sources.items()):
            progress("lenses from the board", number, len(sources))
            try:
                found = lens_from_board(_frames(source), board)
            except InputError as error:
                raise InputError(f"{source}: {error}") from error
            cameras[view] = Camera(found.lens, Rigid.identity(), found.size_wh)
            notes[view] = "; ".join(found.notes)
        progress("lenses from the board", len(sources), len(sources))
        return _Found(cameras, notes)

    made_from = fingerprint("lenses from a board", repr(board), dict(sources))
    return _kept(kept, made_from, measure)


def notes_by_view(lenses: CameraFile) -> dict[str, str]:
    """Return what `lenses_from_pictures` noted about each view."""
    return {view: note for view, _, note in (noted.partition(": ") for noted in lenses.notes)}


def rig_from_pictures(
    folder: Path, board: Board, lenses: Mapping[str, Camera], *, kept: Path, progress: Report = no_report
) -> CameraFile:
    """Return the cameras of the views in `lenses` from pictures of the board that they took at the same moments.

    In `folder`/<view>/, picture number n of every view, in the order of names, is of one moment. The world is that of
    `rig_from_board`. Written to and taken from `kept` like lenses.
    """
    sources = _sources(folder, tuple(lenses))
    if videos := [source for source in sources.values() if source.is_file()]:
        raise InputError(
            f"{videos[0]} is a video; where the cameras stand needs pictures that all took at the same moment, in a"
            f" folder for each view such as {folder / next(iter(lenses))}"
        )

    def measure() -> _Found:
        progress("places from the board", 0, 1)
        pictures = {view: _Pictures(source) for view, source in sources.items()}
        fitted = {view: fit_to_video(lenses[view], pictures[view].size_wh, view)[0].lens for view in sources}
        cameras = rig_from_board(pictures, fitted, board)
        progress("places from the board", 1, 1)
        return _Found(cameras, {})

    known = {view: [camera.lens.parameters.tolist(), list(camera.size_wh)] for view, camera in lenses.items()}
    made_from = fingerprint("rig from a board", repr(board), dict(sources), known)
    return _kept(kept, made_from, measure)


@dataclass(frozen=True, eq=False)
class _Found:
    cameras: dict[str, Camera]
    notes: dict[str, str]


def _kept(path: Path, made_from: str, measure: Callable[[], _Found]) -> CameraFile:
    """Return what `measure` found when it was last run on the same, or run it and write what it finds."""
    if path.exists() and not is_ours(path):
        path = path.with_name(f"{path.stem}-from-board{path.suffix}")
    metadata = metadata_of(path)
    if metadata.get("fingerprint") == made_from:
        return replace(read_cameras(path), notes=_as_notes(metadata.get("notes")))
    found = measure()
    about = {"made_by": MADE_BY, "version": __version__, "fingerprint": made_from, "notes": found.notes}
    write_cameras(path, found.cameras, metadata=about)
    return replace(read_cameras(path), notes=_as_notes(found.notes))


def _as_notes(by_view: object) -> tuple[str, ...]:
    return tuple(f"{view}: {note}" for view, note in by_view.items()) if isinstance(by_view, dict) else ()


def _entries(folder: Path) -> dict[str, Path]:
    """Return what may be a view's pictures by name: folders of pictures, folders of one video, videos."""
    found = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_file() and entry.suffix.lower() in VIDEO_SUFFIXES:
            found[entry.stem] = entry
        elif entry.is_dir():
            videos = [file for file in sorted(entry.iterdir()) if file.suffix.lower() in VIDEO_SUFFIXES]
            if picture_files(entry):
                found[entry.name] = entry
            elif len(videos) == 1:
                found[entry.name] = videos[0]
    return found


def _sources(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    entries = _entries(folder)
    return {
        view: entries[name] for view, name in match_names(names, tuple(entries), what=f"folders of {folder}").items()
    }


def _frames(source: Path) -> Iterator[UInt8[ndarray, "height width 3"]]:
    if source.is_dir():
        yield from (frame.image for frame in read_pictures(source, frame_rate=1.0))
        return
    count = len(probe(source).times)
    chosen = set(np.linspace(0, count - 1, min(SAMPLED, count)).round().astype(int).tolist())
    yield from (frame.image for frame in read_frames(source) if frame.index in chosen)


class _Pictures(Sequence[UInt8[ndarray, "height width"]]):
    """The pictures of a folder, read when they are asked for: those of a whole rig may not fit into memory."""

    def __init__(self, folder: Path) -> None:
        self._files = picture_files(folder)
        self.size_wh = picture_size(read_picture(self._files[0]))

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> UInt8[ndarray, "height width"]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[UInt8[ndarray, "height width"]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        image = cv2.cvtColor(read_picture(self._files[index]), cv2.COLOR_RGB2GRAY)
        if picture_size(image) != self.size_wh:
            raise InputError(
                f"{self._files[index]} differs in size from the pictures before it; take all with one setting"
            )
        return image
