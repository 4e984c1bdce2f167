"""Recorded motions as joints over time, read from BVH files and from archives of joint positions.

An archive (.npz) holds `joint_names`, `meta` (JSON: for every clip its `name` and `fps`) and under each clip's name an
array (frames, joints, 3) in metres, Z up. A joint that is unknown (NaN) in some frame of a clip is left out of it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.arrays import read_arrays
from epipose.studio.motion.bvh import read_bvh
from epipose.studio.motion.clip import Clip, make_clip

_READERS = (".bvh", ".npz")


def read_clips(source: Path) -> list[Clip]:
    """Return every clip of a folder's BVH and NPZ files, or of one such file, in the order of their names."""
    if not source.exists():
        raise InputError(f"there is no {source} to take motion from; check the path")
    files = [source] if source.is_file() else sorted(source.iterdir())
    files = [file for file in files if file.suffix.lower() in _READERS]
    if not files:
        raise InputError(f"{source} holds no motion; give a folder with .bvh files, or with .npz archives of joints")
    return [clip for file in files for clip in (read_archive(file) if _is_archive(file) else [read_bvh(file)])]


def _is_archive(file: Path) -> bool:
    return file.suffix.lower() == ".npz"


def read_archive(path: Path) -> list[Clip]:
    """Return the clips of an archive of joint positions; raises InputError for any other file."""
    arrays = read_arrays(path)
    if not {"joint_names", "meta"} <= set(arrays):
        raise InputError(f"{path} is no archive of joints: it lacks joint_names or meta; give BVH files instead")
    names = arrays.pop("joint_names")
    rates = _rates(path, arrays.pop("meta"))
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InputError(f"{path} holds joint_names that are no list of words; make it again")
    if not arrays:
        raise InputError(f"{path} holds no clip; give another archive or BVH files")
    return [_clip(path, name, names.tolist(), arrays[name], rates) for name in sorted(arrays)]


def _rates(path: Path, meta: ndarray) -> dict[str, float]:
    """Return the frame rate of each clip, in hertz."""
    try:
        rates = {str(entry["name"]): float(entry["fps"]) for entry in _entries(meta)}
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} holds a meta that does not give each clip's name and fps; make it again") from error
    if not all(0 < rate < np.inf for rate in rates.values()):
        raise InputError(f"{path} holds a clip whose fps is not a positive number; make it again")
    return rates


def _entries(meta: ndarray) -> list[dict[str, Any]]:
    found = json.loads(str(meta))
    if not isinstance(found, list):
        raise TypeError("meta must be a list")
    return found


def _clip(path: Path, name: str, joints: list[str], positions: ndarray, rates: dict[str, float]) -> Clip:
    where = f"{path}, clip {name},"
    if positions.ndim != 3 or positions.shape[1:] != (len(joints), 3) or positions.dtype.kind != "f":
        raise InputError(f"{where} is no array of frames, {len(joints)} joints and 3 coordinates; make it again")
    if name not in rates:
        raise InputError(f"{where} has no fps in meta; add it there")
    return make_clip(where, name, joints, positions.astype(float), 1 / rates[name])
