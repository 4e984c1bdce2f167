"""MMPose's predictions for a video in one JSON file.

The demos write `{"meta_info": {...}, "instance_info": [{"frame_id": 1, "instances": [...]}]}` and the inferencer only
such a list; an instance holds `keypoints` (x, y of each joint) and `keypoint_scores`. The demos count frames from 1,
the inferencer from 0: a file that starts at 1 is taken to start with the video. MMPose counts pixels from the first
pixel's centre, as we do; coordinates are taken as they are.
The skeleton follows from `meta_info` (dataset or joint names), otherwise from the number of joints.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.keypoint_files import Hints, KeypointFormat
from epipose.io.keypoint_files._assembly import keypoints, named_keypoints, padded_people
from epipose.io.keypoint_files._json import numbers, read_json
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import load_skeleton

BY_DATASET = {"coco": "coco17", "halpe": "halpe26", "halpe26": "halpe26", "h36m": "h36m17", "mpii": "mpii16"}
BY_COUNT = {16: "mpii16", 17: "coco17", 26: "halpe26"}


class _MMPoseJson(KeypointFormat):
    def recognises(self, path: Path) -> bool:
        return path.suffix.lower() == ".json" and path.is_file()

    def read(self, path: Path, hints: Hints) -> Keypoints:
        content = read_json(path)
        meta = content.get("meta_info") if isinstance(content, dict) else None
        entries = content.get("instance_info") if isinstance(content, dict) else content
        frames = _frames(path, entries)
        counts = {len(person) for people in frames.values() for person in people}
        if len(counts) != 1:
            found = "nobody" if not counts else f"people of {' and '.join(map(str, sorted(counts)))} joints"
            raise InputError(f"{path} holds {found}; detect the whole recording with one model")
        joints = counts.pop()
        points = padded_people([np.array(people).reshape(-1, joints, 3) for people in frames.values()], joints)
        numbered = np.array(list(frames), dtype=float) - (min(frames) == 1)
        return _in_skeleton(path, points, numbered, meta if isinstance(meta, dict) else {}, hints)


def _frames(path: Path, entries: Any) -> dict[int, list[Float[ndarray, "_ 3"]]]:
    """Return the people of each frame, by frame number, rising."""
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path} is no list of frames as MMPose writes it; save the predictions of a whole video")
    frames: dict[int, list[Float[ndarray, "_ 3"]]] = {}
    for position, entry in enumerate(entries):
        number, people = entry.get("frame_id", position), entry.get("instances")
        if not isinstance(number, int) or not isinstance(people, list) or number in frames or not 0 <= number < 2**40:
            raise InputError(
                f"{path} has no frame_id and instances in its entry {position}, or a frame twice; save again"
            )
        frames[number] = [_person(path, person) for person in people]
    return dict(sorted(frames.items()))


def _person(path: Path, instance: Any) -> Float[ndarray, "joints 3"]:
    if not isinstance(instance, dict) or "keypoints" not in instance:
        raise InputError(f"{path} has an instance without keypoints; save the predictions again")
    pixels = numbers(path, instance["keypoints"])
    score = numbers(path, instance["keypoint_scores"]) if "keypoint_scores" in instance else np.ones(pixels.shape[:1])
    if pixels.ndim != 2 or pixels.shape[1] != 2 or score.shape != pixels.shape[:1]:
        raise InputError(f"{path} has an instance whose keypoints and scores do not match; save the predictions again")
    return np.concatenate([pixels, score[:, None]], axis=1)


def _in_skeleton(
    path: Path,
    points: Float[ndarray, "frames people joints 3"],
    numbered: Float[ndarray, "frames"],
    meta: dict[str, Any],
    hints: Hints,
) -> Keypoints:
    joints = points.shape[2]
    names = _joint_names(meta, joints)
    known = hints.skeleton or BY_DATASET.get(str(meta.get("dataset_name"))) or (None if names else BY_COUNT.get(joints))
    if known is not None and len(load_skeleton(known)) == joints:
        return keypoints(path, load_skeleton(known), points, numbered, hints)
    if names:
        return named_keypoints(path, names, points, numbered, hints)
    raise InputError(f"the people in {path} have {joints} joints, which does not fit; name their skeleton")


def _joint_names(meta: dict[str, Any], joints: int) -> Sequence[str]:
    by_id = meta.get("keypoint_id2name")
    if not isinstance(by_id, dict) or set(by_id) != {str(number) for number in range(joints)}:
        return []
    return [str(by_id[str(number)]) for number in range(joints)]


PLUGIN = _MMPoseJson()
