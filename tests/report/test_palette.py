"""Colours of sides are told apart by people of any colour vision, on light and on dark paper, and without colours."""

from itertools import combinations

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from epipose.report.palette import LEFT, MIDDLE, PALE, RIGHT, rgb

SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Of Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB."""
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
"""sRGB to XYZ, and D65."""
APART, FROM_MIDDLE = 45.0, 18.0
"""CIEDE2000 between the sides, and between each and the middle; two patches side by side differ from about 2 on."""


@pytest.mark.parametrize("sight", SIGHT)
def test_sides_are_told_apart_with_any_colour_vision(sight: str) -> None:
    left, right, middle, pale = (lab(linear(colour) @ SIGHT[sight].T) for colour in (LEFT, RIGHT, MIDDLE, PALE))
    assert difference(left, right) >= APART
    for side, between in ((left, middle), (right, middle), (left, pale), (right, pale)):
        assert difference(side, between) >= FROM_MIDDLE
    # Without hues: left is the lighter, and what is drawn on photographs has three tones.
    assert left[0] - right[0] >= 3
    assert pale[0] - left[0] >= 10


def test_in_grey_left_is_lighter_than_right() -> None:
    assert lab(linear(LEFT))[0] - lab(linear(RIGHT))[0] >= 9


@pytest.mark.parametrize("paper", ["#ffffff", "#14171b"])
def test_lines_are_seen_on_light_and_on_dark_paper(paper: str) -> None:
    ground = XYZ[1] @ linear(paper)
    for colour in (LEFT, RIGHT, MIDDLE):
        darker, lighter = sorted((ground, XYZ[1] @ linear(colour)))
        assert (lighter + 0.05) / (darker + 0.05) >= 3, "as WCAG asks of graphics"


def test_the_difference_is_that_of_its_published_examples() -> None:
    for one, other, expected in (  # Sharma, Wu and Dalal (2005), table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ):
        assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)
        assert difference(np.array(other), np.array(one)) == pytest.approx(expected, abs=1e-4)
    for colour, lightness in (("#ffffff", 100.0), ("#000000", 0.0), ("#777777", 50.03)):
        assert lab(linear(colour)) == pytest.approx([lightness, 0, 0], abs=0.02)


def test_the_sight_of_greys_is_usual() -> None:
    for one, other in combinations(SIGHT.values(), 2):
        np.testing.assert_allclose(one.sum(axis=1), other.sum(axis=1), atol=1e-5)


def linear(colour: str) -> Float[ndarray, "3"]:
    stored = np.array(rgb(colour)) / 255
    return np.asarray(np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4))


def lab(light: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    ratio = XYZ @ np.clip(light, 0, 1) / WHITE
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: Float[ndarray, "3"], other: Float[ndarray, "3"]) -> float:
    """Return CIEDE2000 between two colours in CIELAB."""
    both = np.stack([one, other])
    chroma = np.hypot(both[:, 1], both[:, 2]).mean()
    a = both[:, 1] * (1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25**7)))
    chromas, hues = np.hypot(a, both[:, 2]), np.degrees(np.arctan2(both[:, 2], a)) % 360
    lightness, chroma = both[:, 0].mean(), chromas.mean()
    turn = (hues[1] - hues[0] + 180) % 360 - 180 if chromas.all() else 0.0
    hue = np.radians(hues[0] + turn / 2 if chromas.all() else hues.sum())
    steps = np.array([both[1, 0] - both[0, 0], chromas[1] - chromas[0], 2 * np.sqrt(chromas.prod())])
    steps[2] *= np.sin(np.radians(turn) / 2)
    t = 1 - 0.17 * np.cos(hue - np.radians(30)) + 0.24 * np.cos(2 * hue)
    t += 0.32 * np.cos(3 * hue + np.radians(6)) - 0.20 * np.cos(4 * hue - np.radians(63))
    weight = (lightness - 50) ** 2
    scales = np.array([1 + 0.015 * weight / np.sqrt(20 + weight), 1 + 0.045 * chroma, 1 + 0.015 * chroma * t])
    bend = np.radians(60 * np.exp(-((((np.degrees(hue) % 360) - 275) / 25) ** 2)))
    mixed = -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7)) * np.sin(bend)
    light, colour, tint = steps / scales
    return float(np.sqrt(light**2 + colour**2 + tint**2 + mixed * colour * tint))
