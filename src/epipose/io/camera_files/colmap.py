"""COLMAP's sparse model as text: `cameras.txt` with the lenses, `images.txt` with a pose a picture.

COLMAP puts the origin of pixels at the corner of the picture, so its first pixel has its centre at (0.5, 0.5). Its
lengths have no unit. A view is named by its picture; if each picture lies in a folder of its own, by that folder.
"""

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady, Fisheye, Lens, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_quaternion
from epipose.io.camera_files import CameraFile, CameraFormat
from epipose.io.camera_files._parsing import Entry, assemble, lens, numbers, picture_size

MODELS: dict[str, tuple[type[Lens], tuple[int, int, int, int], tuple[int, ...], int]] = {
    "SIMPLE_PINHOLE": (Pinhole, (0, 0, 1, 2), (), 3),
    "PINHOLE": (Pinhole, (0, 1, 2, 3), (), 4),
    "SIMPLE_RADIAL": (BrownConrady, (0, 0, 1, 2), (3, -1, -1, -1), 4),
    "RADIAL": (BrownConrady, (0, 0, 1, 2), (3, 4, -1, -1), 5),
    "OPENCV": (BrownConrady, (0, 1, 2, 3), (4, 5, 6, 7), 8),
    "FULL_OPENCV": (BrownConrady, (0, 1, 2, 3), (4, 5, 6, 7, 8, 9, 10, 11), 12),
    "OPENCV_FISHEYE": (Fisheye, (0, 1, 2, 3), (4, 5, 6, 7), 8),
}
"""Lens, where fx fy cx cy stand, where our coefficients stand (-1: zero), and how many parameters there are."""
LONGEST_LINE = 50_000_000


class ColmapFormat(CameraFormat):
    """Cameras of a structure-from-motion model, exported as text."""

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is one of the two files, or a folder with cameras.txt."""
        return path.name in {"cameras.txt", "images.txt"} or (path / "cameras.txt").is_file()

    def read(self, path: Path) -> CameraFile:
        """Return the cameras; without images.txt only the lenses, each named by its number."""
        folder = path if path.is_dir() else path.parent
        if not (folder / "cameras.txt").is_file():
            raise InputError(f"{folder / 'cameras.txt'} is missing; images.txt needs it beside it")
        lenses = _lenses(folder / "cameras.txt")
        images = folder / "images.txt"
        if not images.is_file():
            return assemble(path, [Entry(key, *value, None) for key, value in lenses.items()], unit_m=1.0, metric=False)
        poses = dict(_poses(images))
        names = _view_names(list(poses), images)
        entries = []
        for picture, (camera, pose) in poses.items():
            if camera not in lenses:
                raise InputError(f"{images}: picture {picture!r} uses camera {camera}, which cameras.txt does not have")
            entries.append(Entry(names[picture], *lenses[camera], pose))
        note = f"the lengths of {path.name} have no unit; only their ratios are used"
        return assemble(path, entries, unit_m=1.0, notes=(note,), metric=False)


PLUGIN = ColmapFormat()


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            while line := file.readline(LONGEST_LINE):
                yield line.strip()
    except OSError as error:
        raise InputError(
            f"could not read {path} ({error.strerror or error}); check that it is a readable file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; export the model as text") from error


def _lenses(path: Path) -> dict[str, tuple[Lens, tuple[int, int]]]:
    lenses: dict[str, tuple[Lens, tuple[int, int]]] = {}
    for line in _lines(path):
        if not line or line.startswith("#"):
            continue
        camera, model, *rest = line.split() if " " in line else (line, "")
        where = f"{path}: camera {camera!r}"
        if model not in MODELS:
            raise InputError(f"{where} has the model {model!r}; run COLMAP with one of {', '.join(MODELS)}")
        kind, places, coefficients, count = MODELS[model]
        values = numbers(_floats(rest, where), (2 + count,), f"{where}: width, height and parameters of {model}")
        parameters = np.append(values[2:], 0.0)
        fx, fy, cx, cy = parameters[list(places)]
        if camera in lenses:
            raise InputError(f"{where} stands there twice; export the model again")
        bent = parameters[list(coefficients)] if coefficients else np.zeros(0)
        lenses[camera] = (
            lens(kind, (fx, fy), (cx - 0.5, cy - 0.5), bent, where),
            picture_size(values[:2].tolist(), where),
        )
    return lenses


def _poses(path: Path) -> Iterator[tuple[str, tuple[str, Rigid]]]:
    """Yield (picture, (camera, cam_from_world)); after each picture's line stands one with its points, often empty."""
    lines = _lines(path)
    seen = set()
    for line in lines:
        if not line or line.startswith("#"):
            continue
        words = line.split(maxsplit=9)
        if len(words) < 10:
            raise InputError(f"{path}: the line {line[:40]!r} does not describe a picture; export the model again")
        *motion, camera, picture = words[1:]
        where = f"{path}: picture {picture!r}"
        values = numbers(_floats(motion, where), (7,), f"{where}: its quaternion and translation")
        if not math.isclose(float(np.linalg.norm(values[:4])), 1, abs_tol=1e-2):
            raise InputError(f"{where}: its quaternion has not the length 1, so it is not a rotation; export again")
        if picture in seen:
            raise InputError(f"{where} stands there twice; export the model again")
        seen.add(picture)
        if len(next(lines, "").split()) % 3:
            raise InputError(f"{where} has no line of points after it; leave an empty line after each picture")
        yield picture, (camera, Rigid(rotation_from_quaternion(values[:4]), values[4:]))


def _view_names(pictures: list[str], path: Path) -> dict[str, str]:
    paths = {picture: PurePosixPath(picture.replace("\\", "/")) for picture in pictures}
    folders = [str(p.parent) for p in paths.values()]
    if len(folders) == len(set(folders)) and "." not in folders:
        return {picture: p.parent.name for picture, p in paths.items()}
    if len(set(folders)) > 1 and len(folders) != len(set(folders)):
        raise InputError(
            f"{path} has several pictures of one view, as of a moving camera; export one picture of each view"
        )
    return {picture: p.stem for picture, p in paths.items()}


def _floats(words: list[str], where: str) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise InputError(f"{where}: {' '.join(words)[:60]!r} are not numbers; export the model again") from error
