"""Limbs, boxes and words on pictures, drawn by OpenCV: smooth, visible on any ground, to fractions of pixels.

Canvases are RGB and are drawn on as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from numpy import ndarray

from epipose.pose.skeletons import Skeleton
from epipose.report.palette import MIDDLE, rgb, side_colours

SHIFT = 4
"""Bits of OpenCV's fractions of pixels."""
DARK, LIGHT = (24, 26, 30), (236, 238, 242)
FAINT = 0.05
"""Confidence below which joints are not drawn."""
LIMB_M, SLIM = 0.014, 0.09
"""Half the width of limbs in metres, and at most over their length: bones of faces and hands are short."""
FORESHORTENED = 0.42
"""How much thicker limbs are at the nearest joint than at the middle, and thinner at the farthest."""

_DEEP_M = 0.6
"""Metres behind the middle of a person from where on all is equally far."""
_DARKER, _LIGHTER = 0.25, 0.25
"""How much darker the farthest limbs are, and how much lighter the nearest."""
_RIM, _RIM_SHARE = 0.8, 0.14
"""Pixels of the dark rim around limbs, and what it has besides of their radius."""
_DOT, _LEAST_DOT = 0.55, 1.6
"""Radius of a joint's dot over that of its thickest limb, and in pixels below which there is none."""
_ROUND = np.linspace(-1, 1, 8)
"""Where the outline of a limb's round end has corners, over the angle of its half."""
_CIRCLE = np.column_stack([np.cos(np.pi * np.arange(12) / 6), np.sin(np.pi * np.arange(12) / 6)])
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


def limbs(skeleton: Skeleton, middle: str = MIDDLE) -> tuple[Limb, ...]:
    """Return the bones, with the colour of the side on which they end, or that of the `middle`."""
    sides = side_colours(skeleton)
    return tuple(Limb(bone, rgb(sides.get(skeleton.joint_names[bone[1]], middle))) for bone in skeleton.bones)


def fixed(pixels: Float[ndarray, "*any"]) -> Int[ndarray, "*any"]:
    """Return pixels in fractions of 2**-SHIFT as OpenCV takes them."""
    return np.asarray(np.round(np.clip(pixels, -_BEYOND, _BEYOND) * 2**SHIFT), int)


def relative_depth(depth: Float[ndarray, "joints"], shown: Bool[ndarray, "joints"]) -> Float[ndarray, "joints"]:
    """Return how far joints are behind the middle of those that are shown: from -1, nearest, to 1."""
    return np.asarray(np.clip((depth - depth[shown].mean()) / _DEEP_M, -1, 1))


def limb_radii(
    joints: Float[ndarray, "joints 3"], away: Float[ndarray, "joints"], drawn: Sequence[Limb], metre_px: float
) -> Float[ndarray, "limbs 2"]:
    """Return half the width (pixels) of limbs at their ends, for joints in metres; the nearer, the thicker.

    `away` is their `relative_depth`; `metre_px` are the pixels that a metre spans.
    """
    ends = np.array([limb.ends for limb in drawn], int).reshape(-1, 2)
    length = np.linalg.norm(joints[ends[:, 1]] - joints[ends[:, 0]], axis=1)
    return np.asarray(metre_px * np.minimum(LIMB_M, SLIM * length)[:, None] * (1 - FORESHORTENED * away[ends]))


def paint_skeleton(
    canvas: Picture,
    pixels: Float[ndarray, "joints 2"],
    shown: Bool[ndarray, "joints"],
    drawn: Sequence[Limb],
    radii: Float[ndarray, "limbs 2"],
    away: Float[ndarray, "joints"] | None = None,
) -> None:
    """Draw limbs, `radii` (pixels) thick at their ends, and light dots on their joints.

    A dark rim keeps them visible on any ground. Joints of which no limb is shown are dots. If it is known how far
    `away` joints are (`relative_depth`), near limbs part far ones, and are lighter.
    """
    away = np.zeros(len(pixels)) if away is None else away
    ends = np.array([limb.ends for limb in drawn], int).reshape(-1, 2)
    depth = away[ends].mean(axis=1)
    order = np.argsort(-depth, kind="stable")
    order = order[shown[ends[order]].all(axis=1)]
    tones = _shaded(np.array([limb.colour for limb in drawn], int).reshape(-1, 3)[order], depth[order])
    ends, radii = ends[order], radii[order]
    places = pixels[ends].astype(np.float64)
    edged = radii * (1 + _RIM_SHARE) + _RIM
    wide = np.concatenate([edged, edged, radii])
    outlines = _outlines(np.concatenate([places, _trimmed(places, edged), places]), wide)
    around, between, inside = np.split(outlines, 3)
    for outline in around:
        cv2.fillConvexPoly(canvas, outline, DARK, cv2.LINE_AA, SHIFT)
    for rim, outline, tone in zip(between, inside, tones, strict=True):
        cv2.fillConvexPoly(canvas, rim, DARK, cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(canvas, outline, tone, cv2.LINE_AA, SHIFT)
    dots = np.zeros(len(pixels))
    np.maximum.at(dots, ends, _DOT * radii)
    lone = shown & (dots == 0)
    dots[lone] = max(_LEAST_DOT, max(canvas.shape[:2]) / 500)
    _paint_dots(canvas, pixels[lone], 1.5 * dots[lone], DARK)
    _paint_dots(canvas, pixels[dots >= _LEAST_DOT], dots[dots >= _LEAST_DOT], LIGHT)


def capsules(ends: Float[ndarray, "limbs 2 2"], radii: Float[ndarray, "limbs 2"]) -> Float[ndarray, "limbs corners 2"]:
    """Return the outlines of what is within a radius of each end, and between: limbs that taper, with round ends."""
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    # An end within the other would be a dent, which OpenCV could not fill.
    radii = np.maximum(radii, radii[:, ::-1] - length[:, None])
    # Where straight sides touch the round ends.
    touch = np.arccos(np.clip((radii[:, 0] - radii[:, 1]) / length, -1, 1))
    heading = np.arctan2(along[:, 1], along[:, 0])
    at_begin = heading[:, None] + np.pi + (np.pi - touch)[:, None] * _ROUND
    at_end = heading[:, None] + touch[:, None] * _ROUND
    angles = np.stack([at_begin, at_end], axis=1)
    round_ends = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * radii[:, :, None, None]
    return np.asarray((ends[:, :, None] + round_ends).reshape(len(ends), 2 * len(_ROUND), 2))


def paint_corners(
    canvas: Picture, begin: Float[ndarray, "2"], end: Float[ndarray, "2"], colour: Colour, width: float
) -> None:
    """Draw the corners of a box: they say as much as all of it, and hide less."""
    arm = 0.15 * float((end - begin).min())
    for x, inward in ((begin[0], 1), (end[0], -1)):
        for y, down in ((begin[1], 1), (end[1], -1)):
            paint_outlined(canvas, np.array([[x + inward * arm, y], [x, y], [x, y + down * arm]]), colour, width)


def paint_outlined(
    canvas: Picture, points: Float[ndarray, "n 2"], colour: Colour, width: float, *, closed: bool = False
) -> None:
    """Draw a line through points within a dark rim."""
    line, thin = [fixed(points).astype(np.int32)], max(1, round(width))
    for thickness, tone in ((thin + 2, DARK), (thin, colour)):
        cv2.polylines(canvas, line, closed, tone, thickness, cv2.LINE_AA, SHIFT)


def paint_label(canvas: Picture, words: str, begin: Float[ndarray, "2"], colour: Colour, height: float) -> None:
    """Write words on a ground of a colour, `height` pixels tall, that begins at a place; it stays in the picture."""
    letters = _letters(words, max(6, round(0.56 * height)))
    size = np.array([letters.shape[1] + 0.8 * height, height])
    room = np.array(canvas.shape[1::-1]) - size - 3
    if (room < 2).any():
        return
    left, top = np.clip(begin, 2, room)
    middle, radius = top + height / 2, height / 2
    ends = np.array([[[left + radius, middle], [left + size[0] - radius, middle]]])
    for wide, tone in ((radius + 1, DARK), (radius, colour)):
        cv2.fillConvexPoly(canvas, _outlines(ends, np.full((1, 2), wide))[0], tone, cv2.LINE_AA, SHIFT)
    x, y = round(left + 0.4 * height), round(middle - letters.shape[0] / 2)
    patch = canvas[y : y + letters.shape[0], x : x + letters.shape[1]]
    patch[:] = np.round(patch + letters[..., None] * (np.array(DARK, np.float32) - patch))


@lru_cache(maxsize=64)
def _letters(words: str, height: int) -> Float32[ndarray, "height width"]:
    """Return how much of each pixel letters cover: drawn finely, then shrunk, which OpenCV's letters need."""
    large, font, stroke = 72, cv2.FONT_HERSHEY_SIMPLEX, 10
    scale = cv2.getFontScaleFromHeight(font, large, stroke)
    (wide, tall), _ = cv2.getTextSize(words, font, scale, stroke)
    sheet = np.zeros((3 * tall, wide + 2 * tall), np.uint8)
    cv2.putText(sheet, words, (tall, 2 * tall), font, scale, (255,), stroke, cv2.LINE_AA)
    left, top, width, inked = cv2.boundingRect(sheet)
    sheet = sheet[top : top + inked, left : left + width]
    shrunk = cv2.resize(sheet, (max(1, round(width * height / inked)), height), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32) / 255


def _paint_dots(canvas: Picture, places: Float[ndarray, "n 2"], radii: Float[ndarray, "n"], colour: Colour) -> None:
    # OpenCV's own circles are crosses where they are small.
    for outline in fixed(places[:, None] + radii[:, None, None] * _CIRCLE).astype(np.int32):
        cv2.fillConvexPoly(canvas, outline, colour, cv2.LINE_AA, SHIFT)


def _outlines(ends: Float[ndarray, "limbs 2 2"], radii: Float[ndarray, "limbs 2"]) -> ndarray:
    return fixed(capsules(ends, radii)).astype(np.int32)


def _trimmed(ends: Float[ndarray, "limbs 2 2"], radii: Float[ndarray, "limbs 2"]) -> Float[ndarray, "limbs 2 2"]:
    """Return limbs without what of a radius lies at their ends, where they join others."""
    along = ends[:, 1] - ends[:, 0]
    share = np.minimum(radii / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None], 0.5)
    return np.asarray(ends + share[:, :, None] * np.stack([along, -along], axis=1))


def _shaded(colours: Int[ndarray, "limbs 3"], away: Float[ndarray, "limbs"]) -> list[list[int]]:
    """Return colours that are darker the farther `away` (-1 to 1) they are, and lighter before 0."""
    far = away[:, None] > 0
    share = np.where(far, _DARKER, -_LIGHTER) * away[:, None]
    tones: list[list[int]] = np.round(colours + share * (np.where(far, DARK, LIGHT) - colours)).astype(int).tolist()
    return tones
