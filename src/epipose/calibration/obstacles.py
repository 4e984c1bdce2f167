"""Round things that stand before people in a view whose camera does not move, found by the Hough transform.

A detector guesses the joints behind them, and rarely says so: what their mask covers should not be believed, and
networks should learn to do without it.
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


@dataclass(frozen=True)
class Disc:
    """A round obstacle in a picture, in its pixels."""

    middle: tuple[float, float]
    radius: float


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
