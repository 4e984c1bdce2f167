"""The truth of a recording of real people, as somebody measured it: the folder `truth/` of its capture.

- `poses/<skeleton>.npz`: the joints in the world, a pose file on the common clock, on which all views are.
- `views/<view>.npz`: `times` (frames) seconds, the same; `time_offset_s`, 0; `boxes` (frames, people, 4) pixels x0 y0
  x1 y1 of the outermost joints, also beyond the picture's edges, all 0 where the lens sees none.
- `cameras.toml`: the true cameras.
- `recorded.json`: `format_version`, `epipose_version`, `skeleton`, `dataset` and `about`, what the data set calls it.

It says less than the truth of a synthetic recording (`epipose.io.truth_files`): nothing of what hides what, and no
masks. `read_known_poses` reads what both know.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from epipose import __version__
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.io.files import atomic_write
from epipose.io.pose_files import read_poses, write_poses
from epipose.io.truth_files import read_truth
from epipose.pose.keypoints import Poses

FORMAT_VERSION = 1
_FILE = "recorded.json"


@dataclass(frozen=True, eq=False)
class KnownPoses:
    """What is known of any recording that comes with the truth."""

    poses: Poses
    """In the world, on the common clock."""
    cameras: Mapping[str, Camera]
    """Of every view."""
    time_offsets_s: Mapping[str, float]
    """Added to the views' own times for the common clock."""


def write_recorded_truth(
    folder: Path, poses: Poses, cameras: Mapping[str, Camera], dataset: str, about: Mapping[str, Any]
) -> None:
    """Write the truth of a recording, whose views are on the clock of `poses`, into `folder`."""
    write_poses(_poses_path(folder, poses.skeleton.name), poses)
    for view, camera in cameras.items():
        boxes = person_boxes(camera, poses)
        with atomic_write(folder / "views" / f"{view}.npz", "wb") as file:
            np.savez_compressed(
                file, times=poses.times, time_offset_s=0.0, boxes=boxes, format_version=np.array(FORMAT_VERSION)
            )
    write_cameras(folder / "cameras.toml", cameras, metadata={"truth": True})
    table = {
        "format_version": FORMAT_VERSION,
        "epipose_version": __version__,
        "skeleton": poses.skeleton.name,
        "dataset": dataset,
        "about": dict(about),
    }
    with atomic_write(folder / _FILE, "w") as file:
        file.write(json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def person_boxes(camera: Camera, poses: Poses) -> Float32[ndarray, "frames people 4"]:
    """Return x0 y0 x1 y1, in pixels, of the outermost joints that the lens can see; all 0 where it sees none."""
    pixels, valid = camera.project(poses.positions.astype(float))
    seen: Any = (valid & (poses.weight > 0))[..., None]
    low = np.where(seen, pixels, np.inf).min(axis=2)
    high = np.where(seen, pixels, -np.inf).max(axis=2)
    boxes: Float[ndarray, "frames people 4"] = np.concatenate([low, high], axis=-1)
    return np.where(seen.any(axis=2), boxes, 0).astype(np.float32)


def read_known_poses(folder: Path) -> KnownPoses:
    """Return the poses and cameras of a truth, recorded or synthetic; raises InputError if damaged."""
    if not (folder / _FILE).is_file():
        truth = read_truth(folder)
        return KnownPoses(truth.poses, truth.cameras, {name: view.time_offset_s for name, view in truth.views.items()})
    poses = read_poses(_poses_path(folder, _skeleton(folder / _FILE)))
    cameras = read_cameras(folder / "cameras.toml").cameras
    return KnownPoses(poses, cameras, dict.fromkeys(cameras, 0.0))


def _skeleton(file: Path) -> str:
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        if table["format_version"] == FORMAT_VERSION and table["skeleton"] == Path(table["skeleton"]).name:
            return str(table["skeleton"])
    except (ValueError, RecursionError, OSError, LookupError, TypeError) as error:
        raise InputError(f"{file} is damaged; make it again with epipose prepare") from error
    raise InputError(f"{file} is not of format {FORMAT_VERSION}, which this epipose reads; make it again")


def _poses_path(folder: Path, skeleton: str) -> Path:
    return folder / "poses" / f"{skeleton}.npz"
