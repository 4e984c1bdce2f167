"""MPII as the JSON files that programs for training share: `annot/{train,valid,trainval}.json`.

A list of people: `image`, `center` and `scale` (MPII's objpos and scale, in MATLAB's coordinates still; a centre of -1
where there is none), `joints` (16 x 2) and `joints_vis`, which is 1 for all that are marked, also hidden ones.
`gt_valid.mat`, which some of these programs evaluate by, holds the head boxes of valid.json, in its order.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from epipose.datasets._damaged_files import laid_out, read_json
from epipose.datasets._mat_files import read_mat
from epipose.datasets._mpii_marks import JOINTS, UNMARKED, UNPLACED, Marks, told
from epipose.errors import InputError

NAME = "annot/train.json and valid.json"
HEADS = "gt_valid.mat"
_SAME_PX = 2.0
_NOWHERE = -1

_Numbers = tuple[str, Float64[ndarray, "3"], Float64[ndarray, "16 2"], Bool[ndarray, "16"]]
"""Of one person: picture; centre and scale; joints; which of these are marked."""


def recognises(root: Path) -> bool:
    """Return whether `root` holds such files."""
    return bool(splits(root))


def splits(root: Path) -> list[str]:
    """Return the splits that are there; trainval, which is both others, only without train."""
    there = [split for split in ("train", "trainval", "valid") if (root / "annot" / f"{split}.json").is_file()]
    return [split for split in there if split != "trainval"] if "train" in there else there[:1]


def marks(root: Path, split: str) -> tuple[Path, list[Marks], list[str]]:
    """Return the file, the people of a split, and what is to be said of those who were left out."""
    file = root / "annot" / f"{split}.json"
    records = read_json(file)
    with laid_out(file):
        numbers = [_numbers(file, record) for record in records]
    heads = _heads(root / "annot" / HEADS, numbers) if split == "valid" else None
    people = []
    left_out: Counter[str] = Counter()
    of_picture: Counter[str] = Counter()
    for row, (picture, place, joints, marked) in enumerate(numbers):
        of_picture[picture] += 1
        if not marked.any():
            left_out[UNMARKED] += 1
        elif place[0] == _NOWHERE:
            left_out[UNPLACED] += 1
        else:
            head = None if heads is None else heads[row]
            hidden = np.zeros(JOINTS, bool)
            one = Marks(picture, of_picture[picture], joints, marked, hidden, place[:2], float(place[2]), head)
            people.append(one)
    notes = [*told(left_out, split), f"which marked joints of {split} are hidden is not told"]
    if heads is None:
        notes.append(f"how large the heads of {split} are is not told, so PCKh cannot be measured")
    return file, people, notes


def _numbers(file: Path, record: dict[str, Any]) -> _Numbers:
    joints, marked = np.array(record["joints"], np.float64), np.array(record["joints_vis"], np.float64)
    if joints.shape != (JOINTS, 2) or marked.shape != (JOINTS,):
        raise InputError(f"{file} holds joints of shape {joints.shape}, not ({JOINTS}, 2); use MPII's own annotations")
    (x, y), scale = record["center"], record["scale"]
    return str(record["image"]), np.array([x, y, scale], np.float64), joints, marked > 0


def _heads(file: Path, numbers: list[_Numbers]) -> Float64[ndarray, "people 2 2"] | None:
    """Return the corners of head boxes, in the order of valid.json; None where there is no such file."""
    if not file.is_file():
        return None
    boxes, joints, missing = map(np.asarray, read_mat(file, "headboxes_src", "pos_gt_src", "jnt_missing"))
    count = len(numbers)
    fits = boxes.shape == (2, 2, count) and joints.shape == (JOINTS, 2, count) and missing.shape == (JOINTS, count)
    if fits:
        with laid_out(file):
            both = (missing.T == 0) & np.array([marked for *_, marked in numbers])
            apart = np.abs(np.moveaxis(joints, 2, 0) - [ours for *_, ours, _ in numbers]).max(axis=2)[both]
        apart = apart[np.isfinite(apart)]
        fits = apart.size == 0 or bool(np.median(apart) < _SAME_PX)
    if not fits:
        raise InputError(f"{file} is not about the people of valid.json; get both from one source, or take it away")
    return np.moveaxis(boxes, 2, 0).astype(np.float64)
