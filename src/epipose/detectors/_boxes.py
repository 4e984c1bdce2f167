"""Squares of a picture in which to look for a person, and whether two findings are the same person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from epipose.geometry.images import framing, inverse, mapped
from epipose.pose.skeletons import load_skeleton

SURE = 0.2
"""Score from which a joint tells where its person is."""
GROWN = 1.35
"""How much larger than its sure joints a person's square is: heads, hands and feet reach beyond joints."""

STEEPEST = np.pi / 4
"""Radians by which squares are turned at most: those by which the network has seen people turned."""

_SKELETON = load_skeleton("body21")
_MIRROR = np.array(_SKELETON.mirror)
_PELVIS, _THORAX = _SKELETON.index("pelvis"), _SKELETON.index("thorax")
_ROLL = np.deg2rad(35)
"""Radians by which the tiles for turned cameras are turned."""
_SLIMMEST = 8.0
"""Longer over shorter side of a picture up to which its tiles are no larger than it is broad."""
_TILE_STEP = 0.5
"""Distance of neighbouring tiles as a part of their side, at most."""
_NEAR = 0.1
"""Distance of joints at which they are hardly the same, as a part of their square's side."""


@dataclass(frozen=True, eq=False)
class Square:
    """Part of a picture, in its pixels; may reach beyond it."""

    middle: Float64[ndarray, "2"]
    side: float
    turn: float = 0.0
    """Radians by which the square is turned clockwise."""

    def net_from_px(self, size: int) -> Float64[ndarray, "2 3"]:
        """Return the map to a picture of `size` pixels that shows the square upright."""
        return framing(self.middle, self.side, size, turn=-self.turn)


@dataclass(frozen=True, eq=False)
class Person:
    """Joints of one person in pixels of the picture, and their scores from 0 to 1."""

    pixels: Float32[ndarray, "joints 2"]
    score: Float32[ndarray, "joints"]

    @property
    def confidence(self) -> float:
        """How sure it is that this is somebody, from 0 to 1: the score of the joint that is better than two thirds.

        Half a person behind a table is as sure as a whole one.
        """
        return float(np.quantile(self.score, 2 / 3))


def square_around(person: Person) -> Square | None:
    """Return where to look for somebody whose joints are about here; None if they do not tell.

    The square leans half as far as the trunk does: a trunk leans because the camera is turned or because the body
    bends, and the network knows little of turned cameras.
    """
    sure = person.score >= SURE
    if np.count_nonzero(sure) < 3:
        return None
    points = person.pixels[sure].astype(np.float64)
    turn = _lean(person) / 2 if min(person.score[_PELVIS], person.score[_THORAX]) >= SURE else 0.0
    upright = framing(points[0], 1.0, 1, turn=-turn)
    turned = mapped(upright, points)
    begin, end = turned.min(axis=0), turned.max(axis=0)
    middle = mapped(inverse(upright), (begin + end) / 2)
    return Square(middle, max(float((end - begin).max()) * GROWN, 8.0), turn)


def _lean(person: Person) -> float:
    """Return by how many radians the trunk leans clockwise, as far as twice STEEPEST."""
    x, y = (person.pixels[_THORAX] - person.pixels[_PELVIS]).tolist()
    return float(np.clip(np.arctan2(x, -y), -2 * STEEPEST, 2 * STEEPEST))


def coarse_tiles(size_wh: tuple[int, int]) -> list[Square]:
    """Return the whole picture and squares as high or wide as it: people from a third of its shorter side on."""
    whole = Square((np.array(size_wh) - 1) / 2, float(max(size_wh)))
    tiles = _tiles(size_wh, _breadth(size_wh))
    return tiles if len(tiles) == 1 else [whole, *tiles]


def turned_tiles(size_wh: tuple[int, int]) -> list[Square]:
    """Return the coarse tiles turned both ways, for cameras that were not held level."""
    tiles = coarse_tiles(size_wh)
    return [replace(tile, turn=turn) for turn in (-_ROLL, _ROLL) for tile in tiles]


def fine_tiles(size_wh: tuple[int, int]) -> list[Square]:
    """Return squares half as large as the picture's shorter side, for small people."""
    return _tiles(size_wh, _breadth(size_wh) / 2)


def _breadth(size_wh: tuple[int, int]) -> float:
    """Return a picture's shorter side, but no less than a share of the longer: strips would take tiles by thousands."""
    return max(float(min(size_wh)), max(size_wh) / _SLIMMEST)


def _tiles(size_wh: tuple[int, int], side: float) -> list[Square]:
    """Return overlapping squares that cover a picture."""
    counts = [1 + int(np.ceil(max(0.0, length / side - 1.1) / _TILE_STEP)) for length in size_wh]
    middles = [
        np.linspace(side / 2, length - side / 2, count) - 0.5 if count > 1 else np.array([(length - 1) / 2])
        for length, count in zip(size_wh, counts, strict=True)
    ]
    return [Square(np.array([x, y]), side) for y in middles[1] for x in middles[0]]


def known_share(person: Person, others: Sequence[Person]) -> float:
    """Return from 0 to 1 how much of a finding is in `others` already; of two people's joints mixed it is much.

    A joint may also be where another finding has its twin: left and right are often confused.
    """
    square, sure = square_around(person), person.score >= SURE
    near = np.zeros(len(sure))
    for other in others:
        theirs = square_around(other)
        if square is None or theirs is None:
            continue
        for order in (np.arange(len(sure)), _MIRROR):
            distance = np.linalg.norm(person.pixels - other.pixels[order], axis=1)
            nearness = np.exp(-((distance / (_NEAR * min(square.side, theirs.side))) ** 2) / 2)
            near = np.maximum(near, np.where(other.score[order] >= SURE, nearness, 0.0))
    return float(near[sure].mean()) if sure.any() else 0.0
