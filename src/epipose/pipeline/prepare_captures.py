"""The stage that makes capture folders of a published data set, with its truth where learning and evaluation look.

Videos and pictures are linked, not copied: data sets fill disks, and a link cannot be damaged by what is done to the
capture. Where links cannot be made they are copied.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epipose import __version__
from epipose.datasets import Contents, Recording
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_files import write_cameras
from epipose.io.files import atomic_write
from epipose.io.fingerprints import camera_in_numbers, fingerprint
from epipose.io.keypoint_files.npz import write_npz
from epipose.io.pictures import write_jpeg
from epipose.io.recorded_truth import write_recorded_truth
from epipose.io.videos import read_frames
from epipose.pipeline.inputs import TRUE_KEYPOINTS
from epipose.pipeline.progress import Report
from epipose.pipeline.teaching import TRUTH
from epipose.pose.keypoints import Keypoints, Poses

MARK = "prepared.json"
"""In every capture folder that was made here: what it was made from, and how many files there are in each folder."""

OURS = re.compile(rf"{TRUTH}|videos|images|keypoints/(?!\.)[^/\\]+")
"""Folders of a capture that are made here, and taken away before they are made anew."""


def make_captures(
    dataset: str, recordings: Sequence[Recording], out: Path, every: int, progress: Report
) -> tuple[int, int, int]:
    """Write a capture folder for each recording into `out`; return how many, which were not there, and their poses.

    `every` N keeps each N-th moment; videos are then made into pictures of these moments.
    """
    written = poses = 0
    for number, recording in enumerate(recordings):
        progress("prepare", number, len(recordings))
        folder = out / recording.name
        cameras = {view: camera_in_numbers(camera) for view, camera in recording.cameras.items()}
        key = fingerprint(dataset, recording.name, list(recording.sources), cameras, every)
        before = _made_before(folder)
        if before is None or before["fingerprint"] != key or not _whole(folder, before["files"]):
            before = _make(folder, dataset, recording, every, key)
            written += 1
        poses += before["poses"]
    progress("prepare", len(recordings), len(recordings))
    return len(recordings), written, poses


def _make(folder: Path, dataset: str, recording: Recording, every: int, key: str) -> dict[str, Any]:
    """Write a capture folder and return what it says of itself."""
    contents = _thinned(recording.read(), every)
    keypoints = {
        **contents.keypoints,
        TRUE_KEYPOINTS: {view: seen_by(camera, contents.poses) for view, camera in recording.cameras.items()},
    }
    views = "videos" if contents.videos and every == 1 else "images"
    folders = [TRUTH, *(f"keypoints/{name}" for name in keypoints)]
    folders += [views] if contents.videos or contents.pictures else []
    said = {
        "format_version": 1,
        "epipose_version": __version__,
        "dataset": dataset,
        **recording.about,
        "every": every,
        "poses": contents.poses.weight.shape[0],
    }
    _claim(folder, {**said, "fingerprint": "", "files": dict.fromkeys(folders, 0)})
    write_cameras(folder / "cameras.toml", recording.cameras, metadata={"dataset": dataset})
    for name, by_view in keypoints.items():
        for view, found in by_view.items():
            if view in recording.cameras:
                write_npz(folder / "keypoints" / name / f"{view}.npz", found, fingerprint=key)
    for target, source in _links(folder, contents, every):
        _link(target, source)
    if contents.videos and every > 1:
        for view, video in contents.videos.items():
            _write_pictures(folder / "images" / view, video, contents.poses, every)
    write_recorded_truth(folder / TRUTH, contents.poses, recording.cameras, dataset, recording.about)
    said |= {"fingerprint": key, "files": {name: _count(folder / name) for name in folders}}
    _write_mark(folder, said)
    return said


def seen_by(camera: Camera, poses: Poses) -> Keypoints:
    """Return the joints of poses as a camera sees them; those beyond its picture have score 0."""
    pixels, valid = camera.project(poses.positions.astype(float))
    inside = valid & np.all((pixels >= -0.5) & (pixels < np.array(camera.size_wh) - 0.5), axis=-1)
    score = np.where(inside & (poses.weight > 0), 1, 0).astype(np.float32)
    pixels = np.where(valid[..., None], pixels, 0).astype(np.float32)
    return Keypoints(pixels, score, poses.times, poses.skeleton, camera.size_wh)


def _thinned(contents: Contents, every: int) -> Contents:
    """Return each N-th moment, but for the videos."""
    poses = contents.poses
    keypoints = {
        name: {
            view: Keypoints(k.pixels[::every], k.score[::every], k.times[::every], k.skeleton, k.image_size_wh)
            for view, k in views.items()
        }
        for name, views in contents.keypoints.items()
    }
    kept = Poses(
        poses.positions[::every],
        poses.uncertainty[::every],
        poses.weight[::every],
        poses.times[::every],
        poses.skeleton,
    )
    pictures = {view: files[::every] for view, files in contents.pictures.items()}
    return Contents(kept, contents.videos, pictures, keypoints)


def _links(folder: Path, contents: Contents, every: int) -> Iterator[tuple[Path, Path]]:
    """Yield where links are to be, and to what."""
    if every == 1:
        for view, video in contents.videos.items():
            yield folder / "videos" / f"{view}{video.suffix}", video
    for view, files in contents.pictures.items():
        for file in files:
            yield folder / "images" / view / file.name, file


def _link(target: Path, source: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(source.resolve())
    except OSError:  # file systems, and Windows without rights, that know no links
        with atomic_write(target, "wb") as file, source.open("rb") as reading:
            shutil.copyfileobj(reading, file)


def _write_pictures(folder: Path, video: Path, poses: Poses, every: int) -> None:
    """Write the frames of a video at the moments of the poses, named by their numbers."""
    last = every * (len(poses.times) - 1)
    for frame in read_frames(video):
        if frame.index % every == 0:
            write_jpeg(folder / f"{frame.index:06d}.jpg", frame.image)
        if frame.index >= last:
            return


def _made_before(folder: Path) -> dict[str, Any] | None:
    """Return what a capture folder says of itself; None where nothing was made before."""
    try:
        table = json.loads((folder / MARK).read_text(encoding="utf-8"))
        sound = isinstance(table["fingerprint"], str) and isinstance(table["files"], dict)
        return table if sound and isinstance(table["poses"], int) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _whole(folder: Path, files: Mapping[str, int]) -> bool:
    """Return whether all that was made is there, and what links name too."""
    return (folder / "cameras.toml").is_file() and all(_count(folder / name) == n for name, n in files.items())


def _count(folder: Path) -> int:
    return sum(file.is_file() for file in folder.rglob("*"))


def _claim(folder: Path, said: dict[str, Any]) -> None:
    """Take away what was made before, and mark the folder before anything is written into it."""
    before = _made_before(folder)
    if before is None and folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise InputError(f"{folder} is there and was not made by epipose prepare; name another place with --out")
    for name in {*(before or said)["files"], *said["files"]}:
        if OURS.fullmatch(name):
            shutil.rmtree(folder / name, ignore_errors=True)
    _write_mark(folder, said)


def _write_mark(folder: Path, said: dict[str, Any]) -> None:
    with atomic_write(folder / MARK, "w") as file:
        file.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
