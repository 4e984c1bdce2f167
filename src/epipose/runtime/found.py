"""What a network found of one person in one picture."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.crop_frames import CropFrame


@dataclass(frozen=True, eq=False)
class Found:
    """Joints in units of a crop of the picture, see `geometry.crop_frames`."""

    frame: CropFrame
    units: Float[ndarray, "joints 3"]
    confidence: Float[ndarray, "joints"]
    """0 to 1."""

    @cached_property
    def pixels(self) -> Float[ndarray, "joints 2"]:
        """Where the joints are in the picture."""
        return self.frame.pixels(self.units)

    @property
    def sureness(self) -> float:
        """How sure it is that this is somebody, 0 to 1: the confidence of the joint that is better than two thirds.

        Half a person behind a table is as sure as a whole one.
        """
        return float(np.quantile(self.confidence, 2 / 3))
