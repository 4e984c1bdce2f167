from dataclasses import replace

import cv2
import numpy as np
import pytest

from epipose.studio.camera_effects import GREY, NOISE, CameraLook, compressed

PERFECT = CameraLook(
    exposure=1.0, white=(1.0, 1.0, 1.0), saturation=1.0, contrast=0.0, vignette=0.0, defocus=0.0, resolution=1.0,
    electrons=1e12, read_noise=0.0, quality=100,
)  # fmt: skip


def scene(height: int = 90, width: int = 120) -> np.ndarray:
    """Return smooth light of all levels."""
    noise = np.random.default_rng(0).random((6, 8, 3)).astype(np.float32)
    return np.clip(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def flat(level: float, size: int = 200) -> np.ndarray:
    return np.full((size, size, 3), level, np.float32)


def test_a_perfect_camera_stores_srgb() -> None:
    light = scene()
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(PERFECT.apply(light, rng()).astype(float), expected, atol=1.01)


def test_light_beyond_white_and_below_black_is_cut_off() -> None:
    light = scene()
    light[:10], light[10:20] = 40.0, -1.0
    stored = PERFECT.apply(light, rng())
    assert np.all(stored[:10] == 255)
    assert np.all(stored[10:20] == 0)


def test_applying_leaves_the_light_as_it_is() -> None:
    light = scene()
    for seed in range(10):
        CameraLook.random(np.random.default_rng(seed)).apply(light, rng())
    np.testing.assert_array_equal(light, scene())


def test_the_same_draw_stores_the_same_picture_and_another_one_other_noise() -> None:
    look = replace(PERFECT, electrons=500.0)
    one, two = (look.apply(scene(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert np.any(one != look.apply(scene(), np.random.default_rng(4)))


def test_noise_is_as_large_as_photons_and_electronics_make_it() -> None:
    for level, look in (
        (0.4, replace(PERFECT, electrons=400.0)),
        (0.4, replace(PERFECT, read_noise=0.02)),
        (0.25, replace(PERFECT, electrons=200.0, read_noise=0.03)),
    ):
        stored = look.apply(flat(level), rng()) / 255
        light = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
        assert light.std() == pytest.approx(np.sqrt(level / look.electrons + look.read_noise**2), rel=0.05)
        assert light.mean() == pytest.approx(level, abs=2e-3)


def test_noise_of_a_large_picture_has_no_end() -> None:
    look = replace(PERFECT, electrons=100.0)
    stored = look.apply(np.full((900, 1200, 3), 0.3, np.float32), rng())
    assert stored.size > 2 * NOISE
    assert stored[:100].std() == pytest.approx(stored[-100:].std(), rel=0.05)


def test_exposure_and_white_balance_are_gains() -> None:
    look = replace(PERFECT, exposure=0.5, white=(1.0, 0.8, 1.2))
    expected = PERFECT.apply(scene() * np.array([0.5, 0.4, 0.6], np.float32), rng())
    np.testing.assert_allclose(look.apply(scene(), rng()).astype(int), expected, atol=1)


def test_without_saturation_all_is_grey() -> None:
    stored = replace(PERFECT, saturation=0.0).apply(scene(), rng())
    assert np.ptp(stored, axis=-1).max() <= 1


def test_contrast_keeps_black_middle_and_white_in_place_and_never_turns_light_to_dark() -> None:
    ramp = np.linspace(0, 1, 300, dtype=np.float32)[None, :, None].repeat(3, axis=2)
    plain, steep = (replace(PERFECT, contrast=c).apply(ramp, rng())[0, :, 0].astype(int) for c in (0.0, 0.5))
    assert np.all(np.diff(steep) >= 0)
    assert (steep[0], steep[-1]) == (0, 255)
    assert np.all(steep[plain < 120] <= plain[plain < 120])
    assert np.all(steep[plain > 135] >= plain[plain > 135])


def test_a_vignette_darkens_corners_only() -> None:
    stored = replace(PERFECT, vignette=0.3).apply(flat(0.5, 201), rng())
    open_ = PERFECT.apply(flat(0.5, 201), rng())
    assert stored[100, 100, 0] == open_[100, 100, 0]
    np.testing.assert_allclose(stored[0, 0].astype(int), PERFECT.apply(flat(0.35, 1), rng())[0, 0], atol=1)


def test_a_soft_camera_moves_nothing() -> None:
    light = np.zeros((90, 120, 3), np.float32)
    cv2.circle(light, (70, 40), 20, (1.0, 1.0, 1.0), -1)
    for look in (replace(PERFECT, resolution=0.5), replace(PERFECT, defocus=1.5)):
        stored = look.apply(light, rng())[..., 0] > 187  # half the light
        rows, columns = np.nonzero(stored)
        np.testing.assert_allclose([rows.mean(), columns.mean()], [40.0, 70.0], atol=0.2)


def test_compression_keeps_colours_in_their_channels() -> None:
    stored = PERFECT.apply(scene(96, 128), rng())
    high, low = (np.abs(compressed(stored, quality).astype(int) - stored).mean() for quality in (95, 10))
    assert high < 2.5
    assert low > 1.5 * high


def test_a_metered_camera_brings_scenes_to_a_like_brightness() -> None:
    dark, light = (PERFECT.metered(scene() * np.float32(scale)) for scale in (0.2, 0.5))
    assert dark.exposure == pytest.approx(2.5 * light.exposure, rel=1e-3)
    uniform = flat(0.3)
    assert float(np.median(uniform * PERFECT.metered(uniform).exposure)) == pytest.approx(GREY)


def test_random_cameras_are_usable() -> None:
    for seed in range(200):
        look = CameraLook.random(np.random.default_rng(seed))
        stored = look.apply(scene(), rng())
        assert stored.shape == (90, 120, 3)
        assert stored.std() > 8
