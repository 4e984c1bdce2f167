"""What every camera format needs: numbers, lenses and rotations checked on the way in, and cameras put together."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Fisheye, Human36mLens, Lens, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import nearest_rotation, rotation_from_rotvec
from epipose.io.camera_files import CameraFile, CameraUncertainty
from epipose.io.view_names import natural_key

LARGEST_FILE = 20_000_000
"""Bytes; a camera file is a few kilobytes."""
LARGEST_NUMBER = 1e9
LARGEST_SIZE = 100_000
LARGEST_ROTATION_ERROR = 1e-3
"""How far R R^T may be from the identity: files with four decimals pass, a scaled or sheared matrix does not."""
LONGEST_RIG_M = 100.0
"""Cameras further apart than this, in a file that names no unit, are taken to be in millimetres."""


@dataclass(frozen=True)
class Entry:
    """A camera as its file has it: lengths in the file's own unit, `cam_from_world` None where there is no pose."""

    name: str
    lens: Lens
    size_wh: tuple[int, int]
    cam_from_world: Rigid | None
    uncertainty: CameraUncertainty | None = None


def beginning(path: Path, length: int = 4096) -> str:
    """Return the first bytes of a file as text, whatever they are; empty for a folder or an unreadable file."""
    try:
        with path.open("rb") as file:
            return file.read(length).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


def read_text(path: Path) -> str:
    """Return the text of a file; raises InputError when it is too large, unreadable or not UTF-8."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is too large for a camera file; check that it is the right file")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"could not read {path} ({error.strerror or error}); check that it is a readable file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; check that it is the right file") from error


def numbers(value: object, shape: tuple[int, ...], where: str) -> Float[ndarray, "*shape"]:
    """Return nested lists of numbers as an array of exactly `shape` (-1: any length), every number finite."""
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:  # lists of unequal lengths
        raise InputError(f"{where} must be {_shape_in_words(shape)}") from error
    fits = len(array.shape) == len(shape) and all(w in (-1, n) for w, n in zip(shape, array.shape, strict=True))
    if array.dtype.kind not in "iuf" or not fits:
        raise InputError(f"{where} must be {_shape_in_words(shape)}")
    if not np.all(np.isfinite(array)) or np.any(np.abs(array.astype(float)) > LARGEST_NUMBER):
        raise InputError(f"{where} has a number that is not finite or far too large; calibrate this camera again")
    return array.astype(float)


def _shape_in_words(shape: tuple[int, ...]) -> str:
    if not shape:
        return "a number"
    return " x ".join("any" if n < 0 else str(n) for n in shape) + " numbers"


def picture_size(value: object, where: str) -> tuple[int, int]:
    """Return (width, height) from two whole numbers."""
    pair = numbers(value, (2,), f"{where}: the picture size")
    if np.any(pair != np.round(pair)) or pair.min() < 1 or pair.max() > LARGEST_SIZE:
        raise InputError(f"{where}: the picture size must be two whole positive numbers, width then height")
    return int(pair[0]), int(pair[1])


def lens_from_opencv(matrix: object, distortion: object, where: str, *, model: str = "") -> Lens:
    """Return the lens of OpenCV's camera matrix and distortion coefficients.

    `model` is "", "fisheye", "human36m" or "pinhole"; the last has no distortion, so its coefficients are ignored.
    """
    k = numbers(matrix, (3, 3), f"{where}: the camera matrix")
    if np.any(k[[1, 2, 2, 2], [0, 0, 1, 2]] != (0, 0, 0, 1)) or abs(k[0, 1]) > 1e-6 * abs(k[0, 0]):
        raise InputError(
            f"{where}: the camera matrix must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]; calibrate it without skew"
        )
    coefficients = numbers(distortion, (-1,), f"{where}: the distortion")
    kinds: dict[str, type[Lens]] = {
        "": BrownConrady if len(coefficients) else Pinhole,
        "fisheye": Fisheye,
        "human36m": Human36mLens,
        "pinhole": Pinhole,
    }
    if model not in kinds:
        raise InputError(f"{where}: there is no lens {model!r}; use fisheye, human36m or pinhole, or leave it out")
    return lens(kinds[model], (k[0, 0], k[1, 1]), (k[0, 2], k[1, 2]), coefficients, where)


def lens(
    kind: type[Lens],
    focal: tuple[float, float],
    centre: tuple[float, float],
    coefficients: Float[ndarray, "k"],
    where: str,
) -> Lens:
    """Return a lens of `kind`, with errors that say `where`; zeros beyond the known coefficients are dropped."""
    most = max(kind.coefficient_counts)
    if np.any(coefficients[most:] != 0) and kind is not Pinhole:
        raise InputError(f"{where}: {len(coefficients)} distortion coefficients; calibrate with at most {most}")
    try:
        return kind(
            (float(focal[0]), float(focal[1])),
            (float(centre[0]), float(centre[1])),
            tuple(coefficients[:most].tolist()),
        )
    except InputError as error:
        raise InputError(f"{where}: {error}; calibrate this camera again") from error


def rotation(value: object, where: str) -> Float[ndarray, "3 3"]:
    """Return the rotation of a Rodrigues vector (three numbers; zeros are the identity) or of a 3x3 matrix."""
    try:
        is_vector = np.ndim(value) == 1  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        is_vector = False
    if is_vector:
        return rotation_from_rotvec(numbers(value, (3,), f"{where}: the rotation vector"))
    matrix = numbers(value, (3, 3), f"{where}: the rotation")
    error = np.abs(matrix @ matrix.T - np.eye(3)).max()
    if error > LARGEST_ROTATION_ERROR or np.linalg.det(matrix) < 0:
        raise InputError(f"{where}: the rotation matrix is not a rotation; check the file for a typing error")
    return nearest_rotation(matrix)


def assemble(
    path: Path, entries: list[Entry], *, unit_m: float | None, notes: tuple[str, ...] = (), metric: bool = True
) -> CameraFile:
    """Return the cameras of a file in natural order; `unit_m` is its length unit in metres, None to judge it."""
    if not entries:
        raise InputError(f"{path} holds no camera; check that it is a camera calibration")
    seen: set[str] = set()
    for entry in entries:
        _check_name(path, entry.name, seen)
    entries = sorted(entries, key=lambda entry: natural_key(entry.name))
    poses = {entry.name: entry.cam_from_world for entry in entries if entry.cam_from_world is not None}
    if len(poses) > 1 and all(is_identity(pose) for pose in poses.values()):
        notes = (*notes, f"every camera of {path.name} stands at the same place, so only its lenses are used")
        poses = {}
    if not poses:
        cameras = {entry.name: Camera(entry.lens, Rigid.identity(), entry.size_wh) for entry in entries}
        return CameraFile(cameras, False, {}, notes, metric)

    left_out = [entry.name for entry in entries if entry.name not in poses]
    if left_out:
        notes = (*notes, f"{path.name} gives no position for {', '.join(left_out)}, which is left out")
    if unit_m is None:
        unit_m, note = _judged_unit(path, list(poses.values()))
        notes = (*notes, note)
    cameras = {
        entry.name: Camera(entry.lens, Rigid(pose.rotation, pose.translation * unit_m), entry.size_wh)
        for entry in entries
        if (pose := poses.get(entry.name)) is not None
    }
    uncertainty = {e.name: e.uncertainty for e in entries if e.uncertainty is not None and e.name in poses}
    return CameraFile(cameras, True, uncertainty, notes, metric)


def _check_name(path: Path, name: str, seen: set[str]) -> None:
    if not name.strip() or not name.isprintable() or any(mark in name for mark in "/\\") or name in {".", ".."}:
        raise InputError(f"{path} has a camera called {name!r}; give it a plain name, as its video has")
    if name in seen:
        raise InputError(f"{path} has two cameras called {name!r}; give each its own name")
    seen.add(name)


def is_identity(pose: Rigid) -> bool:
    """Return whether a pose is exactly none, which is how programs write that they know no place."""
    return bool(np.all(pose.rotation == np.eye(3)) and np.all(pose.translation == 0))


def _judged_unit(path: Path, poses: list[Rigid]) -> tuple[float, str]:
    """Return metres per unit, by how far the cameras stand apart (a single one: from the origin), and a note."""
    centres = np.array([pose.centre for pose in poses])
    others = centres if len(centres) > 1 else np.zeros((1, 3))
    extent = float(np.linalg.norm(centres[:, None] - others, axis=-1).max())
    unit_m, word = (0.001, "millimetres") if extent > LONGEST_RIG_M else (1.0, "metres")
    return unit_m, (
        f"{path.name} does not say its unit of length; taken as {word}, because its cameras are up to"
        f" {extent * unit_m:.3g} m apart then"
    )
