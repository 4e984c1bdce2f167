"""One person seen by several views on one clock: what calibration, repair and triangulation work on."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.pose.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Observations:
    """Pixels of one person's joints in every view, at common times. A missing one has weight 0."""

    pixels: Float[ndarray, "views frames joints 2"]
    weight: Float[ndarray, "views frames joints"]
    """Inverse variance relative to a well-seen joint, 0 to 1."""
    times: Float[ndarray, "frames"]
    """Seconds on the common clock; a gap well above the median step starts a new stretch."""
    skeleton: Skeleton

    @property
    def stretch(self) -> Float[ndarray, "frames"]:
        """Number of the unbroken stretch of time to which each frame belongs, from 0."""
        steps = np.diff(self.times)
        broken = steps > 2.5 * np.median(steps) if steps.size else np.zeros(0, bool)
        return np.concatenate([[0.0], np.cumsum(broken)])

    @property
    def velocity(self) -> Float[ndarray, "views frames joints 2"]:
        """Pixels per second by central differences; zero where a neighbour in time is missing."""
        result = np.zeros_like(self.pixels)
        if len(self.times) < 3:
            return result
        seen = self.weight > 0
        whole = self.stretch[2:] == self.stretch[:-2]
        both = seen[:, 2:] & seen[:, :-2] & whole[:, None]
        span = (self.times[2:] - self.times[:-2])[:, None, None]
        result[:, 1:-1] = np.where(both[..., None], (self.pixels[:, 2:] - self.pixels[:, :-2]) / span, 0)
        return result

    def at(self, frames: Int[ndarray, "chosen"]) -> "Observations":
        """Return only some frames, in rising order."""
        return replace(self, pixels=self.pixels[:, frames], weight=self.weight[:, frames], times=self.times[frames])

    def of(self, views: list[int]) -> "Observations":
        """Return only some views, in the given order."""
        return replace(self, pixels=self.pixels[views], weight=self.weight[views])

    def mirrored(self, swapped: Bool[ndarray, "views frames"]) -> "Observations":
        """Return the observations with left and right exchanged wherever `swapped` is true."""
        mirror = list(self.skeleton.mirror)
        return replace(
            self,
            pixels=np.where(swapped[:, :, None, None], self.pixels[:, :, mirror], self.pixels),
            weight=np.where(swapped[:, :, None], self.weight[:, :, mirror], self.weight),
        )
