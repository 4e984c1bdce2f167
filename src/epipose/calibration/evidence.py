"""How much the cameras speak for, or against, two tracks of different views being the same person.

Evidence is the logarithm of the odds, frame by frame: positive for the same person, negative for different ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import maximum_filter1d

from epipose.geometry.cameras import Camera
from epipose.geometry.rotations import skew
from epipose.pose.keypoints import Keypoints
from epipose.pose.tracking import person_sizes

SAME = 0.02
"""Typical distance of a joint from where the other views want it, in person sizes: the same person ..."""
DIFFERENT = 0.2
"""... and two people."""
LARGEST_DISTANCE = 0.35
"""Distances are cut here, so that single joints gone astray do not decide."""
LOWEST_ODDS = -4.0
FEWEST_JOINTS = 4
INDEPENDENT_SECONDS = 0.1
"""Frames closer than this repeat each other's evidence."""
IN_PLANE = 2.0
"""How much farther a joint is from its triangulated point, which has errors of its own, than from an epipolar line."""
NEAR_EPIPOLE = 0.5
"""Closer than this to the epipole, in person sizes, a joint says little: every line through it passes nearby."""
CHUNK = 4096
"""Frames handled at once, so that memory stays flat in the length of a recording."""


@dataclass(frozen=True, eq=False)
class TrackedView:
    """One view's tracks as ideal image points, so that lines are straight and sizes are angles."""

    camera: Camera
    ideal: Float[ndarray, "frames people joints 2"]
    seen: Bool[ndarray, "frames people joints"]
    size: Float[ndarray, "frames people"]
    """Person size in ideal units, the largest of the half second before and after (hidden joints make it smaller)."""
    mirror: tuple[int, ...]
    frames_per_evidence: float
    """How many frames make one independent piece of evidence."""

    @classmethod
    def of(cls, tracked: Keypoints, camera: Camera) -> "TrackedView":
        """Undistort the tracked people of a view."""
        ideal = np.zeros(tracked.pixels.shape)
        seen = tracked.score > 0
        for start in range(0, len(ideal), CHUNK):
            part = slice(start, start + CHUNK)
            points, valid = camera.lens.undistort(tracked.pixels[part][seen[part]].astype(float))
            ideal[part][seen[part]] = np.where(valid[:, None], points, 0.0)
            seen[part][seen[part]] = valid
        step = float(np.median(np.diff(tracked.times))) if len(tracked.times) > 1 else INDEPENDENT_SECONDS
        size = person_sizes(tracked) / np.sqrt(np.prod(camera.lens.focal))
        if len(size):
            size = maximum_filter1d(size, 2 * round(0.5 / step) + 1, axis=0, mode="nearest")
        return cls(camera, ideal, seen, np.asarray(size), tracked.skeleton.mirror, max(INDEPENDENT_SECONDS / step, 1.0))

    @property
    def present(self) -> Bool[ndarray, "frames people"]:
        """Where each track has a detection."""
        return np.asarray(np.any(self.seen, axis=-1))


def pair_evidence(view: TrackedView, other: TrackedView, slot: int, other_slot: int) -> Float[ndarray, "frames"]:
    """Return the evidence per frame that two tracks are one person, by the symmetric epipolar distance of their joints.

    0 where they are not seen together. A detector may have swapped the person's sides: the better reading counts.
    """
    evidence = np.zeros(len(view.ideal))
    frames = np.flatnonzero(view.present[:, slot] & other.present[:, other_slot])
    mirror = list(view.mirror)
    for start in range(0, len(frames), CHUNK):
        part = frames[start : start + CHUNK]
        ideal, seen = other.ideal[part, other_slot], other.seen[part, other_slot]
        readings = [
            _epipolar_odds(view, other, (view.ideal[part, slot], view.size[part, slot]),
                           (points, other.size[part, other_slot]), view.seen[part, slot] & known)
            for points, known in ((ideal, seen), (ideal[:, mirror], seen[:, mirror]))
        ]  # fmt: skip
        evidence[part] = np.maximum(*readings)
    return evidence / view.frames_per_evidence


def person_evidence(
    view: TrackedView, slot: int, frames: Int[ndarray, "f"], others: Sequence[tuple[TrackedView, Int[ndarray, "f"]]]
) -> float:
    """Return the evidence that a track is the person whom `others` (view, slot per frame or -1) see, by triangulation.

    Joints that fewer than two others see say nothing.
    """
    rays, centres, weights = [], [], []
    for other, slots in others:
        ideal = np.take_along_axis(other.ideal[frames], np.maximum(slots, 0)[:, None, None, None], axis=1)[:, 0]
        seen = np.take_along_axis(other.seen[frames], np.maximum(slots, 0)[:, None, None], axis=1)[:, 0]
        direction = (
            np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1) @ other.camera.cam_from_world.rotation
        )
        rays.append(direction / np.linalg.norm(direction, axis=-1, keepdims=True))
        centres.append(other.camera.centre)
        weights.append(seen & (slots >= 0)[:, None])
    weight = np.stack(weights).astype(float)
    points = _nearest_to_rays(np.stack(rays), np.stack(centres), weight)
    in_camera = view.camera.cam_from_world.apply(points)
    # A point behind the camera is thrown far out of its picture.
    projected = in_camera[..., :2] / np.maximum(in_camera[..., 2:], 1e-6)
    size = np.maximum(view.size[frames, slot], 1e-6)[:, None]
    distance = np.linalg.norm(projected - view.ideal[frames, slot], axis=-1) / (IN_PLANE * size)
    known = view.seen[frames, slot] & (weight.sum(axis=0) >= 2)
    odds = _odds(distance, known.astype(float))
    return float(np.sum(odds) / view.frames_per_evidence)


def _epipolar_odds(
    view: TrackedView,
    other: TrackedView,
    mine: tuple[Float[ndarray, "f joints 2"], Float[ndarray, "f"]],
    theirs: tuple[Float[ndarray, "f joints 2"], Float[ndarray, "f"]],
    common: Bool[ndarray, "f joints"],
) -> Float[ndarray, "f"]:
    other_from_view = other.camera.cam_from_world @ view.camera.cam_from_world.inverse()
    baseline = other_from_view.translation
    essential = skew(baseline / max(float(np.linalg.norm(baseline)), 1e-12)) @ other_from_view.rotation
    distance, weight = np.zeros(common.shape), common.astype(float)
    for (points, _), (targets, size), matrix in ((mine, theirs, essential), (theirs, mine, essential.T)):
        size = np.maximum(size, 1e-6)[:, None]
        lines = _homogeneous(points) @ matrix.T
        slope = np.linalg.norm(lines[..., :2], axis=-1)
        gap = np.abs(np.sum(lines * _homogeneous(targets), axis=-1)) / np.maximum(slope, 1e-12)
        distance += 0.5 * gap / size
        # The line's vector is as long as the sine of the angle to the baseline, that is, to the epipole.
        reach = (np.linalg.norm(lines, axis=-1) / np.linalg.norm(_homogeneous(points), axis=-1)) ** 2
        weight *= reach / (reach + (NEAR_EPIPOLE * size) ** 2)
    return _odds(distance, weight)


def _odds(distance: Float[ndarray, "f joints"], weight: Float[ndarray, "f joints"]) -> Float[ndarray, "f"]:
    """Return the log odds of exponential distributions of the mean distance (person sizes), times the joints' trust."""
    total = weight.sum(axis=-1)
    mean = np.sum(weight * np.minimum(distance, LARGEST_DISTANCE), axis=-1) / np.maximum(total, 1e-12)
    odds = np.log(DIFFERENT / SAME) - mean * (1 / SAME - 1 / DIFFERENT)
    count = np.count_nonzero(weight, axis=-1)
    trust = np.where(count >= FEWEST_JOINTS, total / np.maximum(count, 1), 0.0)
    return np.asarray(trust * np.maximum(odds, LOWEST_ODDS))


def _nearest_to_rays(
    rays: Float[ndarray, "views *batch 3"], centres: Float[ndarray, "views 3"], weight: Float[ndarray, "views *batch"]
) -> Float[ndarray, "*batch 3"]:
    """Return the points nearest to rays of unit length from `centres`; near the centres where rays are parallel."""
    across = weight[..., None, None] * (np.eye(3) - rays[..., :, None] * rays[..., None, :])
    centres = centres.reshape(len(centres), *[1] * (rays.ndim - 2), 3)
    matrix = across.sum(axis=0) + 1e-9 * np.eye(3)
    target = np.sum(across @ centres[..., None], axis=0)
    return np.asarray(np.linalg.solve(matrix, target)[..., 0])


def _homogeneous(points: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 3"]:
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
