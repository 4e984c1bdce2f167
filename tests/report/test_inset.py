"""The inset goes where it hides nobody, stays there, and leaves the picture outside its rounded edge alone."""

import numpy as np
import pytest

from epipose.report.drawing import limbs
from epipose.report.inset import Inset
from tests.report.test_overlay import shown
from tests.runtime.discs import SKELETON, person

SIZE = (480, 640)


def changed(inset: Inset, place: tuple[float, float, float]) -> tuple[float, float]:
    """Return the middle (x, y) of what the inset covers."""
    picture = np.full((*SIZE, 3), 200, np.uint8)
    one = shown(person(place))
    inset.paint(picture, [one], [one.pixels], 0.0)
    rows, columns = np.nonzero((picture != 200).any(axis=-1))
    return float(np.ptp(columns) / 2 + columns.min()), float(np.ptp(rows) / 2 + rows.min())


@pytest.mark.parametrize(("place", "right", "below"), [((0, 0, 5.0), True, True), ((1.5, 0.8, 4.0), False, True)])
def test_it_goes_where_nobody_is_and_stays(place: tuple[float, float, float], right: bool, below: bool) -> None:
    inset = Inset(SKELETON, limbs(SKELETON), placed=True)
    x, y = changed(inset, place)
    assert (x > SIZE[1] / 2, y > SIZE[0] / 2) == (right, below)
    assert changed(inset, (-place[0], -place[1], place[2])) == (x, y)


def test_its_corners_are_round() -> None:
    picture = np.full((*SIZE, 3), 200, np.uint8)
    one = shown(person((0, 0, 5.0)))
    Inset(SKELETON, limbs(SKELETON), placed=True).paint(picture, [one], [one.pixels], 0.0)
    rows, columns = np.nonzero((picture != 200).any(axis=-1))
    top, left, bottom, right = rows.min(), columns.min(), rows.max(), columns.max()
    assert bottom - top == right - left
    for y in (top, bottom):
        for x in (left, right):
            assert (picture[y, x] == 200).all()
    assert (picture[top + 12, left + 12] < 60).all()
