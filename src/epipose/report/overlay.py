"""Pictures with what a network saw in them: limbs, a box for each person, and an inset that shows them in 3D."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.pose.roots import root
from epipose.pose.skeletons import Skeleton
from epipose.report.drawing import (
    DARK,
    SHIFT,
    Picture,
    fixed,
    limbs,
    paint_box,
    paint_limbs,
    paint_skeleton,
    paint_words,
)
from epipose.report.palette import rgb, view_colour
from epipose.runtime.placing import Person

MOST_PX = 1920
"""Longer side of what is drawn; larger pictures are made smaller."""
FAINT = 0.05
"""Confidence below which joints are not drawn."""

_INSET, _SMALLEST_INSET = 0.36, 72
"""Side of the inset over the picture's shorter side, and in pixels below which there is none."""
_DIM = 0.25
_LEAN = np.deg2rad(14)
"""How steeply the inset is looked into from above."""
_ASIDE, _SWING, _PERIOD_S = np.deg2rad(38), np.deg2rad(22), 9.0
"""The inset is seen from the side, from where it swings to and fro: what moves shows its depth."""
_REACH_M, _APART_M = 1.15, 1.0
"""Metres around a person that the inset shows, and between people whose places are not known."""
_MEMORY = 0.97
"""How much of a frame's scale stays in the next, so that the inset does not pump."""


def shown_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the size in which a picture is drawn on: at most MOST_PX, and even, as videos want it."""
    scale = min(1.0, MOST_PX / max(size_wh))
    width, height = (max(2, 2 * round(scale * length / 2)) for length in size_wh)
    return width, height


class Painter:
    """Draws on the frames of one video, or on pictures; `placed`: joints are from the camera, not from the root."""

    def __init__(self, skeleton: Skeleton, *, placed: bool) -> None:
        self._skeleton, self._limbs, self._placed = skeleton, limbs(skeleton), placed
        self._reach, self._floor = 0.0, np.nan

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
        scale = np.array(size_wh) / before
        for person in people:
            self._paint_person(canvas, (person.pixels + 0.5) * scale - 0.5, person, several=len(people) > 1)
        self._paint_inset(canvas, people, time)
        return canvas

    def _paint_person(
        self, canvas: Picture, pixels: Float[ndarray, "joints 2"], person: Person, *, several: bool
    ) -> None:
        shown = person.weight >= FAINT
        if not shown.any():
            return
        width = max(1.5, max(canvas.shape) / 270)
        begin, end = pixels[shown].min(axis=0), pixels[shown].max(axis=0)
        room = 0.06 * float((end - begin).max()) + 2 * width
        paint_box(canvas, begin - room, end + room, rgb(view_colour(person.slot + 2)), width)
        if several:
            paint_words(canvas, str(person.slot + 1), begin - room, rgb(view_colour(person.slot + 2)), width)
        paint_skeleton(canvas, pixels, shown, self._limbs, width)

    def _paint_inset(self, canvas: Picture, people: Sequence[Person], time: float) -> None:
        """Draw everybody from the side on a dimmed corner of the picture."""
        side = round(_INSET * min(canvas.shape[:2]))
        people = [person for person in people if (person.weight >= FAINT).any()]
        if side < _SMALLEST_INSET or not people:
            return
        gap = max(4, side // 24)
        corner = canvas[-side - gap : -gap, -side - gap : -gap]
        corner[:] = cv2.addWeighted(corner, _DIM, np.full_like(corner, DARK), 1 - _DIM, 0)
        cv2.rectangle(corner, (0, 0), (side - 1, side - 1), (70, 74, 82), 1)
        bodies = self._arranged(people)
        turn = _ASIDE + _SWING * np.sin(2 * np.pi * time / _PERIOD_S)
        scale = 0.94 * side / (2 * self._reach)
        self._paint_floor(corner, turn, scale)
        width = max(1.0, side / 90)
        order = np.argsort([-_seen_from(body, turn)[:, 2].mean() for body in bodies])
        for index in order.tolist():
            seen = _seen_from(bodies[index], turn)
            pixels = scale * seen[:, :2] + (side - 1) / 2
            paint_limbs(corner, pixels, people[index].weight >= FAINT, self._limbs, width)

    def _arranged(self, people: Sequence[Person]) -> list[Float[ndarray, "joints 3"]]:
        """Return joints about the middle of all people (x right, y away, z up); keeps scale and floor."""
        bodies = [person.joints[:, [0, 2, 1]] * np.array([1.0, 1.0, -1.0]) for person in people]
        roots = np.array([root(body, self._skeleton) for body in bodies])
        if self._placed:
            places = roots - roots.mean(axis=0)
        else:
            places = np.zeros((len(people), 3))
            places[:, 0] = _APART_M * (np.arange(len(people)) - (len(people) - 1) / 2)
        bodies = [body - middle + place for body, middle, place in zip(bodies, roots, places, strict=True)]
        reach = _REACH_M + float(np.linalg.norm(places[:, :2], axis=1).max())
        lowest = min(float(body[person.weight >= FAINT, 2].min()) for body, person in zip(bodies, people, strict=True))
        self._reach = max(reach, _MEMORY * self._reach)
        self._floor = lowest if np.isnan(self._floor) else _MEMORY * self._floor + (1 - _MEMORY) * lowest
        return bodies

    def _paint_floor(self, corner: Picture, turn: float, scale: float) -> None:
        step = 0.5 if self._reach < 3 else 2.0
        count = int(self._reach / step)
        edge = count * step
        for place in np.arange(-count, count + 1) * step:
            for line in (((place, -edge), (place, edge)), ((-edge, place), (edge, place))):
                points = np.array([[x, y, self._floor] for x, y in line])
                ends = fixed(scale * _seen_from(points, turn)[:, :2] + (len(corner) - 1) / 2).tolist()
                cv2.line(corner, tuple(ends[0]), tuple(ends[1]), (92, 97, 106), 1, cv2.LINE_AA, SHIFT)


def _seen_from(points: Float[ndarray, "n 3"], turn: float) -> Float[ndarray, "n 3"]:
    """Return points (x right, y away, z up) in a view turned about z: right, down, away."""
    cos, sin = np.cos(turn), np.sin(turn)
    right, away = cos * points[:, 0] + sin * points[:, 1], -sin * points[:, 0] + cos * points[:, 1]
    down = -np.cos(_LEAN) * points[:, 2] - np.sin(_LEAN) * away
    return np.column_stack([right, down, np.cos(_LEAN) * away - np.sin(_LEAN) * points[:, 2]])
