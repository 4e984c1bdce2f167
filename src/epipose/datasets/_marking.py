"""What the readers of pictures marked in 2D share: their parts, their pictures, and joints and boxes that are sound."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64
from numpy import ndarray

from epipose.datasets import Wanted
from epipose.errors import InputError

FAR_PX = 1e5
"""No picture is as large."""
UNKNOWN_HEAD = math.nan


def asked_splits(wanted: Wanted, known: Sequence[str], root: Path) -> list[str]:
    """Return the splits that are wanted, in the order of `known`, all of these without a wish.

    Raises InputError for a split that is not there, and for what pictures have not.
    """
    if wanted.subjects or wanted.actions:
        raise InputError(f"the pictures of {root} have no subjects and no actions to choose from; choose with --splits")
    if missing := sorted(set(wanted.splits) - set(known)):
        raise InputError(f"{root} holds no split {missing[0]!r}; it has {', '.join(known)}")
    return [split for split in known if split in wanted.splits or not wanted.splits]


class PictureFolder:
    """Pictures that annotations name, which all lie directly in one folder."""

    def __init__(self, folder: Path, remedy: str) -> None:
        """`remedy` says how the pictures get there; raises InputError with it where there is no such folder."""
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; {remedy}")
        self._folder, self._remedy = folder, remedy
        # Asking for each of a hundred thousand files would take long where these lie on a network.
        self._there = frozenset(entry.name for entry in folder.iterdir())

    def picture(self, name: str, file: Path) -> Path:
        """Return the picture that `file` names; raises InputError for one that is not there, or not in this folder."""
        if not name or name in (".", "..") or set(name) & set("/\\:\0"):
            raise InputError(
                f"{file} names {name[:50]!r}, which is no file of {self._folder}; get it from its source again"
            )
        if name not in self._there:
            raise InputError(f"there is no picture {self._folder / name[:50]}; {self._remedy}")
        return self._folder / name


def are_places(pixels: Float64[ndarray, "*points 2"]) -> Bool[ndarray, "*points"]:
    """Return which points could be somewhere in or near a picture; those of NaN could not."""
    return np.asarray((np.abs(pixels) < FAR_PX).all(axis=-1))


def holding(
    boxes: Float64[ndarray, "people 4"],
    pixels: Float32[ndarray, "people joints 2"],
    marked: Bool[ndarray, "people joints"],
) -> Float32[ndarray, "people 4"]:
    """Return boxes that hold the whole pixels of all marked joints, too; x0, y0, x1, y1."""
    there = marked[..., None]
    low = np.where(there, pixels - 0.5, np.inf).min(axis=1)
    high = np.where(there, pixels + 0.5, -np.inf).max(axis=1)
    grown = np.concatenate([np.minimum(boxes[:, :2], low), np.maximum(boxes[:, 2:], high)], axis=1)
    return grown.astype(np.float32)
