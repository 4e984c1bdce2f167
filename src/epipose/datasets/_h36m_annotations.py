"""Human3.6M as the pickled annotations that the code of EpipolarPose reads (`annot/*.pkl`), and their pictures.

A list of records, or a dictionary of such lists by camera, 1 to 4. A record has `image` (a name that tells subject,
action, take, camera and frame), `joints_3d` (joints, 3: pixels of a lens without distortion, and mm behind the
pelvis), `pelvis` (mm, camera axes), `flip_pairs`, and `cam` with R (world to camera), T (the camera's centre, mm), f
and c. Joints are Human3.6M's 17, or 16 in the order of MPII.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Recording, Wanted
from epipose.datasets._damaged_files import laid_out
from epipose.datasets._h36m_facts import (
    CAMERAS,
    MILLIMETRE,
    Take,
    action_numbered,
    poses_of,
    with_distortion,
)
from epipose.datasets._h36m_selection import chosen, filmed_by
from epipose.datasets._listed_pictures import FOLDER, names_of, picture_paths, shown_everywhere
from epipose.datasets._restricted_pickle import read_pickle
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.pose.skeletons import Skeleton, load_skeleton

NAME = "annot/*.pkl"
CAMERA_CLASS = "lib.utils.cameras.Camera"
SKELETONS = {17: "h36m17", 16: "mpii16"}
AGREED_M = 0.01
"""Metres by which two cameras may place a joint differently: measured poses agree to the digit."""
_IMAGE = re.compile(r"s_(\d+)_act_(\d+)_subact_(\d+)_ca_(\d+)[_/\\](?:.*_)?(\d+)\.\w+$")

Frames = dict[int, dict[str, Any]]
"""Records by number of the frame, from 0 on, and view."""


def recognises(root: Path) -> bool:
    """Return whether `root` holds such files."""
    return bool(_files(root))


def recordings(root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    """Return its takes; see `Dataset.recordings`."""
    files = _files(root)
    records: dict[Take, Frames] = {}
    for file in files:
        for take, view, frame, record in _records(file):
            records.setdefault(take, {}).setdefault(frame, {})[view] = record
    takes, notes = chosen(records, wanted, root)
    rigs: dict[str, dict[str, Camera]] = {}
    found, where = [], files[0] if len(files) == 1 else files[0].parent
    images = next((place for place in (root / FOLDER, files[0].parent.parent / FOLDER) if place.is_dir()), None)
    for take in takes:
        if take.subject not in rigs:
            rigs[take.subject] = _rig(where, [part for other, part in records.items() if other.subject == take.subject])
        rig = rigs[take.subject]
        cameras, said = filmed_by(take, rig)
        notes += said
        pictures = {
            view: {frame: str(shown[view]["image"]) for frame, shown in records[take].items() if view in shown}
            for view in (cameras if images else ())
        }
        read = partial(_read, where, records[take], cameras, (images or root, pictures))
        found.append(Recording(take.name, cameras, (*files, *names_of(pictures)), read, take.about))
    return found, notes


def _files(root: Path) -> list[Path]:
    return sorted([*root.glob("annot/*.pkl"), *(root.glob("*.pkl") if root.name == "annot" else ())])


def _records(file: Path) -> Iterator[tuple[Take, str, int, Any]]:
    """Yield every record with what its picture's name tells."""
    held = read_pickle(file, frozenset({CAMERA_CLASS}))
    lists = list(held.values()) if isinstance(held, dict) else [held]
    for record in (record for part in lists for record in (part if isinstance(part, list) else [part])):
        image = record.get("image") if isinstance(record, dict) else None
        told = _IMAGE.search(str(image))
        subject, action, number, camera, frame = map(int, told.groups()) if told else (0, 0, 0, 0, 0)
        name = action_numbered(action)
        if not told or name is None or not 1 <= camera <= len(CAMERAS):
            raise InputError(
                f"{file} has a record of {str(image)[:80]!r}, which names no picture of Human3.6M; get it again"
            )
        yield Take(f"S{subject}", name, number), CAMERAS[camera - 1], frame - 1, record


def _rig(where: Path, takes: list[Frames]) -> dict[str, Camera]:
    """Return the cameras of a subject."""
    firsts: dict[str, Any] = {}
    for frames in takes:
        for shown in frames.values():
            firsts = {**shown, **firsts}
    return {view: _camera(where, view, firsts[view]) for view in CAMERAS if view in firsts}


def _camera(where: Path, view: str, record: Mapping[str, Any]) -> Camera:
    try:
        held = record["cam"]
        rotation, centre, f, c = (np.asarray(held[key], float) for key in ("R", "T", "f", "c"))
        shift = -rotation @ centre.ravel() * MILLIMETRE
        return with_distortion(view, f.ravel(), c.ravel(), rotation, shift)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where} does not tell camera {view} as it should; get it from its source again") from error


def _read(where: Path, frames: Frames, cameras: Mapping[str, Camera], shown: tuple[Path, Any]) -> Contents:
    images, pictures = shown
    numbers = shown_everywhere(frames, pictures)
    if not numbers:
        raise InputError(f"{where} has no moment of {images} that every camera shows; take the pictures away")
    with laid_out(where):
        skeleton = _skeleton(where, next(iter(frames[numbers[0]].values())))
        joints = np.stack([_joints(where, frames[number], cameras, skeleton) for number in numbers])
    return Contents(poses_of(joints, numbers, where, skeleton), pictures=picture_paths(images, pictures, numbers))


def _skeleton(where: Path, record: Mapping[str, Any]) -> Skeleton:
    joints = np.shape(record.get("joints_3d", ()))
    if len(joints) != 2 or joints[0] not in SKELETONS or joints[1] != 3:
        raise InputError(f"{where} holds poses of shape {joints}, not (17, 3) or (16, 3); get it from its source again")
    skeleton = load_skeleton(SKELETONS[joints[0]])
    pairs = {frozenset(map(skeleton.index, pair)) for pair in skeleton.pairs}
    told = record.get("flip_pairs")
    if told is not None and {frozenset(map(int, pair)) for pair in told} != pairs:
        raise InputError(
            f"{where} has left and right at other joints than {skeleton.name}; get it from its source again"
        )
    return skeleton


def _joints(
    where: Path, shown: Mapping[str, Any], cameras: Mapping[str, Camera], skeleton: Skeleton
) -> Float[ndarray, "joints 3"]:
    """Return the joints in the world, in metres, on which all cameras agree."""
    placed = [_placed(where, record, cameras[view], len(skeleton)) for view, record in shown.items() if view in cameras]
    if not placed:
        raise InputError(f"{where} has a moment that none of the cameras shows; get it from its source again")
    apart = max(float(np.abs(joints - placed[0]).max()) for joints in placed)
    if not apart <= AGREED_M:
        raise InputError(
            f"the cameras of {where} place joints {1000 * apart:.0f} mm apart, as labels do that were not measured; use"
            " the annotations of measured poses"
        )
    return placed[0]


def _placed(where: Path, record: Mapping[str, Any], camera: Camera, joints: int) -> Float[ndarray, "joints 3"]:
    seen, pelvis = np.asarray(record["joints_3d"], float), np.asarray(record["pelvis"], float).ravel()
    if seen.shape != (joints, 3) or pelvis.shape != (3,):
        raise InputError(f"{where} has records of different shapes; get it from its source again")
    depth = (seen[:, 2] + pelvis[2]) * MILLIMETRE
    ideal = (seen[:, :2] - camera.lens.centre) / camera.lens.focal
    return camera.cam_from_world.inverse().apply(np.column_stack([ideal * depth[:, None], depth]))
