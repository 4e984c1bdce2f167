"""Human3.6M as h36m.zip of 3d-pose-baseline: `S*/MyPoses/3D_positions/<name>.h5` and `cameras.h5`.

Poses are (96, frames) in mm, in the world, under the key "3D_positions". Cameras are under subjectN/cameraM: R, stored
transposed, centre T (mm), f, c, k, p and Name, whose letters are numbers.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Recording, Wanted
from epipose.datasets._h36m_facts import (
    CAMERAS,
    MILLIMETRE,
    OF_32,
    Take,
    action_named,
    camera_from_opencv,
    is_subject,
    poses_of,
    published_rig,
)
from epipose.datasets._h36m_metadata import Metadata, find_metadata
from epipose.datasets._h36m_selection import chosen
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.hdf5 import hdf5_file, whole

NAME = "h36m.zip (S*/MyPoses/3D_positions/*.h5)"
NUMBERS = 96


def recognises(root: Path) -> bool:
    """Return whether `root` holds such files."""
    return any(root.glob("S*/MyPoses/3D_positions"))


def recordings(root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    """Return its takes; see `Dataset.recordings`."""
    metadata = find_metadata(root)
    files = {
        take: file
        for file in sorted(root.glob("S*/MyPoses/3D_positions/*.h5"))
        if (take := take_of(file.parents[2].name, file.stem, metadata)) is not None
    }
    if not files:
        raise InputError(f"{root} holds no S*/MyPoses/3D_positions/*.h5 of a known action; unpack h36m.zip again")
    takes, notes = chosen(files, wanted, root)
    place = root / "cameras.h5"
    if not place.is_file():
        notes.append(f"there is no {place}: cameras are those published with the data set")
    rigs = {
        subject: _rig(place, subject) if place.is_file() else published_rig(subject)
        for subject in dict.fromkeys(take.subject for take in takes)
    }
    found = []
    for take in takes:
        sources = (files[take], *([place] if place.is_file() else []))
        found.append(Recording(take.name, rigs[take.subject], sources, partial(_read, files[take]), take.about))
    return found, notes


def take_of(subject: str, name: str, metadata: Metadata | None) -> Take | None:
    """Return the take of files called `name`; None for what is no action, such as the calibration."""
    known = metadata.takes.get((subject, name)) if metadata is not None else None
    if known is not None:
        return known
    action = action_named(name)
    return None if action is None or not is_subject(subject) else Take(subject, action, None, name)


def _read(file: Path) -> Contents:
    with hdf5_file(file, "get it from its source again") as opened:
        numbers = whole(opened["3D_positions"]).astype(float)
    if numbers.ndim != 2 or numbers.shape[0] != NUMBERS:
        raise InputError(f"{file} holds poses of shape {numbers.shape}, not ({NUMBERS}, frames); get it again")
    joints = numbers.T.reshape(-1, NUMBERS // 3, 3)[:, OF_32] * MILLIMETRE
    return Contents(poses_of(joints, np.arange(len(joints)), file))


def _rig(place: Path, subject: str) -> dict[str, Camera]:
    with hdf5_file(place, "get it from its source again") as opened:
        if subject.replace("S", "subject") not in opened:
            raise InputError(f"{place} knows no cameras of {subject}; get it from its source again")
        group = opened[subject.replace("S", "subject")]
        rig = dict(_camera(group[f"camera{number}"]) for number in range(1, len(CAMERAS) + 1))
    if set(rig) != set(CAMERAS):
        raise InputError(f"{place} has cameras {', '.join(rig)}, Human3.6M {', '.join(CAMERAS)}; get it again")
    return rig


def _camera(group: Any) -> tuple[str, Camera]:
    """Return the name and the camera; raises ValueError for numbers that are none."""
    name = "".join(chr(int(letter)) for letter in whole(group["Name"]).ravel())
    rotation = whole(group["R"]).astype(float).T
    f, c, centre, p = (_numbers(group[key], count) for key, count in (("f", 2), ("c", 2), ("T", 3), ("p", 2)))
    k = _numbers(group["k"], 3)
    matrix = np.array([[f[0], 0, c[0]], [0, f[1], c[1]], [0, 0, 1]])
    distortion = np.array([k[0], k[1], p[0], p[1], k[2]])
    return name, camera_from_opencv(matrix, distortion, rotation, -rotation @ centre * MILLIMETRE, name)


def _numbers(dataset: Any, count: int) -> Float[ndarray, "n"]:
    numbers = whole(dataset).astype(float).ravel()
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"not {count} numbers")
    return numbers
