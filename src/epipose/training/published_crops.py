"""Crops varied as EpipolarPose (Kocabas et al., CVPR 2019) published it, from what is known of its program.

In its order: how large, how far turned and whether mirrored is drawn, one affine map cuts the crop, joints go through
the same map and depths shrink as the crop grows; then things are laid over the picture, and then it gets other colours.
The published program covers pictures by objects of PASCAL VOC; here it is what is at hand: parts of other crops, plain
ellipses and boards.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.geometry.crop_frames import CropFrame
from epipose.training.crop_examples import CropExamples
from epipose.training.crop_squares import VariedCrop, in_units, published_frame
from epipose.training.disturbances import draw_disc

ZOOM = 0.25
"""Standard deviation of the crop's side over 2 m, and by how much it differs from 1 at most."""
LARGEST_ZOOM = 1 + ZOOM
TURNED, TURN, LARGEST_TURN = 0.6, 30.0, 2.0
"""Share of crops that are turned; degrees, one standard deviation; and how many of these at most."""
COLOUR = 0.2
"""By how much each channel becomes darker or brighter at most."""
MOST_THINGS = 7
"""That cover a picture."""
THING_SCALE = (0.2, 1.0)
PUBLISHED_SIZE = 256
"""Pixels of crops for which things have their sizes."""

_THING_PX = (50, 200)
_RIM_PX, _RIM_ALPHA = 8, 192


@dataclass(frozen=True)
class PublishedVariation:
    """How often what may happen to published crops does."""

    mirrored: float = 0.0
    """Share of crops; the published program can do it, and does not."""
    covering: float = 1.0
    """Share of crops that things are laid over."""
    disc: float = 0.0
    """Share of crops over which the scene's own round obstacle is drawn where it is."""


def vary_as_published(
    examples: CropExamples, row: int, size: int, variation: PublishedVariation, rng: np.random.Generator
) -> VariedCrop:
    """Return a crop cut from an example."""
    zoom = 1 + ZOOM * float(np.clip(rng.normal(), -1, 1))
    turn = TURN * float(np.clip(rng.normal(), -LARGEST_TURN, LARGEST_TURN)) if rng.random() < TURNED else 0.0
    frame = published_frame(examples, row, size, zoom=zoom, turn=float(np.deg2rad(turn)))
    mirrored = rng.random() < variation.mirrored
    if mirrored:
        # About the root, which is 0 in units of the crop.
        flip = np.array([[-1.0], [1.0]]) * frame.crop_from_px
        frame = CropFrame(flip + np.array([[0.0, 0.0, size], [0.0, 0.0, 0.0]]), size, frame.beyond)
    picture = frame.cut(examples.picture(row))
    if examples.disc[row, 2] > 0 and rng.random() < variation.disc:
        draw_disc(picture, examples.disc[row].astype(np.float64), frame, rng)
    if rng.random() < variation.covering:
        for _ in range(int(rng.integers(1, MOST_THINGS + 1))):
            _lay_over(picture, lambda: examples.picture(int(rng.integers(len(examples)))), rng)
    picture = np.clip(picture * rng.uniform(1 - COLOUR, 1 + COLOUR, 3), 0, 255).astype(np.uint8)
    units, weight = in_units(examples, row, frame)
    if mirrored:
        mirror = list(examples.skeleton.mirror)
        units, weight = units[mirror], weight[mirror]
    return VariedCrop(picture, units, weight, frame.side_px / examples.size)


def _lay_over(
    picture: UInt8[ndarray, "size size 3"], another: Callable[[], UInt8[ndarray, "n n 3"]], rng: np.random.Generator
) -> None:
    """Lay one thing over a picture, its middle anywhere in it."""
    size = len(picture)
    colours, alpha = _thing(another, rng)
    extent = np.maximum(1, np.round(rng.uniform(*THING_SCALE) * size / PUBLISHED_SIZE * np.array(alpha.shape[::-1])))
    width, height = extent.astype(int).tolist()
    colours, alpha = (cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA) for array in (colours, alpha))
    left, top = np.round(rng.uniform(0, size, 2) - extent / 2).astype(int).tolist()
    inside = np.s_[max(-top, 0) : size - top, max(-left, 0) : size - left]
    share = alpha[inside][..., None] / 255
    under = picture[max(top, 0) : top + height, max(left, 0) : left + width]
    under[:] = np.round(share * colours[inside] + (1 - share) * under)


def _thing(
    another: Callable[[], UInt8[ndarray, "n n 3"]], rng: np.random.Generator
) -> tuple[UInt8[ndarray, "height width 3"], UInt8[ndarray, "height width"]]:
    """Return the colours of a thing, and how opaque it is: less at its rim."""
    width, height = rng.integers(*_THING_PX, 2).tolist()
    alpha = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        cv2.ellipse(alpha, (width // 2, height // 2), (width // 2 - 1, height // 2 - 1), 0, 0, 360, 255, -1)
    else:
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + rng.uniform(0, 0.3, (4, 2)) * [
            [1, 1],
            [-1, 1],
            [-1, -1],
            [1, -1],
        ]
        cv2.fillConvexPoly(alpha, np.round(corners * [width - 1, height - 1]).astype(np.int32), 255)
    rim = cv2.erode(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_RIM_PX, _RIM_PX))) < alpha
    alpha[rim] = _RIM_ALPHA
    colours = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    if rng.random() < 0.5:
        other = another()
        side = int(rng.integers(len(other) // 4, len(other) // 2 + 1))
        top, left = rng.integers(0, len(other) - side + 1, 2).tolist()
        colours = cv2.resize(other[top : top + side, left : left + side], (width, height))
    return colours, alpha
