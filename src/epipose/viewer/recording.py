"""What there is to look at in a capture: its views, where they stood, and all poses that were made of them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.alignment import similarity
from epipose.geometry.cameras import Camera
from epipose.io.camera_fit import fit_to_video
from epipose.io.capture_folder import CaptureFolder, open_capture
from epipose.io.capture_layouts import View
from epipose.io.pictures import picture_files, read_picture
from epipose.io.pose_files import Covariance, read_covariance, read_poses
from epipose.io.recorded_truth import read_known_poses
from epipose.io.video_seeking import SeekableVideo
from epipose.io.view_names import natural_key
from epipose.pipeline.known_cameras import Known, known_cameras, placed_cameras
from epipose.pipeline.provenance import is_ours
from epipose.pose.keypoints import Poses
from epipose.runtime.placing import LEVEL

FEWEST_TO_LAY_ON = 3
"""Cameras whose places tell how the true world lies in that of the poses."""
TRIANGULATED, SMOOTH = "triangulated", "smooth"


@dataclass(frozen=True, eq=False)
class FilmedView:
    """One view: its camera in the world of the poses, and how its clock goes."""

    name: str
    camera: Camera
    source: Path | None
    """A video or a folder of pictures; None where there are only keypoints."""
    time_offset_s: float
    """What is added to the view's own times for the common clock."""
    times: Float[ndarray, "frames"] | None
    """When its frames were taken, on its own clock, where its video does not know it."""


@dataclass(frozen=True, eq=False)
class Track:
    """The poses of one file, in the world, on the common clock."""

    name: str
    poses: Poses
    covariance: Covariance | None
    """None: equally uncertain in all directions."""

    @cached_property
    def frame_s(self) -> float:
        """Usual seconds from frame to frame."""
        return float(np.median(np.diff(self.poses.times))) if len(self.poses.times) > 1 else 1 / 30

    @property
    def people(self) -> int:
        """How many people there are."""
        return int(self.poses.weight.shape[1])


@dataclass(frozen=True, eq=False)
class Recording:
    """A capture, ready to be looked at."""

    name: str
    views: tuple[FilmedView, ...]
    """Those whose cameras are known."""
    tracks: tuple[Track, ...]
    notes: tuple[str, ...]
    """What cannot be shown, and why; one sentence each."""

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last moment of the poses on the common clock, in seconds."""
        times = [track.poses.times for track in self.tracks]
        return float(min(own[0] for own in times)), float(max(own[-1] for own in times))

    @property
    def frame_s(self) -> float:
        """Seconds from frame to frame of the poses that have most of them."""
        return min(track.frame_s for track in self.tracks)


def open_recording(folder: Path, *, cameras: str = "auto", frame_rate: float | None = None) -> Recording:
    """Return what a capture has to show; raises InputError, with the remedy, if nobody was found in it yet.

    `cameras`: a camera file, or "auto": those by which the poses were found. `frame_rate` (1/s) is for views that are
    folders of pictures.
    """
    capture = open_capture(folder, fewest_views=1)
    views, notes = _views(capture, cameras, frame_rate)
    tracks = []
    for file in sorted((capture.path / "poses").glob("*.npz"), key=lambda file: natural_key(file.stem)):
        poses = read_poses(file)
        if len(poses.times):
            tracks.append(Track(file.stem, poses, read_covariance(file, poses)))
    for file in sorted(capture.path.glob("predicted/*/poses.npz"), key=lambda file: natural_key(file.parent.name)):
        view = next((view for view in views if view.name == file.parent.name), None)
        track, note = _predicted(file, view)
        tracks += [] if track is None else [track]
        notes += [] if note is None else [note]
    true = _truth(capture, views)
    tracks += [] if true is None else [true]
    if not tracks:
        raise InputError(f"{folder} holds no poses to look at; run `epipose reconstruct {folder}` first")
    return Recording(capture.path.resolve().name, tuple(views), tuple(tracks), tuple(notes))


def _views(capture: CaptureFolder, cameras: str, frame_rate: float | None) -> tuple[list[FilmedView], list[str]]:
    """Return the views, and notes; nothing but a note where no cameras are known and the user named none."""
    try:
        known, offsets = _cameras_of_poses(capture, cameras)
    except InputError as error:
        if cameras != "auto":
            raise
        return [], [f"no cameras are shown: {error}"]
    recorded, views, notes = capture.times(), [], list(known.notes)
    assert known.cameras is not None, "cameras that are placed are known"
    for view in capture.views:
        try:
            camera, note = _fitted(known.cameras[view.name], view)
        except InputError as error:
            views.append(FilmedView(view.name, known.cameras[view.name], None, 0.0, None))
            notes.append(f"no pictures of {view.name} are shown: {error}")
            continue
        times, source = recorded.get(view.name), view.source
        if source is not None and source.is_dir() and times is None:
            if frame_rate is None:
                notes.append(f"no pictures of {view.name} are shown: say with --frame-rate how many it took a second")
                source = None
            else:
                times = np.arange(len(picture_files(source))) / frame_rate
        notes += [] if note is None else [note]
        views.append(FilmedView(view.name, camera, source, offsets.get(view.name, 0.0), times))
    return views, notes


def _cameras_of_poses(capture: CaptureFolder, cameras: str) -> tuple[Known, dict[str, float]]:
    """Return the cameras by which the poses were found, and what is added to each view's times."""
    told = _told(capture) if cameras == "auto" else {}
    ours = [file for file in (capture.estimated_cameras_path, capture.cameras_path) if is_ours(file)]
    if ours and told and told["sources"]["cameras"] != "given":
        newest = max(ours, key=lambda file: file.stat().st_mtime_ns)
        known = known_cameras(capture, str(newest), None)
    else:
        known = placed_cameras(capture, cameras)
    if told:
        return known, {view["name"]: float(view["time_offset_s"]) for view in told["views"]}
    return known, dict(zip(capture.view_names, known.time_offsets_s or (), strict=bool(known.time_offsets_s)))


def _told(capture: CaptureFolder) -> dict[str, Any]:
    """Return what `report.json` says, if the poses are those of which it speaks; else nothing."""
    report, poses = capture.path / "report.json", capture.poses_path(TRIANGULATED)
    with suppress(OSError, ValueError, KeyError, TypeError):
        if report.stat().st_mtime_ns >= poses.stat().st_mtime_ns:
            told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
            _ = told["sources"]["cameras"], [float(view["time_offset_s"]) for view in told["views"]]
            return told
    return {}


def _fitted(camera: Camera, view: View) -> tuple[Camera, str | None]:
    """Return the camera for the view's pictures; raises InputError if these cannot be read, or are of other sizes."""
    if view.source is None:
        width, height = (round(2 * centre + 1) for centre in camera.lens.centre)
        return (camera if camera.size_wh != (0, 0) else replace(camera, size_wh=(width, height))), None
    if view.source.is_dir():
        picture = read_picture(picture_files(view.source)[0])
        return fit_to_video(camera, (picture.shape[1], picture.shape[0]), view.name)
    with SeekableVideo(view.source) as video:
        return fit_to_video(camera, video.size_wh, view.name, rotation=video.rotation)


def _truth(capture: CaptureFolder, views: Sequence[FilmedView]) -> Track | None:
    """Return the truth that a recording came with, its cameras laid on those that were found; None without either."""
    if not (capture.path / "truth").is_dir() or len(views) < FEWEST_TO_LAY_ON:
        return None
    truth = read_known_poses(capture.path / "truth")
    if any(view.name not in truth.cameras for view in views):
        return None
    factor, world_from_truth = similarity(
        np.stack([truth.cameras[view.name].centre for view in views]), np.stack([view.camera.centre for view in views])
    )
    late = float(np.mean([truth.time_offsets_s[view.name] - view.time_offset_s for view in views]))
    positions = world_from_truth.apply(factor * truth.poses.positions.astype(float)).astype(np.float32)
    return Track("truth", replace(truth.poses, positions=positions, times=truth.poses.times - late), None)


def _predicted(file: Path, view: FilmedView | None) -> tuple[Track | None, str | None]:
    """Return what one camera said, put into the world by that camera where it only says how far away people are."""
    name = f"predicted/{file.parent.name}"
    try:
        told = json.loads((file.parent / "prediction.json").read_text(encoding="utf-8"))
        placed, relative = told["world"] is not None, "relative" in told["measure"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, f"{name} is not shown: its prediction.json is missing or damaged"
    if relative or (view is None and not placed):
        return None, f"{name} is not shown: nothing says where its people are; predict again with --cameras"
    poses = read_poses(file)
    if not len(poses.times):
        return None, f"{name} is not shown: it is empty"
    if view is not None:
        poses = replace(poses, times=poses.times + view.time_offset_s)
    if view is not None and not placed:
        world_from_level = view.camera.cam_from_world.inverse() @ LEVEL.inverse()
        poses = replace(poses, positions=world_from_level.apply(poses.positions.astype(float)).astype(np.float32))
    return Track(name, poses, None), None
