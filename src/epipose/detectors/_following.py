"""From a network that finds one person in a square to everybody in a video."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.detectors._boxes import (
    SURE,
    Person,
    Square,
    coarse_tiles,
    fine_tiles,
    known_share,
    square_around,
    turned_tiles,
)
from epipose.geometry.images import BEYOND, inverse, mapped, resampled

Find = Callable[
    [UInt8[ndarray, "pictures size size 3"]],
    tuple[Float32[ndarray, "pictures joints 2"], Float32[ndarray, "pictures joints"]],
]
"""Finds the joints of the most central person in each small picture: pixels of it and scores."""

LOOK_AROUND, LOOK_AGAIN = 15, 5
"""Frames after which newcomers are looked for, and after which at the earliest because somebody was lost."""
ACCEPTED, KEPT = 0.45, 0.25
"""Confidence from which somebody is taken for a person, and above which somebody known stays one."""
GLIMPSED = 0.15
"""Confidence from which a closer look is worth its time."""
SAME = 0.5
"""Share of a finding's joints that are known from which it is nobody new."""

_PEOPLE = 12
"""Who is looked for at a time, at most."""
_WIDER = 1.35
"""How much larger the square of somebody is when little is seen in it."""
_SMALLEST = 0.2
"""Side of a person's square as a part of a tile's, at least: in smaller things a network sees what it likes."""
_LIMB = 0.09
"""Width of limbs as a part of their person's square, when people are painted over."""


class Follower:
    """Finds everybody in the frames of one video, in order; who was found first, comes first while seen."""

    def __init__(self, find: Find, size: int, bones: Sequence[tuple[int, int]]) -> None:
        self._find, self._size, self._bones = find, size, bones
        self._people: list[Person] = []
        self._frames_since, self._lost = LOOK_AROUND, False

    def look(self, picture: UInt8[ndarray, "height width 3"]) -> list[Person]:
        """Return the people in the next frame."""
        people = self._followed(picture)
        self._lost |= len(people) < len(self._people)
        self._frames_since += 1
        regular = self._frames_since >= LOOK_AROUND
        if regular or not people or (self._lost and self._frames_since >= LOOK_AGAIN):
            people = self._with_newcomers(picture, people, coarse_tiles(_size_wh(picture)))
            self._lost = False
            self._frames_since = 0 if regular or people else self._frames_since
        if regular and not people:
            people = self._with_newcomers(picture, people, turned_tiles(_size_wh(picture)))
        if regular and not people:
            people = self._with_newcomers(picture, people, fine_tiles(_size_wh(picture)))
        self._people = people
        return people

    def _followed(self, picture: UInt8[ndarray, "height width 3"]) -> list[Person]:
        """Return those of the last frame's people who are still there."""
        squares = [square for person in self._people if (square := square_around(person)) is not None]
        people = self._see(picture, squares)
        for index, square in enumerate(squares):
            if people[index].confidence < ACCEPTED:
                # Perhaps too little of the person was known, or its trunk was taken for something else's.
                wider = [replace(square, side=_WIDER * square.side), replace(square, turn=0.0)]
                people[index] = max(people[index], *self._see(picture, wider), key=lambda person: person.confidence)
        return _distinct([person for person in people if person.confidence >= KEPT])

    def _with_newcomers(
        self, picture: UInt8[ndarray, "height width 3"], people: list[Person], tiles: list[Square]
    ) -> list[Person]:
        """Return `people` and those others that show up in `tiles` once the known ones are painted over."""
        smallest = _SMALLEST * min(tile.side for tile in tiles)
        while len(people) < _PEOPLE:
            glimpsed = [p for p in self._see(self._without(picture, people), tiles) if p.confidence >= GLIMPSED]
            seeds = [seed for person in glimpsed for seed in _seeds(person)]
            for _ in range(3):
                closer = self._see(picture, seeds)
                glimpsed = [*glimpsed, *closer]
                seeds = [square for person in closer if (square := square_around(person)) is not None]
            # A closer look may fail where the first one did not, so all count.
            sure = [person for person in glimpsed if _is_somebody(person, smallest)]
            more = _distinct([*people, *sorted(sure, key=lambda person: -person.confidence)])
            if len(more) == len(people):
                break
            people = more
        return people

    def _see(self, picture: UInt8[ndarray, "height width 3"], squares: Sequence[Square]) -> list[Person]:
        """Return what the network finds in each square."""
        if not squares:
            return []
        maps = [square.net_from_px(self._size) for square in squares]
        pixels, scores = self._find(np.stack([resampled(picture, at, self._size) for at in maps]))
        return [
            Person(mapped(inverse(at), found.astype(np.float64)).astype(np.float32), score)
            for at, found, score in zip(maps, pixels, scores, strict=True)
        ]

    def _without(
        self, picture: UInt8[ndarray, "height width 3"], people: list[Person]
    ) -> UInt8[ndarray, "height width 3"]:
        """Return a picture in which people are painted over, so that others attract the network."""
        if not people:
            return picture
        picture = picture.copy()
        for person in people:
            square = square_around(person)
            width = max(1, round(_LIMB * square.side)) if square is not None else 1
            for one, other in self._bones:
                if min(person.score[one], person.score[other]) >= SURE:
                    ends = np.clip(np.round(person.pixels[[one, other]]), -32768, 32767).astype(int).tolist()
                    cv2.line(picture, ends[0], ends[1], (BEYOND, BEYOND, BEYOND), width)
        return picture


def _is_somebody(person: Person, smallest: float) -> bool:
    square = square_around(person)
    return person.confidence >= ACCEPTED and square is not None and square.side >= smallest


def _seeds(person: Person) -> list[Square]:
    """Return where to look closer: around all that was found, and nearer to its middle in case that was two people."""
    square = square_around(person)
    if square is None:
        return []
    middle = np.median(person.pixels[person.score >= SURE], axis=0).astype(np.float64)
    return [square, Square(middle, 0.75 * square.side, square.turn)]


def _distinct(people: list[Person]) -> list[Person]:
    """Return people once each; who comes first counts."""
    kept: list[Person] = []
    for person in people:
        if known_share(person, kept) < SAME:
            kept.append(person)
    return kept


def _size_wh(picture: UInt8[ndarray, "height width 3"]) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]
