"""Fitting calibrations to videos of another size."""

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_fit import fit_to_video
from tests.io.camera_files.rigs import rig

CAMERAS = rig()
POINTS = np.random.default_rng(1).uniform(-0.6, 0.6, (30, 3))


def calibrated_for(camera: Camera, size_wh: tuple[int, int]) -> Camera:
    return Camera(camera.lens, camera.cam_from_world, size_wh)


def test_the_same_size_is_left_alone() -> None:
    camera = CAMERAS["cam_2"]
    fitted, note = fit_to_video(camera, (1280, 720), "a")
    assert fitted is camera
    assert note is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((1088, 1920), (1080, 1920)),
        ((1920, 1088), (1920, 1080)),
        ((1080, 1920), (1088, 1920)),
        ((1921, 1081), (1920, 1080)),
    ],
)
def test_a_few_pixels_are_a_crop_that_keeps_the_left_and_top(old: tuple[int, int], new: tuple[int, int]) -> None:
    camera = calibrated_for(CAMERAS["cam_2"], old)
    fitted, note = fit_to_video(camera, new, "cam01")
    assert fitted.size_wh == new
    assert fitted.lens == camera.lens
    assert note is not None
    assert "cam01" in note
    assert all(f"{w}x{h}" in note for w, h in (old, new))


def test_the_note_says_which_edge() -> None:
    _, note = fit_to_video(calibrated_for(CAMERAS["cam_2"], (1088, 1920)), (1080, 1920), "cam01")
    assert note is not None
    assert "8 px less at the right" in note


@pytest.mark.parametrize("new", [(640, 360), (1920, 1080), (854, 480), (426, 240)])
def test_the_same_shape_is_a_resize(new: tuple[int, int]) -> None:
    for camera in CAMERAS.values():
        fitted, note = fit_to_video(camera, new, "a")
        before, valid = camera.project(POINTS)
        after, _ = fitted.project(POINTS)
        expected = (before + 0.5) * np.array(new) / camera.size_wh - 0.5
        np.testing.assert_allclose(after[valid], expected[valid], atol=1e-6)
        assert note is not None
        assert "resized" in note


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("rotation", [90, 270])
def test_a_known_quarter_turn_turns_pictures_and_cameras_alike(rotation: int, scale: int) -> None:
    for camera in CAMERAS.values():
        fitted, note = fit_to_video(camera, (720 // scale, 1280 // scale), "a", rotation=rotation)
        before, valid = camera.project(POINTS)
        after, _ = fitted.project(POINTS)
        u, v = before.T
        turned = np.stack([719 - v, u] if rotation == 90 else [v, 1279 - u], axis=-1)
        np.testing.assert_allclose(after[valid], ((turned + 0.5) / scale - 0.5)[valid], atol=1e-6)
        np.testing.assert_allclose(fitted.centre, camera.centre, atol=1e-12)
        assert np.linalg.det(fitted.cam_from_world.rotation) > 0
        assert note is not None
        assert "turned" in note


@pytest.mark.parametrize("rotation", [0, 180])
def test_an_unknown_quarter_turn_is_refused_with_the_remedy(rotation: int) -> None:
    with pytest.raises(InputError, match="turn the video"):
        fit_to_video(CAMERAS["cam_2"], (720, 1280), "a", rotation=rotation)


@pytest.mark.parametrize("new", [(1280, 960), (640, 640), (1180, 720), (1920, 1200), (640, 370)])
def test_other_shapes_are_refused(new: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"the calibration of left is for pictures of 1280x720.*calibrate"):
        fit_to_video(CAMERAS["cam_2"], new, "left")


def test_an_unknown_size_is_that_of_the_video_if_the_principal_point_allows() -> None:
    camera = calibrated_for(CAMERAS["cam_2"], (0, 0))
    fitted, note = fit_to_video(camera, (1280, 720), "a")
    assert (fitted.size_wh, fitted.lens) == ((1280, 720), camera.lens)
    assert note is not None
    with pytest.raises(InputError, match="principal point"):
        fit_to_video(camera, (3840, 2160), "a")
