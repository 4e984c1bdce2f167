"""Human3.6M as the three JSON files of each subject that mks0601's programs (and others) read, and their pictures.

`Human36M_subjectN_data.json`: COCO's `images`, with subject, action_idx (2 to 16), subaction_idx, cam_idx (1 to 4),
frame_idx (from 0 on) and file_name. `..._camera.json`: by camera, R, t (world to camera, mm), f, c: no distortion.
`..._joint_3d.json`: by action, subaction and frame, 17 joints in mm, in the world. They lie in `root` or in its folder
`annotations`; pictures, if any, in `images`.
"""

import json
import re
from collections.abc import Mapping
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
    SKELETON,
    Take,
    action_numbered,
    poses_of,
    with_distortion,
)
from epipose.datasets._h36m_selection import asked_subjects, chosen, filmed_by
from epipose.datasets._listed_pictures import FOLDER, Pictures, names_of, picture_paths, shown_everywhere
from epipose.errors import InputError
from epipose.geometry.cameras import Camera

NAME = "Human36M_subject*_{data,camera,joint_3d}.json"
_POSES = "Human36M_subject*_joint_3d.json"

Frames = Mapping[int, Any]
"""Poses by number of the frame."""


def recognises(root: Path) -> bool:
    """Return whether `root` holds such files."""
    return _folder(root) is not None


def recordings(root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    """Return its takes; see `Dataset.recordings`."""
    folder = _folder(root)
    assert folder is not None, "the files were recognised"
    poses: dict[Take, tuple[Path, Frames]] = {}
    known = {f"S{told[1]}" for file in folder.glob(_POSES) if (told := re.match(r"Human36M_subject(\d+)_", file.name))}
    for subject in sorted(asked_subjects(wanted, known, root)):
        file = folder / f"Human36M_subject{subject[1:]}_joint_3d.json"
        with laid_out(file):
            poses |= _takes(file, subject)
    takes, notes = chosen(poses, wanted, root)
    by_subject: dict[str, tuple[dict[str, Camera], Mapping[Take, Pictures]]] = {}
    found = []
    for take in takes:
        begin = f"Human36M_subject{take.subject[1:]}_"
        if take.subject not in by_subject:
            rig = _rig(folder / f"{begin}camera.json")
            by_subject[take.subject] = rig, _pictures(folder / f"{begin}data.json", take.subject)
        rig, shown = by_subject[take.subject]
        file, frames = poses[take]
        cameras, said = filmed_by(take, rig)
        notes += said
        images, listed = root / FOLDER, shown.get(take, {})
        pictures = {view: listed.get(view, {}) for view in cameras} if images.is_dir() else {}
        sources: tuple[Path | str, ...] = (
            file,
            folder / f"{begin}camera.json",
            folder / f"{begin}data.json",
            *names_of(pictures),
        )
        read = partial(_read, file, frames, images, pictures)
        found.append(Recording(take.name, cameras, sources, read, take.about))
    return found, notes


def _folder(root: Path) -> Path | None:
    return next((place for place in (root, root / "annotations") if any(place.glob(_POSES))), None)


def _takes(file: Path, subject: str) -> dict[Take, tuple[Path, Frames]]:
    found: dict[Take, tuple[Path, Frames]] = {}
    for action, parts in _object(file, _json(file)).items():
        name = action_numbered(int(action)) if action.isdecimal() else None
        for number, frames in _object(file, parts).items():
            if name is not None and number in ("1", "2"):
                numbered = {int(frame): pose for frame, pose in _object(file, frames).items() if frame.isdecimal()}
                found[Take(subject, name, int(number))] = file, dict(sorted(numbered.items()))
    return found


def _rig(file: Path) -> dict[str, Camera]:
    """Return the cameras of a subject with the distortion that these files leave out."""
    table, rig = _object(file, _json(file)), {}
    for number, name in enumerate(CAMERAS, start=1):
        try:
            numbers = {key: np.array(table[str(number)][key], float) for key in ("R", "t", "f", "c")}
            shift = numbers["t"].ravel() * MILLIMETRE
            rig[name] = with_distortion(name, numbers["f"].ravel(), numbers["c"].ravel(), numbers["R"], shift)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{file} does not tell camera {number} as it should; get it from its source again"
            ) from error
    return rig


def _pictures(file: Path, subject: str) -> dict[Take, dict[str, dict[int, str]]]:
    """Return the names of the pictures of each take."""
    found: dict[Take, dict[str, dict[int, str]]] = {}
    try:
        for image in _object(file, _json(file))["images"]:
            action = action_numbered(int(image["action_idx"]))
            if action is not None:
                take = Take(subject, action, int(image["subaction_idx"]))
                view = CAMERAS[int(image["cam_idx"]) - 1]
                found.setdefault(take, {}).setdefault(view, {})[int(image["frame_idx"])] = str(image["file_name"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{file} does not list pictures as it should; get it from its source again") from error
    return found


def _read(file: Path, frames: Frames, images: Path, pictures: Pictures) -> Contents:
    numbers = shown_everywhere(frames, pictures)
    if not numbers:
        raise InputError(f"{file} has no moment of which {images} shows every view; take the pictures away")
    joints = _joints(file, [frames[frame] for frame in numbers])
    return Contents(poses_of(joints, numbers, file), pictures=picture_paths(images, pictures, numbers))


def _joints(file: Path, poses: list[Any]) -> Float[ndarray, "frames 17 3"]:
    try:
        joints = np.array(poses, float)
    except (ValueError, TypeError) as error:
        raise InputError(f"{file} holds poses of different shapes; get it from its source again") from error
    if len(joints) and joints.shape[1:] != (len(SKELETON), 3):
        raise InputError(f"{file} holds poses of shape {joints.shape[1:]}, not ({len(SKELETON)}, 3); get it again")
    return joints.reshape(-1, len(SKELETON), 3) * MILLIMETRE


def _json(file: Path) -> Any:
    if not file.is_file():
        raise InputError(f"there is no {file}; the three files of a subject belong together")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is cut short or damaged; get it from its source again") from error


def _object(file: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{file} is not laid out as expected; get it from its source again")
    return value
