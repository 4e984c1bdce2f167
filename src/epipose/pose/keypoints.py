"""What a detector saw in one view (`Keypoints`) and where people were in the world (`Poses`)."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Keypoints:
    """2D joints in the pixels of one view. A joint that was not seen has score 0 (and finite pixels)."""

    pixels: Float32[ndarray, "frames people joints 2"]
    score: Float32[ndarray, "frames people joints"]
    times: Float[ndarray, "frames"]
    """Seconds, rising."""
    skeleton: Skeleton
    image_size_wh: tuple[int, int]

    def __post_init__(self) -> None:
        _check_shapes("keypoints", self.pixels, 2, [self.score], self.times, self.skeleton)

    def select(self, joints: tuple[str, ...]) -> "Keypoints":
        """Return only the named `joints`, in that order."""
        index = [self.skeleton.index(joint) for joint in joints]
        return replace(
            self, pixels=self.pixels[:, :, index], score=self.score[:, :, index], skeleton=self.skeleton.subset(joints)
        )

    def between(self, begin: float, end: float) -> "Keypoints":
        """Return the frames at times from `begin` to `end` (seconds), both included; all if there would be none."""
        kept = (self.times >= begin) & (self.times <= end)
        if not kept.any():
            return self
        return replace(self, pixels=self.pixels[kept], score=self.score[kept], times=self.times[kept])


@dataclass(frozen=True, eq=False)
class Poses:
    """3D joints of people in the world, in metres. A joint that is not known has weight 0 (and finite positions)."""

    positions: Float32[ndarray, "frames people joints 3"]
    uncertainty: Float32[ndarray, "frames people joints"]
    """One standard deviation, in metres."""
    weight: Float32[ndarray, "frames people joints"]
    times: Float[ndarray, "frames"]
    """Seconds, rising."""
    skeleton: Skeleton

    def __post_init__(self) -> None:
        _check_shapes("poses", self.positions, 3, [self.uncertainty, self.weight], self.times, self.skeleton)

    @property
    def frame_rate(self) -> float:
        """Frames per second, from the median time between frames (exact for 29.97 and the like)."""
        if len(self.times) < 2:
            raise InputError("a recording of one frame has no frame rate; film at least two frames")
        return float(1 / np.median(np.diff(self.times)))


def _check_shapes(
    what: str, points: ndarray, dimensions: int, scalars: list[ndarray], times: ndarray, skeleton: Skeleton
) -> None:
    frames, people, joints, last = points.shape
    if joints != len(skeleton) or last != dimensions:
        raise InputError(
            f"{what} of shape {points.shape} do not fit skeleton {skeleton.name!r} of {len(skeleton)} joints"
        )
    if any(scalar.shape != (frames, people, joints) for scalar in scalars) or times.shape != (frames,):
        raise InputError(
            f"{what} have {frames} frames and {people} people, but their scores or times have another shape"
        )
    if not all(np.all(np.isfinite(array)) for array in (points, *scalars, times)):
        raise InputError(f"{what} hold numbers that are not finite; a missing joint has score or weight 0 instead")
    if np.any(np.diff(times) <= 0):
        raise InputError(f"the times of {what} do not rise from frame to frame")
