"""What is drawn over pictures: limbs where joints are, in the colours of their sides, and nothing for nobody."""

import numpy as np
import pytest

from epipose.geometry.crop_frames import box_frame
from epipose.report.overlay import MOST_PX, Painter, shown_size
from epipose.report.palette import LEFT, RIGHT
from epipose.runtime.found import Found
from epipose.runtime.placing import Person, Placing
from epipose.runtime.sizes import usual_sizes
from tests.runtime.discs import LENS, SKELETON, disc_description, person

GREY = np.full((480, 640, 3), 90, np.uint8)


def shown(joints: np.ndarray, slot: int = 0, confidence: float = 0.9) -> Person:
    pixels, _ = LENS.project(joints)
    frame = box_frame(pixels, 160)
    placing = Placing(SKELETON, usual_sizes(disc_description(), None), LENS)
    found = Found(frame, frame.units(LENS, joints, joints[0])[0], np.full(len(SKELETON), confidence))
    return placing.person(found, shape := placing.shape(found), placing.size(shape, found.confidence), slot)


def near(picture: np.ndarray, place: np.ndarray, colour: str) -> bool:
    """Tell whether a colour is within 2 px of a place."""
    x, y = np.round(place).astype(int)
    patch = picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
    return bool((np.abs(patch - list(bytes.fromhex(colour[1:]))).max(axis=1) < 12).any())


@pytest.mark.parametrize("placed", [True, False])
def test_limbs_are_where_joints_are_in_the_colours_of_their_sides(placed: bool) -> None:
    one = shown(person((-0.5, 0.0, 4.0)))
    before = GREY.copy()
    drawn = Painter(SKELETON, placed=placed).paint(GREY, [one])
    np.testing.assert_array_equal(GREY, before)
    for side, colour, other in (("left", LEFT, RIGHT), ("right", RIGHT, LEFT)):
        middle = one.pixels[[SKELETON.index(f"{side}_{joint}") for joint in ("knee", "ankle")]].mean(axis=0)
        assert near(drawn, middle, colour)
        assert not near(drawn, middle, other)


def test_nothing_is_drawn_for_nobody_nor_for_what_is_not_known() -> None:
    painter = Painter(SKELETON, placed=True)
    np.testing.assert_array_equal(painter.paint(GREY, []), GREY)
    np.testing.assert_array_equal(painter.paint(GREY, [shown(person((0, 0, 4.0)), confidence=0.0)]), GREY)


def test_the_inset_shows_motion_in_depth_and_swings() -> None:
    corner = (slice(-180, None), slice(-180, None))
    straight, turned = (shown(person((-0.8, 0, 4.0), angle)) for angle in (0.0, 1.2))
    painter = Painter(SKELETON, placed=True)
    first = painter.paint(GREY, [straight])[corner]
    assert np.abs(first.astype(int) - painter.paint(GREY, [turned])[corner]).mean() > 1
    assert np.abs(first.astype(int) - painter.paint(GREY, [straight], 2.0)[corner]).mean() > 1
    np.testing.assert_array_equal(first, Painter(SKELETON, placed=True).paint(GREY, [straight])[corner])


def test_pictures_of_any_size_are_drawn_in_even_sizes() -> None:
    for size_wh in ((1, 1), (3, 5000), (4001, 2999), (640, 480)):
        picture = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
        drawn = Painter(SKELETON, placed=False).paint(picture, [shown(person((0, 0, 4.0)))])
        width, height = shown_size(size_wh)
        assert drawn.shape == (height, width, 3)
        assert width % 2 == height % 2 == 0
        assert max(width, height) <= MOST_PX


def test_people_far_away_from_the_picture_do_not_break_it() -> None:
    far = shown(person((300.0, 0, 4.0)))
    assert Painter(SKELETON, placed=True).paint(GREY, [far, shown(person((0, 0, 4.0)), 1)]).shape == GREY.shape
