"""Where a network is shown somebody: in the crops that it was taught on, by nothing but what was seen so far."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.crop_frames import PAPER_METRES, CropFrame, box_frame, root_frame
from epipose.io.model_files import ModelDescription
from epipose.pose.roots import root, root_joints
from epipose.runtime.found import Found
from epipose.runtime.placing import Placing
from epipose.runtime.spotting import Seen

_FEWEST_INSIDE = 3
_SMALLEST_PX = 8.0
_LARGEST = 4.0
"""Side of a crop over the longer side of the picture."""


class Cutter(ABC):
    """Says which square of a picture to show; None for people of whom too little is in the picture."""

    @abstractmethod
    def detected(self, seen: Seen, size_wh: tuple[int, int]) -> CropFrame | None:
        """Return the crop of somebody whom a detector sees in a picture of that size."""

    @abstractmethod
    def found(self, found: Found, size_wh: tuple[int, int]) -> CropFrame | None:
        """Return the crop of somebody whom the network saw, in the last frame or just now."""


def usual_cutter(description: ModelDescription, placing: Placing) -> Cutter:
    """Return what cuts crops as a network was taught on."""
    if description.frame == "paper":
        return PaperCutter(description.size, placing)
    return BoxCutter(description.size, description.margin)


@dataclass(frozen=True)
class BoxCutter(Cutter):
    """Cuts around the joints, those in the picture alone as in training."""

    size: int
    margin: float

    def detected(self, seen: Seen, size_wh: tuple[int, int]) -> CropFrame | None:
        """Return the square around the joints that are sure."""
        return self._around(seen.pixels[seen.sure], size_wh)

    def found(self, found: Found, size_wh: tuple[int, int]) -> CropFrame | None:
        """Return the square around all joints."""
        return self._around(found.pixels, size_wh)

    def _around(self, pixels: Float[ndarray, "some 2"], size_wh: tuple[int, int]) -> CropFrame | None:
        inside = _inside(pixels, size_wh)
        return _usable(box_frame(inside, self.size, margin=self.margin), size_wh) if _enough(inside) else None


@dataclass(frozen=True, eq=False)
class PaperCutter(Cutter):
    """Cuts the published 2 m around the root. Its depth is not known; how many pixels a metre spans there is enough.

    That follows from the usual lengths between joints: for a detector's, which are flat, roughly; for the network's as
    well as `placing` knows where people are.
    """

    size: int
    placing: Placing

    def detected(self, seen: Seen, size_wh: tuple[int, int]) -> CropFrame | None:
        """Return about 2 m around the root or, where that is not sure, around the middle of the joints that are."""
        known = [joint for joint in root_joints(self.placing.skeleton) if seen.sure[joint]]
        sure = seen.pixels[seen.sure]
        middle = seen.pixels[known].mean(axis=0) if known else (sure.min(axis=0) + sure.max(axis=0)) / 2
        return self._around(middle, self.placing.sizes.flat_metre(seen.pixels, seen.sure), sure, size_wh)

    def found(self, found: Found, size_wh: tuple[int, int]) -> CropFrame | None:
        """Return 2 m around the root."""
        middle = root(found.pixels, self.placing.skeleton)
        return self._around(middle, self.placing.metre_px(found), found.pixels, size_wh)

    def _around(
        self, middle: Float[ndarray, "2"], metre_px: float, pixels: Float[ndarray, "some 2"], size_wh: tuple[int, int]
    ) -> CropFrame | None:
        if not metre_px > 0 or not _enough(_inside(pixels, size_wh)):
            return None
        return _usable(root_frame(middle, PAPER_METRES * metre_px, self.size), size_wh)


def _inside(pixels: Float[ndarray, "some 2"], size_wh: tuple[int, int]) -> Float[ndarray, "inside 2"]:
    return pixels[((pixels >= -0.5) & (pixels <= np.array(size_wh) - 0.5)).all(axis=-1)]


def _enough(inside: Float[ndarray, "inside 2"]) -> bool:
    return len(inside) >= _FEWEST_INSIDE


def _usable(frame: CropFrame, size_wh: tuple[int, int]) -> CropFrame | None:
    return frame if _SMALLEST_PX <= frame.side_px <= _LARGEST * max(size_wh) else None
