"""COCO keypoints (Lin et al., ECCV 2014): 17 joints of people in photographs, `person_keypoints_*.json`.

None of it comes with epipose: annotations and pictures are at cocodataset.org. Keypoints are "0-indexed" (its data
format): the indices of pixels, as detectron2 takes them too, so they are ours as they are. Boxes count from the
picture's corner, from 0 to its width, so they shift by half a pixel.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from epipose.datasets import MarkedPerson, MarkedPictures, Wanted
from epipose.datasets._damaged_files import laid_out, read_json
from epipose.datasets._marking import UNKNOWN_HEAD, PictureFolder, are_places, asked_splits, holding
from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton, load_skeleton

_BEGIN = "person_keypoints_"
_VISIBLE = 2


class Coco(MarkedPictures):
    """250,000 people, mostly in pictures of everyday life; the splits are those of the files: train2017, val2017."""

    @property
    def skeleton(self) -> Skeleton:
        """COCO's own."""
        return load_skeleton("coco17")

    def people(self, root: Path, wanted: Wanted) -> tuple[list[MarkedPerson], list[str]]:
        """Return the people of each split."""
        files = sorted((root / "annotations").glob(f"{_BEGIN}*.json"))
        if not files:
            raise InputError(f"there is no annotations/{_BEGIN}*.json in {root}; name COCO's folder with --root")
        known = [file.stem.removeprefix(_BEGIN) for file in files]
        people, notes = [], []
        for split in asked_splits(wanted, known, root):
            found, said = _people(root, split, self.skeleton)
            people += found
            notes += said
        if not people:
            raise InputError(f"nobody in {root} has a marked joint; use COCO's own annotations of train2017 or val2017")
        return people, notes


def _people(root: Path, split: str, skeleton: Skeleton) -> tuple[list[MarkedPerson], list[str]]:
    file = root / "annotations" / f"{_BEGIN}{split}.json"
    places = [place for place in (root / split, root / "images" / split) if place.is_dir()]
    remedy = f"unpack {split}.zip into {root}, or choose another split with --splits"
    pictures = PictureFolder(places[0] if places else root / split, remedy)
    names, annotations = _contents(file, skeleton)
    kept, notes = _with_joints(file, split, annotations)
    pixels, visibility = _joints(file, kept, len(skeleton))
    marked = visibility > 0
    boxes = holding(_boxes(file, kept), pixels, marked)
    paths = _paths(file, pictures, names, {one["image_id"] for one in kept})
    people = [
        MarkedPerson(
            f"{split}_{one['id']}",
            paths[one["image_id"]],
            pixels[row],
            marked[row],
            visibility[row] == _VISIBLE,
            boxes[row],
            UNKNOWN_HEAD,
            {"split": split, "image_id": one["image_id"], "annotation_id": one["id"]},
        )
        for row, one in enumerate(kept)
    ]
    return people, notes


def _contents(file: Path, skeleton: Skeleton) -> tuple[dict[int, str], list[dict[str, Any]]]:
    """Return the names of pictures by number, and what is said of people."""
    table = read_json(file, _without_outline)
    with laid_out(file):
        people = [category for category in table["categories"] if category["name"] == "person"]
        if [tuple(category["keypoints"]) for category in people] != [skeleton.joint_names]:
            raise InputError(f"{file} marks other joints than COCO's {len(skeleton)}; use COCO's own annotations")
        names = {_counted(image["id"]): str(image["file_name"]) for image in table["images"]}
        annotations = [one for one in table["annotations"] if one["category_id"] == people[0]["id"]]
        for one in annotations:
            _counted(one["image_id"])
        if len({_counted(one["id"]) for one in annotations}) < len(annotations):
            raise ValueError("two people of one number")
    return names, annotations


def _without_outline(held: dict[str, Any]) -> dict[str, Any]:
    """Forget the outlines of people, which are most of a file and would fill the memory."""
    held.pop("segmentation", None)
    return held


def _with_joints(file: Path, split: str, annotations: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return those who have joints, and what is said of the others."""
    with laid_out(file):
        crowds = [one for one in annotations if one.get("iscrowd", 0)]
        single = [one for one in annotations if not one.get("iscrowd", 0)]
        kept = [one for one in single if any(one["keypoints"][2::3])]
    told = {
        f"{len(crowds)} crowds of {split} were left out: nobody is marked in them": len(crowds),
        f"{len(single) - len(kept)} people of {split} were left out: none of their joints is marked": len(single)
        - len(kept),
    }
    return kept, [note for note, count in told.items() if count]


def _joints(
    file: Path, people: list[dict[str, Any]], count: int
) -> tuple[Float32[ndarray, "people joints 2"], Float32[ndarray, "people joints"]]:
    """Return pixels, 0 for joints that are not marked, and how far they are: 0 not, 1 hidden, 2 visible."""
    for one in people:
        if len(one["keypoints"]) != 3 * count:
            raise InputError(
                f"{file} holds {len(one['keypoints'])} numbers for the joints of annotation {one['id']},"
                f" not {3 * count}; get it from its source again"
            )
    with laid_out(file):
        numbers = np.array([one["keypoints"] for one in people], np.float64).reshape(len(people), count, 3)
    pixels, visibility = numbers[..., :2], numbers[..., 2]
    strange = ~np.isin(visibility, (0, 1, _VISIBLE)) | ((visibility > 0) & ~are_places(pixels))
    for row in np.flatnonzero(strange.any(axis=1)):
        raise InputError(
            f"{file} marks a joint of annotation {people[row]['id']} where no picture can show it, or not as 0, 1 or 2;"
            " get it from its source again"
        )
    return np.where(visibility[..., None] > 0, pixels, 0).astype(np.float32), visibility.astype(np.float32)


def _boxes(file: Path, people: list[dict[str, Any]]) -> Float64[ndarray, "people 4"]:
    with laid_out(file):
        boxes = np.array([one["bbox"] for one in people], np.float64).reshape(-1, 4)
    sound = are_places(boxes.reshape(-1, 2, 2)).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)
    for row in np.flatnonzero(~sound):
        raise InputError(
            f"{file} gives annotation {people[row]['id']} a box that no picture can hold; get it from its source again"
        )
    low = boxes[:, :2] - 0.5
    return np.concatenate([low, low + boxes[:, 2:]], axis=1)


def _paths(file: Path, pictures: PictureFolder, names: dict[int, str], images: set[int]) -> dict[int, Path]:
    if strange := sorted(images - set(names)):
        raise InputError(f"{file} does not name picture {strange[0]}, but people in it; get it from its source again")
    return {image: pictures.picture(names[image], file) for image in sorted(images)}


def _counted(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError("no number of a picture or person")
    return value


PLUGIN = Coco()
