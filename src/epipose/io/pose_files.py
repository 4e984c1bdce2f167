"""Our own pose files (.npz): everything that `Poses` holds, so that custom skeletons survive too.

Keys: `positions` (frames, people, joints, 3) metres, `uncertainty` and `weight` (frames, people, joints), `times`
(frames) seconds, `joint_names`, `parents` ("" for a root), `pairs`, `skeleton` (its name), `format_version` and
`fingerprint` (what the poses were made from; may be empty). Optional: `covariance` (frames, people, joints, 6) square
metres, entries xx, xy, xz, yy, yz, zz, where it is known that a joint is less certain one way than another;
`uncertainty` squared is the mean of its xx, yy and zz.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.arrays import read_arrays
from epipose.io.files import atomic_write
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

FORMAT_VERSION = 1

_NUMBERS = {"positions": 4, "uncertainty": 3, "weight": 3, "times": 1}
_WORDS = {"skeleton": 0, "joint_names": 1, "parents": 1, "pairs": 2}


Covariance = Float32[ndarray, "frames people joints 6"]


def write_poses(path: Path, poses: Poses, *, fingerprint: str = "", covariance: Covariance | None = None) -> None:
    """Write `poses` whole or not at all; `fingerprint` tells later which inputs and settings they were made from."""
    skeleton = poses.skeleton
    more: dict[str, Any] = {} if covariance is None else {"covariance": covariance}
    with atomic_write(path, "wb") as file:
        np.savez_compressed(
            file,
            positions=poses.positions,
            uncertainty=poses.uncertainty,
            weight=poses.weight,
            times=np.asarray(poses.times, float),
            joint_names=np.array(skeleton.joint_names, str),
            parents=np.array([parent or "" for parent in skeleton.parents], str),
            pairs=np.array(skeleton.pairs, str).reshape(-1, 2),
            skeleton=np.array(skeleton.name),
            format_version=np.array(FORMAT_VERSION),
            fingerprint=np.array(fingerprint),
            **more,
        )


def read_poses(path: Path) -> Poses:
    """Return the poses of a file that `write_poses` made; raises InputError for any other file."""
    arrays = read_arrays(path, only=(*_NUMBERS, *_WORDS, "format_version"))
    _check(path, arrays)
    try:
        parents = tuple(parent or None for parent in arrays["parents"].tolist())
        pairs = tuple((left, right) for left, right in arrays["pairs"].tolist())
        skeleton = Skeleton(str(arrays["skeleton"]), tuple(arrays["joint_names"].tolist()), parents, pairs)
        with np.errstate(over="ignore"):
            positions, uncertainty, weight = (
                arrays[k].astype(np.float32) for k in ("positions", "uncertainty", "weight")
            )
        return Poses(positions, uncertainty, weight, arrays["times"].astype(float), skeleton)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error


def read_covariance(path: Path, poses: Poses) -> Covariance | None:
    """Return the covariance of `poses`, which were read from `path`, or None; raises InputError if it is damaged."""
    found = read_arrays(path, only=("covariance",)).get("covariance")
    if found is None:
        return None
    if found.dtype.kind != "f" or found.shape != (*poses.weight.shape, 6) or not np.all(np.isfinite(found)):
        raise InputError(f"{path} holds covariance of a wrong type or shape; make it again")
    return np.asarray(found, np.float32)


def _check(path: Path, arrays: dict[str, ndarray]) -> None:
    """Raise InputError unless every array is there, of its kind and number of axes, in a version we read."""
    missing = [key for key in (*_NUMBERS, *_WORDS, "format_version") if key not in arrays]
    if missing:
        raise InputError(f"{path} is no pose file: it lacks {', '.join(missing)}; make it with epipose triangulate")
    version = arrays["format_version"]
    if version.dtype.kind not in "iu" or version.ndim or int(version) != FORMAT_VERSION:
        raise InputError(f"{path} is not of pose format {FORMAT_VERSION}, which this epipose reads; update epipose")
    for kinds, dimensions in (("fiu", _NUMBERS), ("U", _WORDS)):
        for key, wanted in dimensions.items():
            if arrays[key].dtype.kind not in kinds or arrays[key].ndim != wanted:
                raise InputError(f"{path} holds {key} of a wrong type or shape; make it again")
    frames, people, joints, axes = arrays["positions"].shape
    scalars = {arrays["uncertainty"].shape, arrays["weight"].shape}
    counts = (axes, arrays["pairs"].shape[1], len(arrays["joint_names"]), len(arrays["times"]))
    if counts != (3, 2, joints, frames) or scalars != {(frames, people, joints)}:
        raise InputError(f"{path} holds arrays whose shapes do not fit together; make it again")
