"""Human3.6M's official release: poses as CDF files, videos, and metadata.xml.

`S*/MyPoseFeatures/D3_Positions/<name>.cdf`: variable "Pose" (1, frames, 96), 32 joints in mm, in the world. Where only
`D3_Positions_mono` is there, `<name>.<camera>.cdf`, joints are in the axes of that camera and brought back to the
world. (`D3_Positions_mono_universal` shows bodies of one size for everybody, which do not lie on the pictures: not
read.) `S*/Videos/<name>.<camera>.mp4`: 50 frames per second.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Recording, Wanted
from epipose.datasets._cdf_files import read_cdf
from epipose.datasets._h36m_facts import (
    FRAME_RATE,
    MILLIMETRE,
    OF_32,
    Take,
    action_named,
    poses_of,
)
from epipose.datasets._h36m_metadata import Metadata, find_metadata
from epipose.datasets._h36m_selection import chosen, filmed_by
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.videos import probe

NAME = "the official release (S*/MyPoseFeatures)"
NUMBERS = 96
"""Of a pose: 32 joints."""
WORLD, MONO = "D3_Positions", "D3_Positions_mono"
_RATE_TOLERANCE = 0.01


def recognises(root: Path) -> bool:
    """Return whether `root` holds the release."""
    return any(root.glob("S*/MyPoseFeatures"))


def recordings(root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    """Return its takes; see `Dataset.recordings`."""
    metadata = find_metadata(root)
    if metadata is None:
        raise InputError(
            f"there is no metadata.xml in {root}, which tells what its files are and where the cameras stood; copy it"
            " there from the code of the release"
        )
    poses, unknown = _pose_files(root, metadata)
    if not poses:
        raise InputError(f"{metadata.path} knows none of the poses in {root}; use the metadata.xml of the same release")
    takes, left_out = chosen(poses, wanted, root)
    notes, found = unknown + left_out, []
    for take in takes:
        cameras, said = filmed_by(take, metadata.rig(take.subject))
        notes += said
        videos = _videos(root, take, cameras)
        files = (*poses[take].values(), *videos.values(), metadata.path)
        read = partial(_read, poses[take], cameras, videos)
        found.append(Recording(take.name, cameras, tuple(files), read, take.about))
    return found, notes


def _pose_files(root: Path, metadata: Metadata) -> tuple[dict[Take, dict[str, Path]], list[str]]:
    """Return the files with the poses of each take, by camera ("" for the world), and what is said of unknown ones."""
    found: dict[Take, dict[str, Path]] = {}
    notes = []
    for folder in sorted(root.glob("S*/MyPoseFeatures")):
        subject = folder.parent.name
        kind = next((kind for kind in (WORLD, MONO) if any((folder / kind).glob("*.cdf"))), None)
        if kind is None:
            raise InputError(f"{folder} holds no {WORLD}/*.cdf; unpack the 3D positions of {subject} there")
        for file in sorted((folder / kind).glob("*.cdf")):
            name, _, camera = file.stem.partition(".")
            take = metadata.takes.get((subject, name))
            if take is not None:
                found.setdefault(take, {})[camera] = file
            elif action_named(name) is not None:
                notes.append(f"{file} was left out: {metadata.path.name} does not know it")
    return found, notes


def _videos(root: Path, take: Take, cameras: Mapping[str, Camera]) -> dict[str, Path]:
    """Return the videos of a take; none where none of its subject are there."""
    folder = root / take.subject / "Videos"
    if not folder.is_dir():
        return {}
    videos = {camera: folder / f"{take.file}.{camera}.mp4" for camera in cameras}
    if missing := [video for video in videos.values() if not video.is_file()]:
        raise InputError(f"there is no video {missing[0]}; unpack the videos of {take.subject} again")
    return videos


def _read(poses: Mapping[str, Path], cameras: Mapping[str, Camera], videos: Mapping[str, Path]) -> Contents:
    known = {camera: file for camera, file in poses.items() if camera in ("", *cameras)}
    if not known:
        file = next(iter(poses.values()))
        raise InputError(f"{file} is of none of the cameras {', '.join(cameras)}; unpack the poses again")
    camera, file = next(iter(known.items()))
    joints = _joints(file)
    if camera:
        motion = cameras[camera].cam_from_world
        joints = motion.inverse().apply(joints)
    for video in videos.values():
        _check_video(video, len(joints))
    return Contents(poses_of(joints, np.arange(len(joints)), file), dict(videos))


def _joints(file: Path) -> Float[ndarray, "frames 17 3"]:
    """Return the joints of h36m17 in metres, in whatever axes the file has them."""
    pose = read_cdf(file, "Pose")
    if pose.ndim != 3 or pose.shape[0] != 1 or pose.shape[2] != NUMBERS:
        raise InputError(f"{file} holds poses of shape {pose.shape}, not (1, frames, {NUMBERS}); unpack it again")
    return pose.reshape(-1, NUMBERS // 3, 3)[:, OF_32] * MILLIMETRE


def _check_video(video: Path, poses: int) -> None:
    """Raise InputError for a video that does not show all poses."""
    about = probe(video)
    if abs(about.frame_rate - FRAME_RATE) > _RATE_TOLERANCE * FRAME_RATE:
        raise InputError(
            f"{video} has {about.frame_rate:g} frames per second, Human3.6M {FRAME_RATE}; use the videos as released"
        )
    if len(about.times) < poses:
        raise InputError(f"{video} shows {len(about.times)} of {poses} frames; it was cut short, so unpack it again")
