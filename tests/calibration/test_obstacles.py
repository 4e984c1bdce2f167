"""Discs are found where they are, in rooms of the studio and in noise; where there are none, none is found."""

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.obstacles import Disc, background_picture, changed, covered, disc_mask, find_discs, hides
from epipose.errors import InputError
from epipose.studio.room_views import room_view

DISC = Disc((210.0, 160.0), 62.0)


def room(seed: int, discs: tuple[Disc, ...] = (DISC,)) -> ndarray:
    picture = room_view(np.random.default_rng(seed), 384)
    for number, disc in enumerate(discs):
        colour = [(40, 30, 25), (220, 215, 205)][number % 2]
        cv2.circle(picture, [round(c) for c in disc.middle], round(disc.radius), colour, -1, cv2.LINE_AA)
    return picture


def test_discs_are_found_in_rooms() -> None:
    found = [find_discs(room(seed)) for seed in range(12)]
    near = [
        any(np.hypot(d.middle[0] - 210, d.middle[1] - 160) < 6 and abs(d.radius - 62) < 6 for d in one) for one in found
    ]
    assert np.mean(near) >= 0.8


def test_rooms_without_discs_have_none() -> None:
    assert sum(len(find_discs(room(seed, ()))) > 0 for seed in range(12)) <= 2


def test_the_background_is_what_stays() -> None:
    still = room(3)
    rng = np.random.default_rng(0)
    frames = []
    for index in range(30):
        frame = np.clip(still + rng.normal(0, 6, still.shape), 0, 255).astype(np.uint8)
        cv2.rectangle(frame, (10 * index, 40), (10 * index + 60, 340), (200, 40, 90), -1)
        frames.append(frame)
    background = background_picture(iter(frames), len(frames))
    assert np.abs(background.astype(int) - still).mean() < 4
    # Of a longer video only some frames are taken: here every second, which are those without the wall's stain.
    stained = [frame if index % 2 == 0 else frame // 2 for index, frame in enumerate(frames * 3)]
    np.testing.assert_array_equal(
        background_picture(iter(stained), len(stained)), np.median(np.stack(stained[::2]), axis=0).astype(np.uint8)
    )
    with pytest.raises(InputError, match="without frames"):
        background_picture([], 0)


def test_masks_and_points_agree() -> None:
    discs = (DISC, Disc((30.0, 300.0), 20.0))
    mask = disc_mask(discs, (384, 320))
    rows, columns = np.mgrid[:320, :384]
    np.testing.assert_array_equal(covered(discs, np.stack([columns, rows], axis=-1).astype(float)), mask)
    assert mask.sum() == pytest.approx(np.pi * 62**2 + np.pi * 20**2, rel=0.02)


def walk(*, before: bool, disc: Disc = DISC, reach: float = 150.0) -> tuple[list[ndarray], list[ndarray]]:
    """Return where 20 frames differ from their background, and joints, of a person who passes before or behind."""
    still, rng = room(5, (disc,)), np.random.default_rng(0)
    differences, joints = [], []
    for share in np.linspace(-1, 1, 20):
        left = disc.middle[0] + reach * share
        frame = np.clip(still + rng.normal(0, 5, still.shape), 0, 255).astype(np.uint8)
        cv2.rectangle(frame, [round(left) - 20, 60], [round(left) + 20, 300], (190, 60, 110), -1)
        if not before:
            inside = disc_mask([disc], (384, 384))
            frame[inside] = still[inside]
        differences.append(changed(frame, still))
        joints.append(np.array([[left, height] for height in range(80, 300, 40)]))
    return differences, joints


def test_a_disc_before_people_hides_them_and_one_behind_does_not() -> None:
    assert hides(DISC, *walk(before=False))
    assert not hides(DISC, *walk(before=True))


def test_a_hand_before_a_large_disc_is_enough_to_tell_that_it_is_behind() -> None:
    still, rng = room(5), np.random.default_rng(0)
    differences, joints = [], []
    for middle in np.array(DISC.middle) + rng.uniform(-25, 25, (20, 2)):
        frame, hand = still.copy(), np.round(middle).astype(int)
        left, top = hand.tolist()
        cv2.rectangle(frame, [left - 5, top - 8], [left + 5, top + 8], (230, 180, 160), -1)
        differences.append(changed(frame, still))
        joints.append(middle[None])
    assert not hides(DISC, differences, joints)


def test_a_disc_where_nobody_is_hides_nobody() -> None:
    differences, joints = walk(before=False)
    assert not hides(Disc((340.0, 340.0), 20.0), differences, joints)
    assert not hides(DISC, differences, [points + np.array([0, 500]) for points in joints])


def test_the_head_of_somebody_who_stands_still_is_no_obstacle() -> None:
    """The background shows it, round and all; but it moves a little, as heads do."""
    head, rng = Disc((200.0, 120.0), 30.0), np.random.default_rng(0)
    still, frames = room(5, ()), []
    for sway in rng.normal(0, 5, (20, 2)):
        frame = still.copy()
        middle = np.round(np.array(head.middle) + sway).astype(int)
        cv2.circle(frame, middle.tolist(), 30, (200, 150, 120), -1)
        cv2.circle(frame, (middle - [0, 12]).tolist(), 22, (60, 40, 30), -1)
        frames.append(frame)
    background = background_picture(iter(frames), len(frames))
    differences = [changed(frame, background) for frame in frames]
    joints = [np.array(head.middle) + np.array([[0, 0], [8, 2], [-8, 2]]) for _ in frames]
    assert not hides(head, differences, joints)


def test_discs_are_where_they_are_in_resized_pictures() -> None:
    large = disc_mask([DISC.scaled(2.0)], (768, 768)).astype(np.float32)
    small = cv2.resize(large, (384, 384), interpolation=cv2.INTER_AREA)
    assert np.mean((small > 0.5) != disc_mask([DISC], (384, 384))) < 1e-3
    assert DISC.scaled(2.0).radius == 124
    # The picture's corner, which is its first pixel's, stays where it is.
    assert Disc((-0.5, -0.5), 3.0).scaled(2.0).middle == (-0.5, -0.5)
