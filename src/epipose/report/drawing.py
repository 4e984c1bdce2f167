"""Limbs, boxes and words on pictures, drawn by OpenCV: smooth, visible on any ground, to fractions of pixels.

Canvases are RGB and are drawn on as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray

from epipose.pose.skeletons import Skeleton
from epipose.report.palette import MIDDLE, rgb, side_colours

SHIFT = 4
"""Bits of OpenCV's fractions of pixels."""
DARK, LIGHT = (24, 26, 30), (236, 238, 242)

_BEYOND = 2**17
"""Pixels from the first one beyond which nothing is drawn in its place: OpenCV could not count so far."""

Picture = UInt8[ndarray, "height width 3"]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Limb:
    """A bone as it is drawn."""

    ends: tuple[int, int]
    """The joints that it joins."""
    colour: Colour


def limbs(skeleton: Skeleton) -> tuple[Limb, ...]:
    """Return the bones, with the colour of the side on which they end."""
    sides = side_colours(skeleton)
    return tuple(Limb(bone, rgb(sides.get(skeleton.joint_names[bone[1]], MIDDLE))) for bone in skeleton.bones)


def fixed(pixels: Float[ndarray, "*any"]) -> Int[ndarray, "*any"]:
    """Return pixels in fractions of 2**-SHIFT as OpenCV takes them."""
    return np.asarray(np.round(np.clip(pixels, -_BEYOND, _BEYOND) * 2**SHIFT), int)


def paint_skeleton(
    canvas: Picture,
    pixels: Float[ndarray, "joints 2"],
    shown: Bool[ndarray, "joints"],
    drawn: Sequence[Limb],
    width: float,
) -> None:
    """Draw limbs and joints."""
    paint_limbs(canvas, pixels, shown, drawn, width)
    for x, y in fixed(pixels[shown]):
        cv2.circle(canvas, (x, y), round(0.95 * width * 2**SHIFT), LIGHT, -1, cv2.LINE_AA, SHIFT)


def paint_limbs(
    canvas: Picture,
    pixels: Float[ndarray, "joints 2"],
    shown: Bool[ndarray, "joints"],
    drawn: Sequence[Limb],
    width: float,
) -> None:
    """Draw limbs within a dark rim, which keeps them visible on any ground."""
    ends = fixed(pixels)
    drawn = [limb for limb in drawn if shown[list(limb.ends)].all()]
    for thickness, rim in ((round(width) + 2, True), (round(width), False)):
        for limb in drawn:
            one, other = (tuple(ends[joint].tolist()) for joint in limb.ends)
            cv2.line(canvas, one, other, DARK if rim else limb.colour, thickness, cv2.LINE_AA, SHIFT)


def paint_box(
    canvas: Picture, begin: Float[ndarray, "2"], end: Float[ndarray, "2"], colour: Colour, width: float
) -> None:
    """Draw the corners of a box: they say as much as all of it, and hide less."""
    arm = 0.18 * float((end - begin).min())
    for x, inward in ((begin[0], 1), (end[0], -1)):
        for y, down in ((begin[1], 1), (end[1], -1)):
            points = np.array([[x + inward * arm, y], [x, y], [x, y + down * arm]])
            for thickness, tone in ((round(0.5 * width) + 2, DARK), (max(1, round(0.5 * width)), colour)):
                cv2.polylines(canvas, [fixed(points).astype(np.int32)], False, tone, thickness, cv2.LINE_AA, SHIFT)


def paint_outline(
    canvas: Picture, begin: Float[ndarray, "2"], end: Float[ndarray, "2"], colour: Colour, width: float
) -> None:
    """Draw all of a box."""
    points = np.array([begin, [end[0], begin[1]], end, [begin[0], end[1]]])
    for thickness, tone in ((round(0.6 * width) + 2, DARK), (round(0.6 * width), colour)):
        cv2.polylines(canvas, [fixed(points).astype(np.int32)], True, tone, thickness, cv2.LINE_AA, SHIFT)


def paint_words(canvas: Picture, words: str, place: Float[ndarray, "2"], colour: Colour, width: float) -> None:
    """Write words that stand on a place, as large as goes with limbs of a `width`."""
    x, y = (fixed(place) >> SHIFT).tolist()
    for thickness, tone in ((round(width) + 2, DARK), (max(1, round(0.6 * width)), colour)):
        cv2.putText(
            canvas, words, (x, y - round(2 * width)), cv2.FONT_HERSHEY_DUPLEX, 0.22 * width, tone, thickness,
            cv2.LINE_AA,
        )  # fmt: skip
