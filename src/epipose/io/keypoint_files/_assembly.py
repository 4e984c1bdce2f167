"""From the points that a foreign file lists to `Keypoints`: one place for what is missing, unsure or not said."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.keypoint_files import Hints
from epipose.pose.joint_names import understand_joints
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton


def named_keypoints(
    path: Path,
    names: Sequence[str],
    points: Float[ndarray, "frames people joints 3"],
    frame_numbers: Shaped[ndarray, "frames"],
    hints: Hints,
) -> Keypoints:
    """Return keypoints from (x, y, score) of joints called `names`, which decide the skeleton."""
    if len(set(names)) != len(names):
        raise InputError(f"{path} names a joint twice; give every joint its own name")
    try:
        skeleton, order = understand_joints(names, hints.skeleton)
    except InputError as error:
        raise InputError(f"{path}: {error}; leave the skeleton unsaid to take the joints as they are named") from error
    return keypoints(path, skeleton, points[:, :, list(order)], frame_numbers, hints)


def keypoints(
    path: Path,
    skeleton: Skeleton,
    points: Float[ndarray, "frames people joints 3"],
    frame_numbers: Shaped[ndarray, "frames"],
    hints: Hints,
) -> Keypoints:
    """Return keypoints from (x, y, score): not finite means missing, scores are limited to 0..1.

    Frame number n is at n / frame rate seconds; there is at least one slot for a person, seen or not.
    """
    if len(points) == 0:
        raise InputError(f"{path} holds no frames; run the detector again")
    rate, size_wh = _known(path, hints)
    if points.shape[1] == 0:
        points = np.zeros((len(points), 1, *points.shape[2:]))
    with np.errstate(over="ignore"):
        points = points.astype(np.float32)
    seen = np.isfinite(points).all(axis=-1)
    points = np.where(seen[..., None], points, np.float32(0))
    times = frame_numbers.astype(float) / rate
    if np.any(np.diff(times) <= 0):
        raise InputError(f"{path} does not number its frames in rising order; export it again")
    return Keypoints(points[..., :2], points[..., 2].clip(0, 1), times, skeleton, size_wh)


def padded_people(
    frames: Sequence[Float[ndarray, "_ joints 3"]], joints: int
) -> Float[ndarray, "frames most_people joints 3"]:
    """Return the frames' people in one array, with empty slots (score 0) where a frame has fewer people than others."""
    padded = np.zeros((len(frames), max((len(people) for people in frames), default=0), joints, 3), np.float32)
    with np.errstate(over="ignore"):
        for slots, people in zip(padded, frames, strict=True):
            slots[: len(people)] = people
    return padded


def _known(path: Path, hints: Hints) -> tuple[float, tuple[int, int]]:
    if hints.frame_rate is None:
        raise InputError(f"{path} does not say its frame rate; give it (frame_rate)")
    if not (np.isfinite(hints.frame_rate) and hints.frame_rate > 0):
        raise InputError(f"a frame rate of {hints.frame_rate} is impossible; give frames per second above 0")
    if hints.image_size_wh is None:
        raise InputError(
            f"{path} does not say how large the picture is; add the video or a camera file that says it (image_size_wh)"
        )
    return hints.frame_rate, hints.image_size_wh
