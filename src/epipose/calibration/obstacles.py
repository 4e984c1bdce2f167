"""Round things that stand before people in a view whose camera does not move, found by the Hough transform.

A detector guesses the joints behind them, and rarely says so: what their mask covers should not be believed, and
networks should learn to do without it. Other round things hang on the wall behind, or are parts of people who stand
still: `hides` tells them apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from epipose.errors import InputError

MOST_FRAMES = 60
"""Frames, evenly spread, whose median is the background."""
ROUNDNESS = 0.85
"""How nearly a circle an outline must be, 0 to 1 (param2 of OpenCV's HOUGH_GRADIENT_ALT)."""
EDGE = 200.0
"""Strength of an edge (param1 there)."""
RADII = (0.03, 0.45)
"""Smallest and largest radius, as shares of the picture's shorter side."""
CHANGED = 20
"""Levels by which what is averaged over PATCH_PX pixels differs from the background where something is before it."""
PATCH_PX = 5
INSIDE = 0.85
"""Share of a disc's radius within which there is nothing else than it."""
FEWEST_HIDDEN = 6
"""Joints, over all frames, that lie within a disc that hides people."""
HIDDEN, MOST_CHANGED = 0.7, 0.05
"""Share of these that must look like the background, and of the disc that may change while they are there."""


@dataclass(frozen=True)
class Disc:
    """A round obstacle in a picture, in its pixels."""

    middle: tuple[float, float]
    radius: float

    def scaled(self, scale: float) -> "Disc":
        """Return where it is in the same picture, resized."""
        x, y = ((place + 0.5) * scale - 0.5 for place in self.middle)
        return Disc((x, y), self.radius * scale)


def background_picture(
    frames: Iterable[UInt8[ndarray, "height width 3"]], count: int
) -> UInt8[ndarray, "height width 3"]:
    """Return what stands still in a video of `count` frames: the median over some of them."""
    step = max(1, -(-count // MOST_FRAMES))
    chosen = [frame for index, frame in enumerate(frames) if index % step == 0]
    if not chosen:
        raise InputError("a video without frames has no background")
    return np.asarray(np.median(np.stack(chosen), axis=0).astype(np.uint8))


def find_discs(background: UInt8[ndarray, "height width 3"]) -> tuple[Disc, ...]:
    """Return the round obstacles of a background (RGB), the clearest first."""
    grey = cv2.medianBlur(cv2.cvtColor(background, cv2.COLOR_RGB2GRAY), 5)
    shorter = min(grey.shape)
    smallest, largest = (max(2, round(share * shorter)) for share in RADII)
    found = cv2.HoughCircles(
        grey,
        cv2.HOUGH_GRADIENT_ALT,
        dp=1.5,
        minDist=smallest,
        param1=EDGE,
        param2=ROUNDNESS,
        minRadius=smallest,
        maxRadius=largest,
    )
    if found is None:
        return ()
    return tuple(Disc((float(x), float(y)), float(radius)) for x, y, radius in np.reshape(found, (-1, 3)))


def disc_mask(discs: Sequence[Disc], size_wh: tuple[int, int]) -> Bool[ndarray, "height width"]:
    """Return where discs cover a picture of `size_wh`."""
    row, column = np.mgrid[: size_wh[1], : size_wh[0]]
    return covered(discs, np.stack([column, row], axis=-1).astype(float))


def covered(discs: Sequence[Disc], pixels: Float[ndarray, "*any 2"]) -> Bool[ndarray, "*any"]:
    """Return which points of the picture discs cover."""
    result = np.zeros(pixels.shape[:-1], bool)
    for disc in discs:
        result |= np.linalg.norm(pixels - np.array(disc.middle), axis=-1) <= disc.radius
    return result


def changed(
    picture: UInt8[ndarray, "height width 3"], background: UInt8[ndarray, "height width 3"]
) -> Bool[ndarray, "height width"]:
    """Return where a picture shows something else than its background, noise left aside."""
    smooth = [cv2.blur(part, (PATCH_PX, PATCH_PX)) for part in (picture, background)]
    return np.asarray(cv2.absdiff(*smooth).max(axis=2) > CHANGED)


def hides(
    disc: Disc, differences: Sequence[Bool[ndarray, "height width"]], joints: Sequence[Float[ndarray, "_ 2"]]
) -> bool:
    """Return whether a disc stands before people.

    `differences` is where frames differ from the background (`changed`), `joints` where people's joints truly are in
    each, seen or not. Before people nothing changes within the disc while they are there; it does before a disc that
    people pass before, and within a disc that is a part of somebody.
    """
    inside = disc_mask([Disc(disc.middle, INSIDE * disc.radius)], differences[0].shape[::-1])
    hidden, moving = [], []
    for difference, points in zip(differences, joints, strict=True):
        pixels = np.round(points[covered([Disc(disc.middle, INSIDE * disc.radius)], points)]).astype(int)
        pixels = pixels[((pixels >= 0) & (pixels < difference.shape[::-1])).all(axis=1)]
        if len(pixels):
            hidden += (~difference[pixels[:, 1], pixels[:, 0]]).tolist()
            moving.append(float(difference[inside].mean()))
    if len(hidden) < FEWEST_HIDDEN:
        return False
    return bool(np.mean(hidden) >= HIDDEN and np.mean(moving) <= MOST_CHANGED)
