"""The truth of a synthetic recording: the folder `truth/` of its capture.

- `poses/h36m17.npz`, `poses/coco17.npz`: the joints in the world, pose files on the common clock (uncertainty 0,
  weight 1); people in the order of `scene.json`.
- `views/<view>.npz`, frame by frame of the view's own video: `times` (frames) seconds on the view's own clock;
  `time_offset_s`, added to them for the common clock; for both skeletons `pixels_<skeleton>` (frames, people, 17, 2)
  and `visibility_<skeleton>` (frames, people, 17) of VISIBLE, HIDDEN_BY_ITSELF, HIDDEN_BY_OCCLUDER, OUT_OF_FRAME;
  `boxes` (frames, people, 4) pixels x0 y0 x1 y1 of the outermost pixels that show the person, all 0 where none does;
  `format_version`.
- `masks/<view>.mkv`: who is at each pixel (see `epipose.io.mask_videos`).
- `cameras.toml`: the true cameras.
- `scene.json`: `format_version`, `epipose_version`, `seed`, `rig`, `people` (each `stature_m`, `phenotype`, `motion`)
  and `details`, whatever else the scene was made from.

In memory both skeletons are one, body21, of which they are subsets by name.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from epipose import __version__
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.arrays import read_arrays
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.io.files import atomic_write
from epipose.io.pose_files import read_poses, write_poses
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import load_skeleton

FORMAT_VERSION = 1

VISIBLE, HIDDEN_BY_ITSELF, HIDDEN_BY_OCCLUDER, OUT_OF_FRAME = range(4)
"""What is true of a joint in a picture. Other people count as occluders."""

SKELETON = load_skeleton("body21")
WRITTEN = ("h36m17", "coco17")
"""The skeletons in the files; together they have every joint of SKELETON."""

_JOINTS = {name: load_skeleton(name).joint_names for name in WRITTEN}
_COLUMNS = {name: [SKELETON.index(joint) for joint in joints] for name, joints in _JOINTS.items()}


@dataclass(frozen=True, eq=False)
class ViewTruth:
    """What the pictures of one view show, frame by frame; people in the order of `Truth.people`, joints of body21."""

    times: Float[ndarray, "frames"]
    """Seconds on the view's own clock: since its first frame, as its video tells them."""
    time_offset_s: float
    """What is added to `times` for the common clock."""
    pixels: Float32[ndarray, "frames people 21 2"]
    """Finite also where the lens cannot see the joint, which is then OUT_OF_FRAME."""
    visibility: UInt8[ndarray, "frames people 21"]
    boxes: Float32[ndarray, "frames people 4"]
    """x0 y0 x1 y1: the outermost pixels that show the person; all 0 where none does."""

    def __post_init__(self) -> None:
        """Raise InputError for numbers that mean nothing."""
        numbers = (self.times, self.pixels, self.boxes, np.array(self.time_offset_s))
        if not all(np.all(np.isfinite(array)) for array in numbers) or np.any(np.diff(self.times) <= 0):
            raise InputError("the truth of a view has numbers that are not finite or times that do not rise")
        if np.any(self.visibility > OUT_OF_FRAME):
            raise InputError("the truth of a view has a visibility that means nothing")


@dataclass(frozen=True)
class PersonTruth:
    """One person of a synthetic recording."""

    stature_m: float
    """Height of the body, standing upright."""
    phenotype: Mapping[str, float]
    """What made the body (see `epipose.studio.bodies`)."""
    motion: str
    """Name of the motion."""


@dataclass(frozen=True, eq=False)
class Truth:
    """All that is known of a synthetic recording, but for its masks (see `epipose.io.mask_videos`)."""

    poses: Poses
    """Joints of body21 in the world on the common clock."""
    views: Mapping[str, ViewTruth]
    cameras: Mapping[str, Camera]
    people: tuple[PersonTruth, ...]
    seed: int
    rig: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the scene was made from, as values that JSON knows."""

    def __post_init__(self) -> None:
        """Raise InputError for parts that do not fit together."""
        if self.poses.skeleton.joint_names != SKELETON.joint_names:
            raise InputError(f"true poses have the joints of {SKELETON.name}, not of {self.poses.skeleton.name}")
        counts = {self.poses.weight.shape[1], *(view.visibility.shape[1] for view in self.views.values())}
        if counts != {len(self.people)}:
            raise InputError("the parts of a truth do not agree on the number of people")
        if set(self.views) != set(self.cameras):
            raise InputError("the truth names other cameras than views")


def write_truth(folder: Path, truth: Truth) -> None:
    """Write `truth` (but for the masks) into `folder`, the `truth/` of a capture."""
    for name, columns in _COLUMNS.items():
        poses = truth.poses
        part = replace(
            poses,
            positions=poses.positions[:, :, columns],
            uncertainty=np.zeros_like(poses.uncertainty[:, :, columns]),
            weight=np.ones_like(poses.weight[:, :, columns]),
            skeleton=load_skeleton(name),
        )
        write_poses(_poses_path(folder, name), part)
    for name, view in truth.views.items():
        _write_view(_view_path(folder, name), view)
    write_cameras(folder / "cameras.toml", truth.cameras, metadata={"truth": True})
    table = {
        "format_version": FORMAT_VERSION,
        "epipose_version": __version__,
        "seed": truth.seed,
        "rig": truth.rig,
        "people": [
            {"stature_m": person.stature_m, "phenotype": dict(person.phenotype), "motion": person.motion}
            for person in truth.people
        ],
        "details": dict(truth.details),
    }
    with atomic_write(folder / "scene.json", "w") as file:
        file.write(json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_truth(folder: Path) -> Truth:
    """Return the truth in `folder`, the `truth/` of a capture; raises InputError, naming the file, if it is damaged."""
    scene = _read_scene(folder / "scene.json")
    cameras = read_cameras(folder / "cameras.toml")
    parts = [read_poses(_poses_path(folder, name)) for name in WRITTEN]
    for name, part in zip(WRITTEN, parts, strict=True):
        if part.skeleton.joint_names != _JOINTS[name] or part.weight.shape[:2] != parts[0].weight.shape[:2]:
            raise InputError(f"{_poses_path(folder, name)} does not fit the rest of its truth; make it again")
    positions = _joined(parts[0].positions, parts[1].positions)
    zero, one = np.zeros(positions.shape[:3], np.float32), np.ones(positions.shape[:3], np.float32)
    views = {name: _read_view(_view_path(folder, name)) for name in cameras.cameras}
    try:
        poses = Poses(positions, zero, one, parts[0].times, SKELETON)
        return Truth(poses=poses, views=views, cameras=cameras.cameras, **scene)
    except InputError as error:
        raise InputError(f"{folder} is damaged: {error}; make it again with epipose synthesize") from error


def _poses_path(folder: Path, skeleton: str) -> Path:
    return folder / "poses" / f"{skeleton}.npz"


def _view_path(folder: Path, view: str) -> Path:
    return folder / "views" / f"{view}.npz"


def _joined(h36m: ndarray, coco: ndarray) -> ndarray:
    """Return the joints of body21, the third axis, from those of both skeletons, in the order of WRITTEN."""
    joined = np.zeros((*h36m.shape[:2], len(SKELETON), *h36m.shape[3:]), h36m.dtype)
    for name, part in zip(WRITTEN, (h36m, coco), strict=True):
        joined[:, :, _COLUMNS[name]] = part
    return joined


def _write_view(path: Path, view: ViewTruth) -> None:
    arrays: dict[str, Any] = {"times": view.times, "time_offset_s": view.time_offset_s, "boxes": view.boxes}
    for name, columns in _COLUMNS.items():
        arrays[f"pixels_{name}"] = view.pixels[:, :, columns]
        arrays[f"visibility_{name}"] = view.visibility[:, :, columns]
    with atomic_write(path, "wb") as file:
        np.savez_compressed(file, **arrays, format_version=np.array(FORMAT_VERSION))


def _read_view(path: Path) -> ViewTruth:
    arrays = read_arrays(path)
    shapes: dict[str, tuple[int | None, ...]] = {
        "times": (None,),
        "time_offset_s": (),
        "boxes": (None, None, 4),
        **{f"pixels_{name}": (None, None, 17, 2) for name in WRITTEN},
        **{f"visibility_{name}": (None, None, 17) for name in WRITTEN},
    }
    for key, shape in shapes.items():
        if key not in arrays:
            raise InputError(f"{path} is no truth of a view: it lacks {key}; make it with epipose synthesize")
        kinds, array = "u" if key.startswith("visibility") else "f", arrays[key]
        fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
        if not fits or array.dtype.kind not in kinds:
            raise InputError(f"{path} holds {key} of a wrong type or shape; make it again")
    counts = {arrays[key].shape[:2] for key, shape in shapes.items() if len(shape) > 1}
    if len(counts) != 1 or next(iter(counts))[0] != len(arrays["times"]):
        raise InputError(f"{path} holds arrays whose shapes do not fit together; make it again")
    version = arrays.get("format_version", np.array(0))
    if version.ndim or version.dtype.kind not in "iu" or int(version) != FORMAT_VERSION:
        raise InputError(f"{path} is not of truth format {FORMAT_VERSION}, which this epipose reads; update epipose")
    with np.errstate(over="ignore"):
        pixels, boxes = (
            array.astype(np.float32)
            for array in (_joined(*(arrays[f"pixels_{name}"] for name in WRITTEN)), arrays["boxes"])
        )
    visibility = _joined(*(arrays[f"visibility_{name}"] for name in WRITTEN))
    try:
        return ViewTruth(
            arrays["times"].astype(float),
            float(arrays["time_offset_s"]),
            pixels,
            np.minimum(visibility, np.uint8(255)).astype(np.uint8),
            boxes,
        )
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}; make it again with epipose synthesize") from error


def _read_scene(path: Path) -> dict[str, Any]:
    """Return the arguments of `Truth` that scene.json holds."""
    if not path.is_file():
        raise InputError(f"there is no {path}; the truth of a recording is made with epipose synthesize")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(f"{path} is not sound JSON; make it again with epipose synthesize") from error
    wrong = InputError(f"{path} does not describe a scene of format {FORMAT_VERSION}; make it again")
    if not isinstance(table, dict) or table.get("format_version") != FORMAT_VERSION:
        raise wrong
    seed, rig, people, details = (table.get(key) for key in ("seed", "rig", "people", "details"))
    if not isinstance(seed, int) or isinstance(seed, bool) or not isinstance(rig, str):
        raise wrong
    if not isinstance(people, list) or not isinstance(details, dict):
        raise wrong
    return {"seed": seed, "rig": rig, "people": tuple(_person(p, wrong) for p in people), "details": details}


def _person(table: Any, wrong: InputError) -> PersonTruth:
    if not isinstance(table, dict):
        raise wrong
    stature, phenotype, motion = table.get("stature_m"), table.get("phenotype"), table.get("motion")
    if not _is_number(stature) or stature <= 0 or not isinstance(motion, str) or not isinstance(phenotype, dict):
        raise wrong
    if not all(_is_number(value) for value in phenotype.values()):
        raise wrong
    return PersonTruth(float(stature), {name: float(value) for name, value in phenotype.items()}, motion)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)
