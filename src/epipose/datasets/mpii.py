"""MPII Human Pose (Andriluka et al., CVPR 2014): 16 joints of people in pictures from videos of 410 activities.

None of it comes with epipose: annotations and pictures are at human-pose.mpi-inf.mpg.de. Its coordinates are MATLAB's,
from 1 on (as its authors told those of microsoft/human-pose-estimation.pytorch, issue 110), so 1 is subtracted.
"""

import re
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from epipose.datasets import MarkedPerson, MarkedPictures, Wanted, _mpii_json, _mpii_release
from epipose.datasets._marking import UNKNOWN_HEAD, PictureFolder, are_places, asked_splits, holding
from epipose.datasets._mpii_marks import Marks
from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton, load_skeleton

_FIRST_PIXEL = 1.0
_HEAD = 0.6
"""Share of the diagonal of the head box that the data set's own evaluation takes for the size of the head."""
_SCALE_PX = 200.0
_LARGEST_SCALE = 500.0
_PICTURE_NAME = re.compile(r"[\w-]+\.jpg", re.ASCII)
"""Plain enough for names of people to be made from it."""


@runtime_checkable
class _Format(Protocol):
    """A module that reads one format."""

    NAME: str
    """For people."""

    def recognises(self, root: Path) -> bool: ...
    def splits(self, root: Path) -> list[str]: ...
    def marks(self, root: Path, split: str) -> tuple[Path, list[Marks], list[str]]: ...


FORMATS: tuple[_Format, ...] = (_mpii_release, _mpii_json)


class Mpii(MarkedPictures):
    """25,000 pictures of 40,000 people, of whom 28,000 in the split train have their joints published."""

    @property
    def skeleton(self) -> Skeleton:
        """MPII's own."""
        return load_skeleton("mpii16")

    def people(self, root: Path, wanted: Wanted) -> tuple[list[MarkedPerson], list[str]]:
        """Return the people of whichever format is there."""
        form = _format(root)
        splits = asked_splits(wanted, form.splits(root), root)
        pictures = PictureFolder(root / "images", f"unpack mpii_human_pose_v1.tar.gz into {root}")
        people, notes = [], []
        for split in splits:
            file, marks, said = form.marks(root, split)
            people += [_person(one, split, pictures, file) for one in marks]
            notes += said
        if not people:
            raise InputError(f"nobody in {root} has a marked joint; use MPII's own annotations")
        return people, notes


def _format(root: Path) -> _Format:
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; name the folder that holds MPII with --root")
    found = [form for form in FORMATS if form.recognises(root)]
    names = [form.NAME for form in found or FORMATS]
    if not found:
        raise InputError(f"{root} holds MPII in no known format; it should have {' or '.join(names)}")
    if len(found) > 1:
        raise InputError(f"{root} holds {' and '.join(names)}, of the same people; take one of them away")
    return found[0]


def _person(marks: Marks, split: str, pictures: PictureFolder, file: Path) -> MarkedPerson:
    if not _PICTURE_NAME.fullmatch(marks.picture):
        raise InputError(
            f"{file} names {marks.picture[:50]!r}, which is no picture of MPII; get it from its source again"
        )
    picture = pictures.picture(marks.picture, file)
    head = np.zeros((2, 2)) if marks.head is None else marks.head
    sound = are_places(marks.joints[marks.marked]).all() and are_places(np.vstack([marks.place, head])).all()
    if not sound or not 0 < marks.scale < _LARGEST_SCALE:
        raise InputError(
            f"{file} gives person {marks.number} of {marks.picture} joints, a size or a head that no picture can show;"
            " get it from its source again"
        )
    joints = np.where(marks.marked[:, None], marks.joints - _FIRST_PIXEL, 0).astype(np.float32)
    half = marks.scale * _SCALE_PX / 2
    box = np.concatenate([marks.place - _FIRST_PIXEL - half, marks.place - _FIRST_PIXEL + half])
    return MarkedPerson(
        f"{split}_{picture.stem}_{marks.number}",
        picture,
        joints,
        marks.marked,
        marks.visible,
        holding(box[None], joints[None], marks.marked[None])[0],
        _head_px(head),
        {"split": split, **marks.about},
    )


def _head_px(corners: Float64[ndarray, "2 2"]) -> float:
    size = _HEAD * float(np.linalg.norm(corners[1] - corners[0]))
    return size if size > 0 else UNKNOWN_HEAD


PLUGIN = Mpii()
