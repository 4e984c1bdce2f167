"""Miniature copies of MPII and COCO, with studio poses as the true cameras of Human3.6M see them.

The files are written out from the formats' own descriptions, and share no code with the readers. Pictures show a dot
at each joint: red at left ones, blue at right ones, grey between, so they say themselves where the joints are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray
from scipy.io import savemat

from tests.datasets import h36m_miniature as mini

MPII = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
        "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist")  # fmt: skip
"""By their ids in the file."""
COCO = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle")  # fmt: skip
SIZE_WH = (640, 520)
TAKE = mini.TAKES[1]
NOTHING = np.zeros((0, 0))
"""What MATLAB writes for []."""


@dataclass(frozen=True)
class Shown:
    """A person in a picture."""

    camera: str
    """From the front, 54138969, or from behind, 60457274."""
    frame: int
    corner: tuple[int, int]
    """Of the picture, in that of the camera."""
    missing: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def joints(self) -> dict[str, ndarray]:
        """Where all joints of both data sets are, in pixels from the centre of the first one on, rounded to halves."""
        return _joints(self.camera, self.frame, self.corner)


PICTURES: dict[str, tuple[Shown, ...]] = {
    "015601864": (Shown("54138969", 2, (150, 170), hidden=("left_wrist", "right_knee")),),
    "000003072": (
        Shown("60457274", 2, (440, 90), missing=("left_ankle", "right_ankle", "left_ear")),
        Shown("54138969", 4, (-20, 170), hidden=("right_elbow",)),
    ),
}
PEOPLE = [person for people in PICTURES.values() for person in people]


@cache
def _joints(camera: str, frame: int, corner: tuple[int, int]) -> dict[str, ndarray]:
    seen = mini.pixels(TAKE, camera)[frame] - corner
    joints = dict(zip(mini.JOINTS, seen, strict=True))
    leftward = joints["left_shoulder"] - joints["right_shoulder"]
    leftward /= np.linalg.norm(leftward)
    joints["upper_neck"] = 0.6 * joints["thorax"] + 0.4 * joints["head_top"]
    for side, sign in (("left", 1), ("right", -1)):
        joints[f"{side}_eye"] = joints["nose"] + 13 * sign * leftward - [0, 14]
        joints[f"{side}_ear"] = joints["nose"] + 28 * sign * leftward - [0, 8]
    return {name: np.round(2 * place) / 2 for name, place in joints.items()}


def coco_joints(person: Shown) -> dict[str, ndarray]:
    """COCO's joints are whole pixels."""
    return {name: np.floor(person.joints[name]) for name in COCO}


def mpii_joints(person: Shown) -> dict[str, ndarray]:
    """MPII's have fractions where they are made from head boxes and the like."""
    return {name: person.joints[name] for name in MPII}


def write_picture(file: Path, people: Sequence[Mapping[str, ndarray]]) -> None:
    """Black, but for the dots."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_jpeg(tuple((name, *map(float, at)) for joints in people for name, at in joints.items())))


@cache
def _jpeg(dots: tuple[tuple[str, float, float], ...]) -> bytes:
    """Dots fade like a bell, so that their middle can be told to fractions of a pixel."""
    picture = np.zeros((SIZE_WH[1], SIZE_WH[0], 3))
    v, u = np.mgrid[: SIZE_WH[1], : SIZE_WH[0]]
    for name, x, y in dots:
        colour = [40, 40, 230] if "left" in name else [230, 40, 40] if "right" in name else [150, 150, 150]
        bell = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 1.5**2))
        picture = np.maximum(picture, bell[..., None] * np.array(colour))
    return cv2.imencode(".jpg", picture.round().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()


def dot(picture: ndarray, place: ndarray) -> tuple[ndarray, str]:
    """Return the middle of the dot within 4 pixels of a place, and which side its colour stands for."""
    column, row = np.round(place).astype(int)
    window = picture[row - 4 : row + 5, column - 4 : column + 5].astype(float)
    v, u = np.mgrid[row - 4 : row + 5, column - 4 : column + 5]
    light = window.sum(axis=2)
    red, _, blue = window[3:6, 3:6].mean(axis=(0, 1))
    side = "left" if red > 1.5 * blue else "right" if blue > 1.5 * red else "middle"
    return np.array([(light * u).sum(), (light * v).sum()]) / light.sum(), side


def structs(rows: Sequence[Mapping[str, Any]]) -> ndarray:
    """A MATLAB array of structures, 1 x n; [] for none."""
    if not rows:
        return NOTHING
    array = np.empty((1, len(rows)), [(name, object) for name in rows[0]])
    for column, row in enumerate(rows):
        for name, value in row.items():
            array[name][0, column] = value
    return array


def cells(values: Sequence[Any]) -> ndarray:
    """A MATLAB cell array, n x 1."""
    array = np.empty((len(values), 1), object)
    for row, value in enumerate(values):
        array[row, 0] = value
    return array


HEAD = (401.0, 33.0, 431.0, 73.0)
"""A box whose diagonal is 50 pixels."""
SCALE = 2.5
VISIBILITIES: dict[str, Any] = {"numbers": (np.uint8(0), np.uint8(1)), "text": ("0", "1"), "unsaid": None}


def place_of(person: Shown) -> ndarray:
    """Where the person roughly is, in our pixels."""
    return np.floor((person.joints["pelvis"] + person.joints["thorax"]) / 2)


def annorect(person: Shown, said: str) -> dict[str, Any]:
    """A person with joints; visibility is written in one of several ways, and never for the head."""
    points = []
    for index, name in enumerate(MPII):
        if name in person.missing:
            continue
        x, y = person.joints[name] + 1
        point = {"x": x, "y": y, "id": np.uint8(index)}
        if VISIBILITIES[said] is not None:
            head = name in ("upper_neck", "head_top")
            point["is_visible"] = NOTHING if head else VISIBILITIES[said][name not in person.hidden]
        points.append(point)
    x, y = place_of(person) + 1
    x1, y1, x2, y2 = HEAD
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "annopoints": structs([{"point": structs(points)}]), "scale": SCALE,
            "objpos": structs([{"x": x, "y": y}])}  # fmt: skip


def annolist() -> list[dict[str, Any]]:
    """Pictures for training, one of which has somebody without joints, one without anybody, and one for testing."""
    first, second = PICTURES.values()
    corners = dict(zip(("x1", "y1", "x2", "y2"), HEAD, strict=True))
    stranger = dict.fromkeys(annorect(first[0], "text"), NOTHING) | corners
    unplaced = annorect(first[0], "text") | {"objpos": NOTHING, "scale": NOTHING}
    unseen = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, "scale": 1.5, "objpos": structs([{"x": 5.0, "y": 6.0}])}
    rects: dict[str, list[dict[str, Any]]] = {
        "015601864": [annorect(first[0], "numbers")],
        "000003072": [annorect(second[0], "text"), stranger, annorect(second[1], "unsaid"), unplaced],
        "060111501": [],
        "099999999": [unseen],
    }
    return [
        {"image": structs([{"name": f"{name}.jpg"}]), "annorect": structs(people), "frame_sec": NOTHING,
         "vididx": NOTHING} for name, people in rects.items()
    ]  # fmt: skip


def release() -> dict[str, Any]:
    """The structure RELEASE."""
    nothing = {"act_name": NOTHING, "cat_name": NOTHING, "act_id": -1.0}
    acts = [{"act_name": "curling", "cat_name": "winter activities", "act_id": 1.0}, nothing, nothing, nothing]
    return {
        "annolist": structs(annolist()),
        "img_train": np.array([[1, 1, 1, 0]], np.uint8),
        "version": "12",
        "single_person": cells([np.array([[1]], np.uint8), np.array([[3]], np.uint8), NOTHING, NOTHING]),
        "act": structs(acts).T,
        "video_list": cells(["dPRVoqEUTM0"]).T,
    }


def write_mpii_release(root: Path, held: Mapping[str, Any] | None = None, *, folder: str = ".") -> Path:
    """As released; some have the file in a folder of its own."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    file = root / folder / "mpii_human_pose_v1_u12_1.mat"
    savemat(file, {"RELEASE": held or release()}, do_compression=True, oned_as="row")
    return write_mpii_pictures(root)


def write_mpii_pictures(root: Path) -> Path:
    """All but that for testing, which nobody looks at."""
    for name, people in PICTURES.items():
        write_picture(root / "images" / f"{name}.jpg", [mpii_joints(person) for person in people])
    write_picture(root / "images" / "060111501.jpg", [])
    return root


def mpii_record(picture: str, person: Shown) -> dict[str, Any]:
    """A person in the JSON files."""
    marked = [name not in person.missing for name in MPII]
    joints = [[-1.0, -1.0] if name in person.missing else (person.joints[name] + 1).tolist() for name in MPII]
    return {"joints_vis": [int(there) for there in marked], "joints": joints, "image": f"{picture}.jpg",
            "scale": SCALE, "center": (place_of(person) + 1).tolist()}  # fmt: skip


def mpii_records() -> dict[str, list[dict[str, Any]]]:
    """The first picture is for training, the second for validation."""
    first, second = ([mpii_record(name, person) for person in people] for name, people in PICTURES.items())
    unplaced = {**second[0], "center": [-1.0, -1.0], "scale": -1.0}
    unmarked = {**second[0], "joints_vis": [0] * 16}
    return {"train": first, "valid": [*second, unplaced, unmarked]}


def write_mpii_json(root: Path, *, heads: bool = True) -> Path:
    """The JSON files, and head boxes for those of valid."""
    (root / "annot").mkdir(parents=True, exist_ok=True)
    records = mpii_records()
    for split, held in {**records, "trainval": records["train"] + records["valid"]}.items():
        (root / "annot" / f"{split}.json").write_text(json.dumps(held))
    if heads:
        write_heads(root / "annot" / "gt_valid.mat", records["valid"])
    return write_mpii_pictures(root)


def write_heads(file: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Joints, head boxes and missing joints of the records; the last axis is that of people."""
    x1, y1, x2, y2 = HEAD
    held = {
        "pos_gt_src": np.moveaxis(np.array([one["joints"] for one in records]), 0, 2),
        "jnt_missing": 1.0 - np.array([one["joints_vis"] for one in records]).T,
        "headboxes_src": np.repeat(np.array([[x1, y1], [x2, y2]])[..., None], len(records), axis=2),
        "dataset_joints": cells(["rank", "rkne"]).T,
    }
    savemat(file, held)


def coco_table() -> dict[str, Any]:
    """A whole file of one split: with outlines, a crowd, and somebody without joints."""
    images, annotations = [], []
    for number, (name, people) in enumerate(PICTURES.items(), start=391895):
        images.append({"license": 3, "file_name": f"{int(name):012}.jpg", "coco_url": "http://x", "height": SIZE_WH[1],
                       "width": SIZE_WH[0], "date_captured": "2013-11-14 11:18:45", "id": number})  # fmt: skip
        for person in people:
            joints = coco_joints(person)
            seen = [0 if n in person.missing else 1 if n in person.hidden else 2 for n in COCO]
            places = np.array([joints[name] for name in COCO]).astype(int)
            keypoints = np.column_stack([places, seen]) * (np.array(seen) > 0)[:, None]
            corners = np.array([place for name, place in joints.items() if name not in person.missing])
            low = corners.min(axis=0)
            # The outline is cut off above the head and below the waist, as some are: ankles lie beyond the box.
            bbox = [low[0] - 10.25, low[1] - 20.5, 200.5, 250.75]
            annotations.append(
                {"segmentation": [[10.0, 10.5, 20.0, 10.5, 20.0, 30.25]], "num_keypoints": sum(v > 0 for v in seen),
                 "area": 9999.5, "iscrowd": 0, "keypoints": keypoints.ravel().tolist(), "image_id": number,
                 "bbox": bbox, "category_id": 1, "id": 200000 + len(annotations)}
            )  # fmt: skip
    nobody = {**annotations[0], "keypoints": [0] * 51, "num_keypoints": 0, "id": 900}
    outline = {"counts": [5, 3, 9], "size": [520, 640]}
    crowd = {**nobody, "iscrowd": 1, "segmentation": outline, "id": 901, "bbox": [0, 0, 640, 520]}
    person = {"supercategory": "person", "id": 1, "name": "person", "keypoints": list(COCO),
              "skeleton": [[16, 14], [14, 12]]}  # fmt: skip
    return {"info": {"year": 2017}, "licenses": [{"id": 3, "name": "x", "url": "y"}],
            "images": images, "annotations": [*annotations, nobody, crowd], "categories": [person]}  # fmt: skip


def write_coco(root: Path, splits: Sequence[str] = ("train2017", "val2017"), *, images: str = ".") -> Path:
    """Every split shows the same people."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    for split in splits:
        (root / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(coco_table()))
        for name, people in PICTURES.items():
            file = root / images / split / f"{int(name):012}.jpg"
            write_picture(file, [coco_joints(person) for person in people])
    return root
