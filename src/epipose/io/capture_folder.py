"""A capture: one folder with the views of one recording and all that was made of them.

Folders of Pose2Sim (a session or trial), Caliscope (a project or one recording) and Anipose (a session), and a bare
folder of videos, are captures as they are; results are added in folders of their own.
"""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.io import capture_layouts
from epipose.io.capture_layouts import View
from epipose.io.fingerprints import content_digest
from epipose.io.timestamps import read_timestamps
from epipose.io.view_names import closest_view, match_names, natural_key

KEYPOINT_SUFFIXES = (".npz", ".h5", ".json", ".csv")
"""In order of preference where one detector left several files of a view."""


@dataclass(frozen=True)
class CaptureFolder:
    """Where everything of a capture is, or is to be written; only names are read, not contents."""

    path: Path
    views: tuple[View, ...]
    """In natural order of their names."""
    camera_files: tuple[Path, ...]
    """Files, or folders of several files, that give cameras, besides the capture's own cameras.toml."""
    keypoint_files: dict[str, dict[str, Path]]
    """By detector, then by view, in any format; a view may be missing. Pose2Sim's own is called pose2sim."""
    times_file: Path | None
    """Caliscope's timestamps.csv."""

    @property
    def view_names(self) -> tuple[str, ...]:
        """Names of the views."""
        return tuple(view.name for view in self.views)

    @property
    def cameras_path(self) -> Path:
        """Where the cameras of this capture are written."""
        return self.path / "cameras.toml"

    @property
    def estimated_cameras_path(self) -> Path:
        """Where they are written when the user's own cameras.toml is in that place."""
        return self.path / "cameras-estimated.toml"

    def keypoints_path(self, detector: str, view: str) -> Path:
        """Where the keypoints of a view are written."""
        return self.path / "keypoints" / detector / f"{view}.npz"

    def poses_path(self, name: str) -> Path:
        """Where the poses called `name` are written."""
        return self.path / "poses" / f"{name}.npz"

    def camera_file(self, *, own: bool = True) -> Path | None:
        """Return the capture's cameras.toml (unless not `own`), else the one camera file that others left, or None.

        Raises InputError when several are found, for none is better.
        """
        if own and self.cameras_path.is_file():
            return self.cameras_path
        if len(self.camera_files) > 1:
            found = ", ".join(os.path.relpath(file, self.path) for file in self.camera_files)
            raise InputError(f"{self.path} holds several camera files ({found}); name the one to use with --cameras")
        return self.camera_files[0] if self.camera_files else None

    def times(self) -> dict[str, Float[ndarray, "frames"]]:
        """Return the recorded times of each view in seconds on a common clock; empty where only the videos know."""
        if self.times_file is None:
            return {}
        recorded = read_timestamps(self.times_file)
        cameras = match_names(self.view_names, tuple(recorded), what=f"cameras of {self.times_file}")
        return {view: recorded[camera] for view, camera in cameras.items()}


def open_capture(path: Path, *, fewest_views: int = 2) -> CaptureFolder:
    """Look through a folder; raises InputError, with the remedy, if it is no capture of enough different views."""
    if not path.exists():
        raise InputError(f"there is no folder {path}; check the name")
    if not path.is_dir():
        raise InputError(f"{path} is a file; name the folder that holds one video for each camera")
    layout = capture_layouts.find(path)
    keypoints = _keypoint_files(path, tuple(view.name for view in layout.views))
    views = layout.views or _views_of_keypoints(keypoints)
    if not views:
        raise InputError(f"{path} holds no videos, pictures or keypoints; put the videos into {path / 'videos'}")
    if len(views) < fewest_views:
        raise InputError(
            f"{path} holds only the view {views[0].name!r}; depth needs at least {fewest_views} cameras: "
            "add the videos of the others"
        )
    _refuse_twins([source for view in views for source in [view.source] if source is not None])
    for files in keypoints.values():
        _refuse_twins(list(files.values()))
    return CaptureFolder(path, views, layout.camera_files, keypoints, layout.times_file)


def _keypoint_files(path: Path, views: tuple[str, ...]) -> dict[str, dict[str, Path]]:
    """Find keypoints by detector and view; without known `views` every file is a view of its own name."""
    folders = {folder.name: folder for folder in sorted((path / "keypoints").glob("*/"))}
    if any((path / "pose").glob("*_json/")):
        folders["pose2sim"] = path / "pose"
    found: dict[str, dict[str, Path]] = {}
    for detector, folder in folders.items():
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        entries = [entry for entry in entries if entry.is_dir() or entry.suffix.lower() in KEYPOINT_SUFFIXES]
        files: dict[str, Path] = {}
        for entry in sorted(entries, key=_preference):
            name = entry.name.removesuffix("_json") if entry.is_dir() else entry.stem
            view = closest_view(name, views) if views else name
            if view is not None:
                files.setdefault(view, entry)
        if files:
            found[detector] = dict(sorted(files.items(), key=lambda item: natural_key(item[0])))
    return found


def _preference(entry: Path) -> tuple[int, list[tuple[int, str]]]:
    suffix = entry.suffix.lower()
    return (KEYPOINT_SUFFIXES.index(suffix) if suffix in KEYPOINT_SUFFIXES else 0, natural_key(entry.name))


def _views_of_keypoints(keypoints: dict[str, dict[str, Path]]) -> tuple[View, ...]:
    names = {view for files in keypoints.values() for view in files}
    return tuple(View(name, None) for name in sorted(names, key=natural_key))


def _refuse_twins(sources: list[Path]) -> None:
    """Refuse two sources of the same content; only those of the same size are read."""
    by_size = defaultdict(list)
    for source in sources:
        files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
        by_size[tuple(sorted(file.stat().st_size for file in files))].append(source)
    for candidates in by_size.values():
        seen: dict[str, Path] = {}
        for source in candidates if len(candidates) > 1 else []:
            twin = seen.setdefault(content_digest(source), source)
            if twin is not source:
                raise InputError(f"{twin} and {source} are the same; replace one by the recording of its own camera")
