"""Fingerprints tell whether a result is still the one that its inputs, settings and program version would give."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epipose import __version__
from epipose.errors import InputError
from epipose.geometry.cameras import Camera

Part = str | int | float | bool | None | Path | Sequence[Any] | Mapping[str, Any]
"""A list or mapping holds parts again."""

SMALL = 1 << 20
"""Files up to this many bytes are known by their content, larger ones by size and time of change."""


def fingerprint(*parts: Part) -> str:
    """Return a hexadecimal digest of the parts and of the program's version.

    A Path stands for what the file, or the folder with all that is in it, holds now, wherever it lies; raises
    InputError when it does not exist.
    """
    text = json.dumps([__version__, *(_plain(part) for part in parts)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def camera_in_numbers(camera: Camera) -> list[float]:
    """Return a camera as a part of a fingerprint."""
    return [*camera.lens.parameters.tolist(), *camera.cam_from_world.matrix.ravel().tolist()]


def is_current(path: Path, wanted: str) -> bool:
    """Return whether the NPZ file `path` was made from what `wanted` stands for; false when it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return str(archive["fingerprint"]) == wanted
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return False


def content_digest(path: Path) -> str:
    """Return a digest of all bytes of a file, or of the names and bytes of all files in a folder."""
    digest = hashlib.sha256()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            if path.is_dir():
                digest.update(file.relative_to(path).as_posix().encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _plain(part: Part) -> object:
    if isinstance(part, Path):
        return _identity(part)
    if isinstance(part, Mapping):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [_plain(value) for value in part]
    return part


def _identity(path: Path) -> object:
    if path.is_dir():
        return {file.relative_to(path).as_posix(): _identity(file) for file in path.rglob("*") if file.is_file()}
    try:
        about = path.stat()
        return [about.st_size, content_digest(path) if about.st_size <= SMALL else about.st_mtime_ns]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check that it is still there") from error
