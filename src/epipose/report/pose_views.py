"""Poses from the front, the side and above, on sheets: which way they are looked at, how large, and their limbs.

Poses are in mm, relative to their root, in the camera's axes (x right, y down, z away). NaN: a joint is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.report.drawing import Colour, Limb
from epipose.report.palette import LEFT, MIDDLE, RIGHT, rgb
from epipose.report.sheet import GROUND, PAPER, RULE, SOFT, TEXT, Sheet, words_width

EDGE, GAP = 14.0, 10.0
"""Of a sheet, and between drawings."""
GRID_MM = 500.0
LIMB = 3.4
"""Pixels that limbs are wide."""
SIDES = (("left side", rgb(LEFT)), ("right side", rgb(RIGHT)), ("middle", rgb(MIDDLE)))

_SMALLEST_MM = 1000.0
"""Extent that drawings show at least, so that one joint alone is not enlarged without end."""

Poses = Float[ndarray, "poses joints 3"]
Bounds = Float[ndarray, "2 3"]
"""Lowest and highest coordinates."""


@dataclass(frozen=True, eq=False)
class View:
    """A direction from which poses are looked at, from afar."""

    words: str
    axes: Float[ndarray, "3 3"]
    """To the right, down and away, in the axes of the camera."""
    camera: tuple[int, int] | None
    """On which side of the drawing the camera is, where it is in its plane: steps to the right and down."""

    def seen(self, points: Float[ndarray, "*any 3"]) -> Float[ndarray, "*any 3"]:
        """Return points to the right, down and away in this view (mm)."""
        return np.asarray(points @ self.axes.T)


FRONT = View("from the front, as the camera sees it", np.eye(3), None)
SIDE = View("from the side", np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]), (-1, 0))
ABOVE = View("from above", np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), (0, 1))


def bounds(*poses: Poses) -> Bounds:
    """Return the bounds of all joints that are known; the root, 0, is always within, and room around it."""
    known = np.concatenate([np.zeros((1, 3)), *(some[np.isfinite(some).all(axis=-1)] for some in poses)])
    low, high = known.min(axis=0), known.max(axis=0)
    lacking = np.maximum(_SMALLEST_MM - (high - low), 0) / 2
    return np.stack([low - lacking, high + lacking])


@dataclass(frozen=True, eq=False)
class Panel:
    """A rectangle of a sheet that shows poses from one side."""

    sheet: Sheet
    view: View
    begin: tuple[float, float]
    """Its upper left corner."""
    size_wh: tuple[float, float]
    scale: float
    """Pixels per mm."""
    middle: Float[ndarray, "3"]
    """What is shown in its middle (camera axes, mm)."""

    def places(self, points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 2"]:
        """Return where points (camera axes, mm) are on the sheet."""
        centre = np.array(self.begin) + np.array(self.size_wh) / 2
        return np.asarray(centre + self.scale * self.view.seen(points - self.middle)[:, :2])

    def draw_ground(self) -> None:
        """Draw the ground, with lines GRID_MM apart that run through the root."""
        end = np.array(self.begin) + self.size_wh
        self.sheet.rectangle(self.begin, tuple(end), GROUND)
        (x, y), step = self.places(np.zeros((1, 3)))[0], self.scale * GRID_MM
        for line in np.arange(x - step * np.floor((x - self.begin[0]) / step), end[0], step):
            self.sheet.line(np.array([[line, self.begin[1]], [line, end[1]]]), RULE, 0.7)
        for line in np.arange(y - step * np.floor((y - self.begin[1]) / step), end[1], step):
            self.sheet.line(np.array([[self.begin[0], line], [end[0], line]]), RULE, 0.7)

    def draw(self, pose: Float[ndarray, "joints 3"], limbs: Sequence[Limb], width: float = LIMB) -> None:
        """Draw the limbs whose ends are known, and joints that no limb ends in, the farthest first.

        Those in front part those behind with a rim of paper.
        """
        known, places, depth = np.isfinite(pose).all(axis=1), self.places(pose), self.view.seen(pose)[:, 2]
        drawn = [limb for limb in limbs if known[list(limb.ends)].all()]
        for limb in sorted(drawn, key=lambda limb: -depth[list(limb.ends)].mean()):
            ends = places[list(limb.ends)]
            along = ends[1] - ends[0]
            trim = 1.2 * width / max(float(np.linalg.norm(along)), 1e-6)
            if trim < 0.5:  # at its ends it joins others
                self.sheet.line(ends + np.array([[trim], [-trim]]) * along, PAPER, width + 2.4)
            self.sheet.line(ends, limb.colour, width)
            for place in ends:
                self.sheet.dot(place, limb.colour, 0.5 * width + 1.2)

    def draw_camera(self) -> None:
        """Draw a small camera where the camera is, at the edge."""
        if self.view.camera is None:
            return
        to_camera = np.array(self.view.camera, float)
        aside = np.array([-to_camera[1], to_camera[0]])
        centre = np.array(self.begin) + np.array(self.size_wh) / 2
        edge = centre + to_camera * (np.array(self.size_wh) / 2 - 16)
        body = [(6, 6), (6, -6), (-6, -6), (-6, 6)]
        lens = [(-6, 0), (-12, 5), (-12, -5)]
        for outline in (body, lens):
            self.sheet.shape(np.array([edge + out * to_camera + up * aside for out, up in outline]), SOFT)


@dataclass(frozen=True)
class Foot:
    """The line under drawings: what their colours mean, and a bar as long as GRID_MM."""

    entries: tuple[tuple[str, Colour], ...]
    scale: float
    """Pixels per mm."""
    lead: str = ""
    note: str = ""
    """What stands before and after the entries."""

    @property
    def width(self) -> float:
        """Pixels that it needs."""
        return self._places()[-1] + words_width(self.note) + GAP + words_width(self._length) + 8 + self._bar

    def draw(self, sheet: Sheet, left: float, right: float, y: float) -> None:
        """Draw it between `left` and `right`; words stand on `y`."""
        sheet.words(self.lead, (left, y), colour=SOFT)
        middle = y - TEXT / 3
        *places, end = (left + place for place in self._places())
        for (words, colour), x in zip(self.entries, places, strict=True):
            sheet.line(np.array([[x, middle], [x + 24, middle]]), colour, LIMB)
            sheet.words(words, (x + 32, y))
        sheet.words(self.note, (end, y), colour=SOFT)
        sheet.line(np.array([[right - self._bar, middle], [right, middle]]), SOFT, 1.6)
        for x in (right - self._bar, right):
            sheet.line(np.array([[x, middle - 4], [x, middle + 4]]), SOFT, 1.6)
        sheet.words(self._length, (right - self._bar - 8, y), colour=SOFT, align="right")

    @property
    def _bar(self) -> float:
        return self.scale * GRID_MM

    @property
    def _length(self) -> str:
        return f"{GRID_MM / 1000:g} m"

    def _places(self) -> list[float]:
        """Return where each entry begins, and the note."""
        begin = words_width(self.lead) + 12 if self.lead else 0.0
        widths = [54 + words_width(words) for words, _ in self.entries]
        return [begin + sum(widths[:number]) for number in range(len(widths) + 1)]
