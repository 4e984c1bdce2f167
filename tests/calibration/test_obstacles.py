"""Discs are found where they are, in rooms of the studio and in noise; where there are none, none is found."""

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.obstacles import Disc, background_picture, covered, disc_mask, find_discs
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
