"""Joints in units of a crop: what networks that see one crop are taught and say, and the way back to metres.

A crop is a square of the picture around one person. In its units x and y are pixels of the crop over its side, less a
half; z is the depth behind the person's root over the metres that the crop's side spans at the root. So a unit is as
long in depth as it is across, whatever the distance and the lens, and networks need to know neither.

EpipolarPose (Kocabas et al., CVPR 2019) cuts 2 m at the depth of the root (`paper_frame`), which only those can do who
know that depth; with its square the units here are the published ones.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from epipose.geometry.images import BEYOND, framing, inverse, mapped, resampled
from epipose.geometry.lenses import Lens

FrameKind = Literal["box", "paper"]
"""What crops are cut by: `box_frame`, or `paper_frame`, which needs the root's depth."""
PAPER_METRES = 2.0
"""Side of the published square at the root's depth."""
MARGIN = 1.25
"""Side of a crop, over the longer side of the box around the joints it is cut by."""
NEAR = 0.05
"""How far from its place, in units of the crop, a joint's probability counts for its confidence."""


@dataclass(frozen=True, eq=False)
class CropFrame:
    """A square part of a picture."""

    crop_from_px: Float[ndarray, "2 3"]
    size: int
    """Pixels of the crop along each side."""
    beyond: int = BEYOND
    """The grey that lies beyond the picture's edges."""

    def cut(self, picture: UInt8[ndarray, "height width 3"]) -> UInt8[ndarray, "size size 3"]:
        """Return what of a picture lies under the square."""
        canvas = np.full((self.size, self.size, 3), self.beyond, np.uint8)
        return resampled(picture, self.crop_from_px, self.size, canvas)

    @property
    def side_px(self) -> float:
        """Pixels of the picture along each side of the crop."""
        return self.size / float(np.sqrt(abs(np.linalg.det(self.crop_from_px[:, :2]))))

    def side_m(self, lens: Lens, root_depth: float) -> float:
        """Return what the crop's side spans at a depth (metres along the camera's axis), in metres."""
        return self.side_px * root_depth / float(np.mean(lens.focal))

    def units(
        self, lens: Lens, joints: Float[ndarray, "joints 3"], root: Float[ndarray, "3"]
    ) -> tuple[Float[ndarray, "joints 3"], Bool[ndarray, "joints"]]:
        """Return joints (camera axes, metres) in units of the crop, and which of them the lens can see."""
        pixels, seen = lens.project(joints)
        across = mapped(self.crop_from_px, pixels) / self.size - 0.5
        depth = (joints[:, 2] - root[2]) / self.side_m(lens, float(root[2]))
        return np.column_stack([across, depth]), seen

    def pixels(self, units: Float[ndarray, "*any 3"]) -> Float[ndarray, "*any 2"]:
        """Return where joints in units of the crop are in the picture."""
        return mapped(inverse(self.crop_from_px), (units[..., :2] + 0.5) * self.size)

    def metres(
        self, lens: Lens, units: Float[ndarray, "joints 3"], root_depth: float
    ) -> tuple[Float[ndarray, "joints 3"], Bool[ndarray, "joints"]]:
        """Return joints in camera axes (metres) of a person whose root is that deep, and which the lens can invert."""
        ideal, valid = lens.undistort(self.pixels(units))
        depth = root_depth + units[:, 2] * self.side_m(lens, root_depth)
        return np.column_stack([ideal, np.ones(len(ideal))]) * depth[:, None], valid


def paper_frame(
    lens: Lens, root: Float[ndarray, "3"], size: int = 256, *, zoom: float = 1.0, turn: float = 0.0
) -> CropFrame:
    """Return the published crop: `zoom` times 2 m around the `root` (camera axes, metres), turned by radians."""
    middle, _ = lens.project(root)
    return root_frame(middle, zoom * PAPER_METRES * float(np.mean(lens.focal)) / float(root[2]), size, turn=turn)


def root_frame(middle: Float[ndarray, "2"], side: float, size: int, *, turn: float = 0.0) -> CropFrame:
    """Return the square of `side` pixels around the `middle`, where the root is, as published crops lie.

    The root comes to the corner between the middle pixels, half a pixel beyond where `framing` has it, which is 0 in
    units of the crop. Beyond the picture it is black.
    """
    crop_from_px = framing(middle, side, size, turn=turn)
    return CropFrame(crop_from_px + np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]]), size, beyond=0)


def box_frame(pixels: Float[ndarray, "joints 2"], size: int, *, margin: float = MARGIN, turn: float = 0.0) -> CropFrame:
    """Return the square around the `pixels` of joints that were seen, `margin` times the longer side of their box."""
    begin, end = pixels.min(axis=0), pixels.max(axis=0)
    side = max(float((end - begin).max()), 1.0) * margin
    return CropFrame(framing((begin + end) / 2, side, size, turn=turn), size)
