"""OpenPose's folder of JSON files, one a frame, as OpenPose, AlphaPose, Pose2Sim and others write it.

A file is called `<name>_000000000012_keypoints.json`, or anything whose last number is the frame's, and holds
`people[].pose_keypoints_2d`: x, y, score of each joint in turn, 0, 0, 0 for one not seen. Frames may be missing and
hold any number of people. OpenPose counts pixels from the first pixel's centre, as we do; coordinates are taken as
they are. The number of joints tells the skeleton: 17 COCO, 18 OpenPose's COCO, 25 BODY_25 or BODY_25B (whichever the
people look like), 26 Halpe, 33 MediaPipe.
"""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.keypoint_files import Hints, KeypointFormat
from epipose.io.keypoint_files._assembly import keypoints, padded_people
from epipose.io.keypoint_files._json import numbers, read_json
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton, load_skeleton

BY_COUNT = {17: "coco17", 18: "openpose18", 25: "body25", 26: "halpe26", 33: "mediapipe33"}


class _OpenPoseJson(KeypointFormat):
    def recognises(self, path: Path) -> bool:
        return path.is_dir()

    def read(self, path: Path, hints: Hints) -> Keypoints:
        files = _files_by_frame(path)
        people = [_people(file) for file in files.values()]
        skeleton = _skeleton(path, people, hints)
        for file, found in zip(files.values(), people, strict=True):
            wrong = [len(person) for person in found if len(person) != len(skeleton)]
            if wrong:
                raise InputError(
                    f"{file} has a person of {wrong[0]} joints, but {skeleton.name!r} has {len(skeleton)}; "
                    "detect the whole recording with one model, or name its skeleton"
                )
        frames = [np.array(found).reshape(-1, len(skeleton), 3) for found in people]
        points = padded_people(frames, len(skeleton))
        _refuse_normalised(path, points)
        return keypoints(path, skeleton, points, np.array(list(files), dtype=float), hints)


def _files_by_frame(folder: Path) -> dict[int, Path]:
    """Return the JSON files by frame number, rising."""
    files: dict[int, Path] = {}
    for file in folder.glob("*.json"):
        found = re.findall(r"\d+", file.stem)
        if not found:
            raise InputError(f"{file} has no frame number in its name; keep only files of frames in its folder")
        number = int(found[-1][-15:])
        if number in files:
            raise InputError(f"{file} and {files[number].name} are both frame {number}; use one folder for each view")
        files[number] = file
    if not files:
        raise InputError(f"the folder {folder} holds no JSON files; give one with a file for each frame")
    return dict(sorted(files.items()))


def _people(file: Path) -> list[Float[ndarray, "_ 3"]]:
    content = read_json(file)
    people: Any = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise InputError(
            f"{file} has no list of people as OpenPose writes it; export the keypoints in OpenPose's format"
        )
    found = [numbers(file, person.get("pose_keypoints_2d", [])) for person in people]
    if any(flat.ndim != 1 or flat.size % 3 for flat in found):
        raise InputError(f"{file} does not list x, y and score of each joint in turn; run the detector again")
    return [flat.reshape(-1, 3) for flat in found if flat.size]


def _skeleton(folder: Path, people: list[list[Float[ndarray, "_ 3"]]], hints: Hints) -> Skeleton:
    if hints.skeleton is not None:
        return load_skeleton(hints.skeleton)
    count = next((len(person) for found in people for person in found), None)
    if count is None:
        raise InputError(f"nobody is seen in any frame of {folder}; check the video, or leave this view out")
    if count not in BY_COUNT:
        raise InputError(f"the people in {folder} have {count} joints, which could mean anything; name their skeleton")
    is_body25b = count == 25 and _look_like_body25b(np.array([p for found in people for p in found if len(p) == count]))
    return load_skeleton("body25b" if is_body25b else BY_COUNT[count])


def _look_like_body25b(people: Float[ndarray, "people 25 3"]) -> bool:
    """Tell the two orders of 25 joints apart, by the median person.

    In BODY_25 the second joint is the middle of the shoulders and the ninth that of the hips; in BODY_25B the first
    five are the face and lie together.
    """
    pixels = np.where(people[..., 2:] > 0, people[..., :2], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of joints that nobody shows
        size = np.linalg.norm(np.nanmax(pixels, axis=1) - np.nanmin(pixels, axis=1), axis=-1)
        middles = (pixels[:, [2, 9]] + pixels[:, [5, 12]]) / 2
        off_middle = np.nanmedian(np.linalg.norm(pixels[:, [1, 8]] - middles, axis=-1).mean(axis=1) / size)
        face = pixels[:, :5] - np.nanmean(pixels[:, :5], axis=1, keepdims=True)
        spread = np.nanmedian(np.nanmean(np.linalg.norm(face, axis=-1), axis=1) / size)
    return bool(off_middle > 0.1 and spread < 0.1)


def _refuse_normalised(folder: Path, points: Float[ndarray, "frames people joints 3"]) -> None:
    seen = points[points[..., 2] > 0]
    if len(seen) and np.nanmax(np.abs(seen[:, :2])) <= 1:
        raise InputError(f"{folder} holds coordinates from 0 to 1; write them in pixels (OpenPose: --keypoint_scale 0)")


PLUGIN = _OpenPoseJson()
