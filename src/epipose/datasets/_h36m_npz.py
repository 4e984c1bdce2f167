"""Human3.6M as `data_3d_h36m.npz` and `data_2d_h36m_*.npz`, as VideoPose3D's users exchange them.

`positions_3d`: by subject and action ("Directions 1"), (frames, 32, 3) metres, in the world. It has no cameras: they
are those published with the data set. `positions_2d`: by subject and action, one array (frames or more, 17, 2) of
pixels for each camera; `metadata`: `layout_name` ("h36m" or "coco"), `num_joints`, `keypoints_symmetry` (left, right).
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from epipose.datasets import Contents, Recording, Wanted
from epipose.datasets._damaged_files import laid_out
from epipose.datasets._h36m_facts import CAMERAS, FRAME_RATE, OF_32, poses_of, published_rig, size_of
from epipose.datasets._h36m_h5 import take_of
from epipose.datasets._h36m_metadata import find_metadata
from epipose.datasets._h36m_selection import chosen
from epipose.datasets._restricted_pickle import read_object_arrays
from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton, load_skeleton

NAME = "data_3d_h36m.npz"
JOINTS = 32
LAYOUTS = {"h36m": "h36m17", "coco": "coco17"}
_PREFIX = "data_2d_h36m_"

Table = Mapping[str, Mapping[str, Any]]
"""By subject and action."""


def recognises(root: Path) -> bool:
    """Return whether `root` holds the file of positions."""
    return (root / NAME).is_file()


def recordings(root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
    """Return its takes; see `Dataset.recordings`."""
    file, metadata = root / NAME, find_metadata(root)
    positions = _table(file, "positions_3d")
    with laid_out(file):
        names = {
            take: (subject, name)
            for subject, actions in positions.items()
            for name in actions
            if (take := take_of(subject, name, metadata)) is not None
        }
    if not names:
        raise InputError(f"{file} holds no action of Human3.6M; get it from its source again")
    takes, notes = chosen(names, wanted, root)
    flat = {path: _Flat(path) for path in sorted(root.glob(f"{_PREFIX}*.npz"))}
    found = []
    for take in takes:
        subject, name = names[take]
        read = partial(_read, file, positions[subject][name], tuple(flat.values()), (subject, name))
        cameras = published_rig(take.subject)
        found.append(Recording(take.name, cameras, (file, *flat), read, take.about))
    return found, notes


def _table(file: Path, key: str) -> Table:
    """Return a dictionary of dictionaries; raises InputError for anything else."""
    table = read_object_arrays(file).get(key)
    if not isinstance(table, dict) or not all(isinstance(part, dict) for part in table.values()):
        raise InputError(f"{file} holds no {key} by subject and action; get it from its source again")
    return table


class _Flat:
    """What one file says in 2D."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.name = file.stem.removeprefix(_PREFIX)
        self.table = _table(file, "positions_2d")
        with laid_out(file):
            self.skeleton = self._skeleton()

    def of(self, subject: str, name: str, frames: int) -> dict[str, Keypoints]:
        """Return the keypoints of a take by view; empty where the file does not know it."""
        views = self.table.get(subject, {}).get(name)
        if views is None:
            return {}
        if not isinstance(views, list | tuple | ndarray):
            raise InputError(f"{self.file} is not laid out as expected; get it from its source again")
        if len(views) != len(CAMERAS):
            raise InputError(
                f"{self.file} has {len(views)} views of {subject} {name}, not {len(CAMERAS)}; get it again"
            )
        return {camera: self._keypoints(camera, pixels, frames) for camera, pixels in zip(CAMERAS, views, strict=True)}

    def _keypoints(self, camera: str, pixels: Any, frames: int) -> Keypoints:
        # Some of the videos show a few frames more than there are poses.
        if (
            not isinstance(pixels, ndarray)
            or pixels.ndim != 3
            or pixels.shape[1:] != (len(self.skeleton), 2)
            or pixels.dtype.kind != "f"
        ):
            raise InputError(f"{self.file} holds keypoints of another shape than (frames, joints, 2); get it again")
        if len(pixels) < frames or not np.isfinite(pixels).all():
            raise InputError(f"{self.file} lacks keypoints of some frames; get it from its source again")
        kept = pixels[:frames, None].astype(np.float32)
        times = np.arange(frames) / FRAME_RATE
        return Keypoints(kept, np.ones(kept.shape[:3], np.float32), times, self.skeleton, size_of(camera))

    def _skeleton(self) -> Skeleton:
        """Return the joints that the file says it has, whose left and right must be where we know them."""
        about = read_object_arrays(self.file).get("metadata")
        about = about if isinstance(about, dict) else {}
        layout = LAYOUTS.get(str(about.get("layout_name")))
        if layout is None:
            raise InputError(
                f"{self.file} says that its joints are {about.get('layout_name')!r}; the known layouts are"
                f" {', '.join(LAYOUTS)}, so remove the file"
            )
        skeleton = load_skeleton(layout)
        sides = about.get("keypoints_symmetry", ((), ()))
        pairs = {(skeleton.index(left), skeleton.index(right)) for left, right in skeleton.pairs}
        if len(sides) != 2 or set(zip(*sides, strict=False)) != pairs:
            raise InputError(
                f"{self.file} has left and right at other joints than {layout}; get it from its source again"
            )
        return skeleton


def _read(file: Path, positions: Any, flat: tuple[_Flat, ...], key: tuple[str, str]) -> Contents:
    where = f"{key[0]} {key[1]} of {file}"
    if (
        not isinstance(positions, ndarray)
        or positions.ndim != 3
        or positions.shape[1:] != (JOINTS, 3)
        or positions.dtype.kind != "f"
    ):
        shape = getattr(positions, "shape", None)
        raise InputError(f"{where} has positions of shape {shape}, not (frames, {JOINTS}, 3); get it again")
    poses = poses_of(positions[:, OF_32].astype(float), np.arange(len(positions)), where)
    keypoints = {part.name: views for part in flat if (views := part.of(*key, len(positions)))}
    return Contents(poses, keypoints=keypoints)
