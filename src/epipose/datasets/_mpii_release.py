"""MPII as released: `mpii_human_pose_v1_u12_1.mat`, a MATLAB structure RELEASE.

`annolist(i)`: `image.name`, and for each person `annorect(j)`: a head box `x1 y1 x2 y2`, `scale`, `objpos`, and
`annopoints.point(k)`: `x`, `y`, `id` (0 to 15) and `is_visible`: a number, text, or empty, as for the upper neck and
the head's top, which come from the head box. `img_train(i)`, `act(i)` and `single_person(i)` tell about the picture.
Any of these may be empty or missing.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from epipose.datasets._damaged_files import laid_out
from epipose.datasets._mat_files import is_empty, number, read_mat, structures, text
from epipose.datasets._mpii_marks import JOINTS, UNMARKED, UNPLACED, Marks, told

NAME = "mpii_human_pose_v1_u12_1.mat"
_PATTERN = "mpii_human_pose_v1_u12*.mat"
_SAID = {"0": 0.0, "1": 1.0}


def recognises(root: Path) -> bool:
    """Return whether `root`, or a folder in it, holds the file."""
    return _file(root) is not None


def splits(root: Path) -> list[str]:  # noqa: ARG001 - of every release
    """Return the splits whose joints were published."""
    return ["train"]


def marks(root: Path, split: str) -> tuple[Path, list[Marks], list[str]]:
    """Return the file, the people of a split, and what is to be said of those who were left out."""
    file = _file(root)
    assert file is not None, "the file was recognised"
    (held,) = read_mat(file, "RELEASE")
    with laid_out(file):
        (release,) = structures(held)
        people, left_out = _people(release, split)
        tests = np.count_nonzero(np.ravel(release["img_train"]) == 0)
    notes = told(left_out, split)
    if tests:
        notes.append(f"{tests} pictures of test were left out: their joints were never published")
    return file, people, notes


def _file(root: Path) -> Path | None:
    return next((file for pattern in (_PATTERN, f"*/{_PATTERN}") for file in sorted(root.glob(pattern))), None)


def _people(release: dict[str, Any], split: str) -> tuple[list[Marks], Counter[str]]:
    """Return those with joints, and for which reasons how many others were left out."""
    columns = np.ravel(release["img_train"]), release["single_person"], structures(release["act"])
    people = []
    left_out: Counter[str] = Counter()
    of_picture: Counter[str] = Counter()
    for picture, trains, separate, act in zip(structures(release["annolist"]), *columns, strict=True):
        if not trains:
            continue
        (image,) = structures(picture["image"])
        name = text(image["name"])
        alone = set(np.ravel(separate))
        for index, person in enumerate(structures(picture["annorect"]), start=1):
            of_picture[name] += 1  # not `index`: a picture may be listed twice
            about: dict[str, str | int] = {
                "split": split,
                "activity": text(act["act_name"]),
                "category": text(act["cat_name"]),
                "separate": int(index in alone),
            }
            one = _marks(name, of_picture[name], person, about)
            if isinstance(one, Marks):
                people.append(one)
            else:
                left_out[one] += 1
    return people, left_out


def _marks(picture: str, number_in_it: int, person: dict[str, Any], about: dict[str, str | int]) -> Marks | str:
    """Return a person of a picture, or why they are left out."""
    joints, marked, visible = _joints(structures(person.get("annopoints")))
    place, scale = person.get("objpos"), person.get("scale")
    if not marked.any():
        return UNMARKED
    if is_empty(place) or is_empty(scale):
        return UNPLACED
    return Marks(picture, number_in_it, joints, marked, visible, _point(place), number(scale), _head(person), about)


def _joints(
    annopoints: list[dict[str, Any]],
) -> tuple[Float64[ndarray, "16 2"], Bool[ndarray, "16"], Bool[ndarray, "16"]]:
    joints, marked, visible = np.zeros((JOINTS, 2)), np.zeros(JOINTS, bool), np.zeros(JOINTS, bool)
    for point in (point for one in annopoints for point in structures(one["point"])):
        joint = number(point["id"])
        if joint not in range(JOINTS):
            raise ValueError(f"joint {joint}")
        joints[int(joint)] = number(point["x"]), number(point["y"])
        marked[int(joint)] = True
        visible[int(joint)] = _is_visible(point.get("is_visible"))
    return joints, marked, visible


def _is_visible(value: Any) -> bool:
    """Return whether a joint is said to be visible; nothing is said of some."""
    if is_empty(value):
        return False
    said = _SAID[value.strip()] if isinstance(value, str) else number(value)
    if said not in (0, 1):
        raise ValueError(f"visible {said}")
    return said == 1


def _point(value: Any) -> Float64[ndarray, "2"]:
    (place,) = structures(value)
    return np.array([number(place["x"]), number(place["y"])])


def _head(person: dict[str, Any]) -> Float64[ndarray, "2 2"] | None:
    corners = [person.get(name) for name in ("x1", "y1", "x2", "y2")]
    return None if any(map(is_empty, corners)) else np.array([number(corner) for corner in corners]).reshape(2, 2)
