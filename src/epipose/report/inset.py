"""Everybody in 3D on a dimmed corner of a picture, from a side that swings to and fro."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8
from numpy import ndarray

from epipose.pose.roots import root
from epipose.pose.skeletons import Skeleton
from epipose.report.drawing import DARK, FAINT, SHIFT, Limb, Picture, fixed
from epipose.report.turntable import GRID, Turntable
from epipose.runtime.placing import Person

_SHARE, _SMALLEST = 0.36, 72
"""Side of the inset over the picture's shorter side, and in pixels below which there is none."""
_DIMMED = np.round(0.15 * np.arange(256)[:, None] + 0.85 * np.array(DARK)).astype(np.uint8)[:, None]
"""What each tone becomes under the inset."""
_LEAN = np.deg2rad(14)
_ASIDE, _SWING, _PERIOD_S = np.deg2rad(38), np.deg2rad(22), 9.0
"""From where it is seen, how far it swings, and how long it takes: what moves shows its depth."""
_REACH_M, _APART_M = 1.15, 1.0
"""Metres around a person that are shown, and between people whose places are not known."""
_MEMORY = 0.97
"""How much of a frame's scale stays in the next, so that the inset does not pump."""
_CORNERS = ((1, 1), (0, 1), (1, 0), (0, 0))
"""Right and below first: where it goes if it hides nobody, or everywhere somebody."""


class Inset:
    """Draws the inset of one video, or of one picture, always in the same corner."""

    def __init__(self, skeleton: Skeleton, limbs: Sequence[Limb], *, placed: bool) -> None:
        self._skeleton, self._limbs, self._placed = skeleton, limbs, placed
        self._reach, self._floor = 0.0, np.nan
        self._corner: tuple[int, int] | None = None

    def paint(
        self, canvas: Picture, people: Sequence[Person], pixels: Sequence[Float[ndarray, "joints 2"]], time: float
    ) -> None:
        """Draw people, who are at these `pixels` of the picture, `time` (seconds) of the video into it."""
        side = round(_SHARE * min(canvas.shape[:2]))
        if side < _SMALLEST or not people:
            return
        shown = [person.weight >= FAINT for person in people]
        if self._corner is None:
            self._corner = _free_corner(
                canvas, side, np.concatenate([places[seen] for places, seen in zip(pixels, shown, strict=True)])
            )
        left, top = _begin(canvas, side, self._corner)
        corner = canvas[top : top + side, left : left + side]
        _dim(corner)
        bodies = self._arranged(people)
        turn = _ASIDE + _SWING * np.sin(2 * np.pi * time / _PERIOD_S)
        table = Turntable(turn, _LEAN, 0.94 * side / (2 * self._reach), ((side - 1) / 2, (side - 1) / 2))
        below = [body[seen].mean(axis=0) for body, seen in zip(bodies, shown, strict=True)]
        table.paint_floor(corner, self._floor, 0.95 * self._reach, below)
        for index in np.argsort(-table.seen(np.array(below))[:, 2]).tolist():
            table.paint_person(corner, bodies[index], shown[index], self._limbs)

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


def _begin(canvas: Picture, side: int, corner: tuple[int, int]) -> tuple[int, int]:
    """Return the upper left pixel of an inset in a corner (right, below: 0 or 1)."""
    gap = max(4, side // 24)
    left, top = (gap + at * (length - side - 2 * gap) for at, length in zip(corner, canvas.shape[1::-1], strict=True))
    return left, top


def _free_corner(canvas: Picture, side: int, pixels: Float[ndarray, "joints 2"]) -> tuple[int, int]:
    """Return the corner in which an inset hides fewest joints."""

    def hidden(corner: tuple[int, int]) -> int:
        begin = np.array(_begin(canvas, side, corner))
        return int(((pixels > begin) & (pixels < begin + side)).all(axis=1).sum())

    return min(_CORNERS, key=hidden)


def _dim(corner: Picture) -> None:
    """Darken all within a rounded edge."""
    edge, within = _edge(len(corner))
    cv2.copyTo(cv2.LUT(corner, _DIMMED), within, corner)
    cv2.polylines(corner, [edge], True, GRID, 1, cv2.LINE_AA, SHIFT)


@lru_cache(maxsize=4)
def _edge(side: int) -> tuple[Int32[ndarray, "corners 2"], UInt8[ndarray, "side side"]]:
    """Return the outline of a square with round corners, as OpenCV takes it, and what is within."""
    radius = side / 22
    quarter = np.linspace(0, np.pi / 2, 7)
    arcs = [
        (side - 1 - 2 * radius) * np.array([right, below])
        + radius * (1 + np.column_stack([np.cos(quarter + turn), np.sin(quarter + turn)]))
        for turn, (right, below) in zip(np.arange(4) * np.pi / 2, ((1, 1), (0, 1), (0, 0), (1, 0)), strict=True)
    ]
    edge = fixed(np.concatenate(arcs)).astype(np.int32)
    within = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(within, edge, (255,), cv2.LINE_8, SHIFT)
    cv2.polylines(within, [edge], True, (0,), 1, cv2.LINE_8, SHIFT)
    return edge, within
