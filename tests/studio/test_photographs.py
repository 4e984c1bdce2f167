from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.studio.light import Light
from epipose.studio.photographs import Photographs, room_view
from epipose.studio.textures import linear_from_stored

LAMP = Light(towards=(0.6, 0.0, 0.8), key=(0.5, 0.5, 0.5), above=(0.6, 0.6, 0.6), below=(0.3, 0.3, 0.3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures: a flat one, and a wide one whose red grows to the right."""
    wide = np.zeros((60, 200, 3), np.uint8)
    wide[..., 2] = np.linspace(0, 255, 200).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), np.full((50, 50, 3), 120, np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), wide)
    return tmp_path


def camera() -> Camera:
    """Return a level camera 1.5 m above the floor that looks along Y."""
    turn = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    return Camera(Pinhole((60.0, 60.0), (39.5, 29.5)), Rigid.from_centre(turn, np.array([0.0, -4.0, 1.5])), (80, 60))


def test_pictures_are_cut_around_the_middle_and_given_out_in_turn(folder: Path) -> None:
    photographs = Photographs.of(folder)
    red = photographs.look_pixels(1, (80, 60))[30, :, 0]
    stored = np.linspace(0, 255, 200).astype(np.uint8)[60:140]
    np.testing.assert_allclose(red, linear_from_stored(stored), atol=1e-6)
    grey = linear_from_stored(np.array(120, np.uint8))
    np.testing.assert_allclose(photographs.look_pixels(2, (33, 90)), np.full((90, 33, 3), grey), atol=1e-6)


def test_a_picture_has_a_floor_below_the_horizon(folder: Path) -> None:
    photographs = Photographs.of(folder)
    background = photographs.background(0, camera(), LAMP)
    whole = torch.from_numpy(photographs.look_pixels(0, (80, 60)))
    torch.testing.assert_close(background.ambient + background.key, whole)
    assert float(background.key[:29].abs().max()) == 0.0
    # Of the light on a floor, 0.5 x 0.8 comes from the lamp and 0.6 from all around.
    torch.testing.assert_close(background.key[35:] / whole[35:], torch.full((25, 80, 3), 0.4))
    pixels, seen = camera().project(background.points[35:].double().numpy())
    assert seen.all()
    column, row = np.meshgrid(np.arange(80), np.arange(35, 60))
    np.testing.assert_allclose(pixels, np.stack([column, row], axis=-1), atol=1e-3)
    np.testing.assert_allclose(background.points[35:, :, 2], 0.0, atol=1e-5)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="no pictures"):
            Photographs.of(path)


def test_views_of_rooms_follow_from_the_seed_and_show_something() -> None:
    spread = []
    for seed in range(12):
        one, two = (room_view(np.random.default_rng(seed), 64) for _ in range(2))
        np.testing.assert_array_equal(one, two)
        spread.append(one.std())
    assert np.median(spread) > 15
