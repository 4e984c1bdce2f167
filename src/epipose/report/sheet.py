"""White sheets for small drawings with words: drawn on finely, then shrunk, so that thin lines and letters are smooth.

Places are pixels from the sheet's upper left corner, to the right and down; lengths are pixels of the sheet.
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.report.drawing import SHIFT, Colour, fixed

PAPER, INK, SOFT, RULE, GROUND = (255, 255, 255), (29, 33, 39), (91, 98, 109), (217, 220, 225), (246, 247, 249)
"""The paper; what is said first, and beside it; lines that only lead the eye, and the ground of drawings."""
TEXT = 15.0
"""Height of letters with what hangs below them, in pixels."""

_FINE = 3
"""Pixels drawn for each that is looked at."""
_FONT, _FONT_HEIGHT, _STROKE = cv2.FONT_HERSHEY_SIMPLEX, 30.0, 2

Align = Literal["left", "middle", "right"]


class Sheet:
    """A sheet to draw on."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = round(width), round(height)
        self._canvas = np.full((_FINE * self.height, _FINE * self.width, 3), PAPER, np.uint8)

    def picture(self) -> UInt8[ndarray, "height width 3"]:
        """Return what is on the sheet."""
        return np.asarray(cv2.resize(self._canvas, (self.width, self.height), interpolation=cv2.INTER_AREA))

    def rectangle(self, begin: Sequence[float], end: Sequence[float], colour: Colour) -> None:
        """Fill a rectangle."""
        (left, top), (right, bottom) = (np.round(_FINE * np.asarray(corner)).astype(int) for corner in (begin, end))
        self._canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour

    def line(self, points: Float[ndarray, "n 2"], colour: Colour, width: float) -> None:
        """Draw a line through points."""
        thickness = max(1, round(_FINE * width))
        cv2.polylines(self._canvas, [self._fine(points)], False, colour, thickness, cv2.LINE_AA, SHIFT)

    def shape(self, points: Float[ndarray, "n 2"], colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self._canvas, [self._fine(points)], colour, cv2.LINE_AA, SHIFT)

    def dot(self, place: Float[ndarray, "2"], colour: Colour, radius: float) -> None:
        """Draw a filled circle."""
        x, y = self._fine(place[None])[0].tolist()
        cv2.circle(self._canvas, (x, y), round(_FINE * radius * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)

    def words(
        self, words: str, place: Sequence[float], *, colour: Colour = INK, align: Align = "left", size: float = TEXT
    ) -> None:
        """Write words that begin at a place on the line that they stand on, or have it in the middle, or end there."""
        shift = {"left": 0.0, "middle": 0.5, "right": 1.0}[align] * words_width(words, size)
        x, y = (round(_FINE * value) for value in (place[0] - shift, place[1]))
        cv2.putText(self._canvas, words, (x, y), _FONT, _FINE * size / _FONT_HEIGHT, colour, _STROKE, cv2.LINE_AA)

    def _fine(self, points: Float[ndarray, "n 2"]) -> ndarray:
        # OpenCV's pixels have their centres, not their corners, at whole numbers.
        return fixed(_FINE * points - 0.5).astype(np.int32)


def words_width(words: str, size: float = TEXT) -> float:
    """Return how many pixels wide words are written."""
    return float(cv2.getTextSize(words, _FONT, _FINE * size / _FONT_HEIGHT, _STROKE)[0][0]) / _FINE


def lighter(colour: Colour, share: float) -> Colour:
    """Return a colour so far on its way to the paper."""
    red, green, blue = (round(tone + share * (white - tone)) for tone, white in zip(colour, PAPER, strict=True))
    return red, green, blue
