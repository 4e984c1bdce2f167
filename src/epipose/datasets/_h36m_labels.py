"""Human3.6M as `human36m-multiview-labels-*.npy` of learnable triangulation: one pickled table of all frames.

`subject_names`, `camera_names`, `action_names` ("Greeting-2"); `cameras` [subject, camera] with R, t (mm), K, dist (k1,
k2, p1, p2, k3); `table` with subject_idx, action_idx, frame_idx and keypoints (17, 3) in mm, in the world. Its joints
are MPII's 16 and the nose.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from epipose.datasets import Contents, Recording, Wanted
from epipose.datasets._damaged_files import laid_out
from epipose.datasets._h36m_facts import (
    CAMERAS,
    MILLIMETRE,
    OF_32,
    Take,
    action_named,
    camera_from_opencv,
    is_subject,
    poses_of,
)
from epipose.datasets._h36m_selection import chosen
from epipose.datasets._restricted_pickle import read_object_arrays
from epipose.errors import InputError
from epipose.geometry.cameras import Camera

NAME = "human36m-multiview-labels-*.npy"
OF_32_HERE = (3, 2, 1, 6, 7, 8, 0, 12, 13, 15, 27, 26, 25, 17, 18, 19, 14)
"""The joints in these files among the 32 that were measured."""
COLUMNS = [OF_32_HERE.index(joint) for joint in OF_32]
_KEYS = ("subject_names", "camera_names", "action_names", "cameras", "table")
_PARTS = {"subject_idx", "action_idx", "frame_idx", "keypoints"}


def recognises(root: Path) -> bool:
    """Return whether `root` holds such a file."""
    return any(root.glob(NAME))


def recordings(root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    """Return its takes; see `Dataset.recordings`."""
    files = sorted(root.glob(NAME))
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise InputError(f"{root} holds several tables of labels ({names}), which differ in their boxes only; keep one")
    with laid_out(files[0]):
        return _recordings(root, files[0], wanted)


def _recordings(root: Path, file: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    labels = _labels(file)
    table = labels["table"]
    rows = {}
    for subject, action in np.unique(table[["subject_idx", "action_idx"]]):
        take = _take(str(labels["subject_names"][subject]), str(labels["action_names"][action]))
        if take is not None:
            rows[take] = np.flatnonzero((table["subject_idx"] == subject) & (table["action_idx"] == action))
    if not rows:
        raise InputError(f"{file} holds no action of Human3.6M; get it from its source again")
    takes, notes = chosen(rows, wanted, root)
    subjects = [str(name) for name in labels["subject_names"]]
    rigs = {
        take.subject: _rig(file, labels["cameras"][subjects.index(take.subject)], labels["camera_names"])
        for take in takes
    }
    found = []
    for take in takes:
        read = partial(_read, file, table[rows[take]])
        found.append(Recording(take.name, rigs[take.subject], (file,), read, take.about))
    return found, notes


def _labels(file: Path) -> dict[str, Any]:
    labels = read_object_arrays(file)[""]
    wrong = InputError(f"{file} is no table of labels of Human3.6M; get it from its source again")
    if not isinstance(labels, dict) or not set(_KEYS) <= set(labels):
        raise wrong
    table, cameras = labels["table"], labels["cameras"]
    if sorted(map(str, labels["camera_names"])) != sorted(CAMERAS):
        raise wrong
    if not isinstance(table, ndarray) or not isinstance(cameras, ndarray) or not set(table.dtype.names or ()) >= _PARTS:
        raise wrong
    joints = table.dtype["keypoints"].shape
    if joints != (len(OF_32_HERE), 3):
        raise InputError(f"{file} holds poses of shape {joints}, not ({len(OF_32_HERE)}, 3); get it again")
    counts = (len(labels["subject_names"]), len(labels["camera_names"]))
    inside = all(
        len(table) and int(table[part].min()) >= 0 and int(table[part].max()) < len(labels[names])
        for part, names in (("subject_idx", "subject_names"), ("action_idx", "action_names"))
    )
    if cameras.shape != counts or not {"R", "t", "K", "dist"} <= set(cameras.dtype.names or ()) or not inside:
        raise wrong
    return labels


def _take(subject: str, name: str) -> Take | None:
    action, number = action_named(name), name.rpartition("-")[2]
    return Take(subject, action, int(number)) if action and number in ("1", "2") and is_subject(subject) else None


def _rig(file: Path, cameras: ndarray, names: Any) -> dict[str, Camera]:
    rig = {}
    for numbers, name in zip(cameras, map(str, names), strict=True):
        matrix, turned, dist, shift = (np.asarray(numbers[key], float) for key in ("K", "R", "dist", "t"))
        try:
            rig[name] = camera_from_opencv(matrix, dist.ravel(), turned, shift.ravel() * MILLIMETRE, name)
        except (TypeError, ValueError) as error:
            raise InputError(f"{file} has numbers of camera {name} that are none of a camera; get it again") from error
    return rig


def _read(file: Path, rows: ndarray) -> Contents:
    with laid_out(file):
        rows = rows[np.argsort(rows["frame_idx"], kind="stable")]
        joints = rows["keypoints"].astype(float)[:, COLUMNS] * MILLIMETRE
        return Contents(poses_of(joints, rows["frame_idx"].astype(np.int64), file))
