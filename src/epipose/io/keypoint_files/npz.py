"""epipose's own keypoint file: an NPZ archive that holds everything `Keypoints` holds.

`pixels` (frames, people, joints, 2) and `score` (frames, people, joints) float32, `times` (frames) seconds,
`joint_names`, `parents` ("" for a root), `pairs` (left, right), `skeleton` (its name), `image_size_wh`,
`format_version` and `fingerprint` (what it was made from; may be empty). Parents and pairs may be left out by others.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.arrays import read_arrays
from epipose.io.files import atomic_write
from epipose.io.keypoint_files import Hints, KeypointFormat
from epipose.pose.joint_names import understand_joints
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton, load_skeleton, skeleton_names

FORMAT_VERSION = 1


def write_npz(path: Path, keypoints: Keypoints, *, fingerprint: str = "") -> None:
    """Write `keypoints` to `path`, whole or not at all."""
    skeleton = keypoints.skeleton
    with atomic_write(path, "wb") as file:
        np.savez(
            file,
            format_version=FORMAT_VERSION,
            fingerprint=fingerprint,
            pixels=keypoints.pixels,
            score=keypoints.score,
            times=keypoints.times,
            image_size_wh=np.array(keypoints.image_size_wh),
            skeleton=skeleton.name,
            joint_names=np.array(skeleton.joint_names, dtype=np.str_),
            parents=np.array([parent or "" for parent in skeleton.parents], dtype=np.str_),
            pairs=np.array(skeleton.pairs, dtype=np.str_).reshape(-1, 2),
        )


def read_fingerprint(path: Path) -> str:
    """Return what `write_npz` was told the file was made from; empty when it was not told."""
    return str(read_arrays(path).get("fingerprint", ""))


class _Npz(KeypointFormat):
    def recognises(self, path: Path) -> bool:
        return path.suffix.lower() == ".npz" and path.is_file()

    def read(self, path: Path, hints: Hints) -> Keypoints:
        arrays = read_arrays(path)
        missing = [key for key in ("pixels", "score", "times", "joint_names", "image_size_wh") if key not in arrays]
        if missing:
            raise InputError(f"{path} is no keypoint file: it lacks {', '.join(missing)}; make it with epipose detect")
        try:
            return _in_skeleton(_keypoints(arrays), hints.skeleton)
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            remedy = "" if isinstance(error, InputError) else "; make it again"
            raise InputError(f"{path} holds keypoints that do not fit together: {error}{remedy}") from error


def _keypoints(arrays: dict[str, ndarray]) -> Keypoints:
    version = int(arrays.get("format_version", np.array(FORMAT_VERSION)).item())
    if version > FORMAT_VERSION:
        raise InputError(f"it is of version {version}, newer than this program reads; update epipose")
    pixels, score, times, size_wh = (arrays[key] for key in ("pixels", "score", "times", "image_size_wh"))
    if any(array.dtype.kind not in "fiu" for array in (pixels, score, times, size_wh)):
        raise InputError("some of its numbers are not numbers")
    if pixels.ndim != 4 or score.shape != pixels.shape[:3] or size_wh.shape != (2,) or np.any(size_wh <= 0):
        raise InputError(f"pixels {pixels.shape}, scores {score.shape} and picture size {size_wh.tolist()}")
    with np.errstate(over="ignore"):
        pixels, score = pixels.astype(np.float32), score.astype(np.float32)
    seen = np.isfinite(pixels).all(axis=-1) & np.isfinite(score)
    pixels, score = np.where(seen[..., None], pixels, np.float32(0)), np.where(seen, score, np.float32(0)).clip(0)
    skeleton = _skeleton(arrays)
    return Keypoints(pixels, score, times.astype(float), skeleton, (int(size_wh[0]), int(size_wh[1])))


def _skeleton(arrays: dict[str, ndarray]) -> Skeleton:
    name = str(arrays.get("skeleton", "custom"))
    joints = tuple(str(joint) for joint in arrays["joint_names"].tolist())
    if name in skeleton_names() and joints == load_skeleton(name).joint_names:
        return load_skeleton(name)
    if "parents" in arrays and "pairs" in arrays:
        parents = tuple(str(parent) or None for parent in arrays["parents"].tolist())
        pairs = tuple((str(left), str(right)) for left, right in arrays["pairs"].tolist())
        return Skeleton(name, joints, parents, pairs)
    return Skeleton(name, joints, (None,) * len(joints), ())


def _in_skeleton(keypoints: Keypoints, wanted: str | None) -> Keypoints:
    own = keypoints.skeleton
    bare = not any(own.parents) and not own.pairs
    if not bare and wanted in (None, own.name):
        return keypoints
    skeleton, order = understand_joints(own.joint_names, wanted)
    picked = list(order)
    return replace(
        keypoints, pixels=keypoints.pixels[:, :, picked], score=keypoints.score[:, :, picked], skeleton=skeleton
    )


PLUGIN = _Npz()
