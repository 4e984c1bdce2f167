"""How programs lay out the videos, cameras and times of one recording in a folder."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from epipose.errors import InputError
from epipose.io.pictures import picture_files
from epipose.io.view_names import natural_key

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"})
CALISCOPE_CAMERAS = Path("calibration/extrinsic/capture_volume/camera_array.toml")


@dataclass(frozen=True)
class View:
    """What one camera recorded."""

    name: str
    source: Path | None
    """A video file or a folder of pictures; None where there are only keypoints."""


@dataclass(frozen=True)
class Layout:
    """What was found in a folder; all of it may be empty."""

    views: tuple[View, ...]
    camera_files: tuple[Path, ...]
    times_file: Path | None


def find(path: Path) -> Layout:
    """Return what `path` holds, in whichever known layout it is; raises InputError for several recordings in one.

    Views: videos/ (ours and Pose2Sim's), videos-raw/ (Anipose's), images/<view>/, recordings/<name>/ (Caliscope's), or
    videos in the folder itself. A calibration one level higher serves all trials of a Pose2Sim or Anipose session.
    """
    recording = path
    views = _structured_views(path)
    structured = bool(views)
    if not views and (path / "recordings").is_dir():
        recording = _only_recording(path / "recordings")
    views = views or _video_views(recording)
    cameras = _camera_files(path)
    if not cameras and structured:
        cameras = _camera_files(path.parent)
    if not cameras and path.parent.name == "recordings":
        cameras = _camera_files(path.parent.parent)
    times = recording / "timestamps.csv"
    return Layout(views, cameras, times if times.is_file() else None)


def _structured_views(path: Path) -> tuple[View, ...]:
    raw = _video_views(path / "videos-raw")
    trials = sorted({re.sub(r"[-_ ]?cam[-_ ]?[A-Za-z0-9]+", "", view.name, flags=re.IGNORECASE) for view in raw})
    if len(trials) > 1:
        raise InputError(
            f"{path / 'videos-raw'} holds several recordings ({', '.join(trials)}); "
            "put the videos of one of them into a folder of their own"
        )
    return _video_views(path / "videos") or raw or _picture_views(path / "images")


def _video_views(folder: Path) -> tuple[View, ...]:
    if not folder.is_dir():
        return ()
    files = [file for file in folder.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()]
    files = sorted((file for file in files if not file.name.startswith(".")), key=lambda file: natural_key(file.name))
    for file, following in pairwise(files):
        if file.stem == following.stem:
            raise InputError(f"{file} and {following} are both called {file.stem!r}; keep one for each camera")
    return tuple(View(file.stem, file) for file in files)


def _picture_views(folder: Path) -> tuple[View, ...]:
    if not folder.is_dir():
        return ()
    folders = sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: natural_key(entry.name))
    return tuple(View(entry.name, entry) for entry in folders if picture_files(entry))


def _only_recording(folder: Path) -> Path:
    found = sorted(entry for entry in folder.iterdir() if _video_views(entry))
    if len(found) != 1:
        names = ", ".join(entry.name for entry in found)
        state = f"several recordings ({names}); name one of these folders" if found else "no videos; record some first"
        raise InputError(f"{folder} holds {state}")
    return found[0]


def _camera_files(path: Path) -> tuple[Path, ...]:
    """Return all that look like calibrations; the capture's own cameras.toml is not among them."""
    if (path / CALISCOPE_CAMERAS).is_file():
        return (path / CALISCOPE_CAMERAS,)
    beside = [
        file for file in _files(path) if re.fullmatch(r"(?i)(calib.*|camera_array)\.toml|.*\.qca\.txt", file.name)
    ]
    calibration = path / "calibration"
    inside = [file for file in _files(calibration) if re.fullmatch(r"(?i).*\.(toml|ya?ml|qca\.txt)", file.name)]
    inside = [file for file in inside if file.name.lower() not in {"config.toml", "intri.yml", "extri.yml"}]
    folders = [calibration] if {file.name for file in _files(calibration)} & {"intri.yml", "cameras.txt"} else []
    return tuple(beside + inside + folders)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
