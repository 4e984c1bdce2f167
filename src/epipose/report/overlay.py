"""Pictures with what a network saw in them: limbs, the corners of a box for each person, and an inset in 3D."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.io.video_writing import even_size
from epipose.pose.skeletons import Skeleton
from epipose.report.drawing import (
    FAINT,
    Colour,
    Picture,
    limb_radii,
    limbs,
    paint_corners,
    paint_label,
    paint_skeleton,
    relative_depth,
)
from epipose.report.inset import Inset
from epipose.report.palette import PALE, rgb, view_colour
from epipose.runtime.placing import Person

MOST_PX = 1920
"""Longer side of what is drawn; larger pictures are made smaller."""
_THINNEST, _THICKEST = 1 / 1280, 1 / 110
"""Half the width of limbs over the picture's longer side, however near people are."""
_LABEL = 1 / 30
"""Height of the numbers of people over the picture's shorter side."""


def shown_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the size in which a picture is drawn on: at most MOST_PX, and even."""
    return even_size(size_wh, MOST_PX)


class Painter:
    """Draws on the frames of one video, or on one picture; `placed`: joints are from the camera, not from the root."""

    def __init__(self, skeleton: Skeleton, *, placed: bool) -> None:
        self._limbs = limbs(skeleton, PALE)
        self._inset = Inset(skeleton, self._limbs, placed=placed)

    def paint(
        self, picture: Picture, people: Sequence[Person], time: float = 0.0
    ) -> UInt8[ndarray, "shown_height shown_width 3"]:
        """Return the picture with its people, `time` (seconds) of a video into it, in its `shown_size`."""
        before = picture.shape[1::-1]
        size_wh = shown_size((before[0], before[1]))
        if size_wh == before:
            canvas = picture.copy()
        else:
            canvas = np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA))
        people = [person for person in people if (person.weight >= FAINT).any()]
        places = [(person.pixels + 0.5) * (np.array(size_wh) / before) - 0.5 for person in people]
        boxes = [_box(canvas, pixels[person.weight >= FAINT]) for pixels, person in zip(places, people, strict=True)]
        for person, (begin, end) in zip(people, boxes, strict=True):
            paint_corners(canvas, begin, end, _colour(person), _line_width(canvas))
        for person, pixels in sorted(zip(people, places, strict=True), key=lambda both: -_depth(both[0])):
            self._paint_person(canvas, pixels, person)
        if len(people) > 1:
            height = max(12.0, _LABEL * min(canvas.shape[:2]))
            for person, (begin, _) in zip(people, boxes, strict=True):
                paint_label(canvas, str(person.slot + 1), begin - [0, 1.3 * height], _colour(person), height)
        self._inset.paint(canvas, people, places, time)
        return canvas

    def _paint_person(self, canvas: Picture, pixels: Float[ndarray, "joints 2"], person: Person) -> None:
        shown, joints, longer = person.weight >= FAINT, person.joints.astype(np.float64), max(canvas.shape[:2])
        away = relative_depth(joints[:, 2], shown)
        metre_px = _extent(pixels[shown]) / max(_extent(joints[shown, :2]), 1e-3)
        radii = limb_radii(joints, away, self._limbs, metre_px)
        radii = np.clip(radii, _THINNEST * longer, _THICKEST * longer)
        paint_skeleton(canvas, pixels, shown, self._limbs, radii, away)


def _box(canvas: Picture, pixels: Float[ndarray, "n 2"]) -> Float[ndarray, "2 2"]:
    """Return the upper left and lower right corner of a box with room around joints."""
    begin, end = pixels.min(axis=0), pixels.max(axis=0)
    room = 0.06 * float((end - begin).max()) + 4 * _line_width(canvas)
    return np.array([begin - room, end + room])


def _line_width(canvas: Picture) -> float:
    return float(max(1.0, max(canvas.shape[:2]) / 640))


def _colour(person: Person) -> Colour:
    return rgb(view_colour(person.slot + 2))


def _depth(person: Person) -> float:
    return float(person.joints[person.weight >= FAINT, 2].mean())


def _extent(points: Float[ndarray, "n 2"]) -> float:
    return float(np.abs(points - points.mean(axis=0)).sum())
