"""Laws of animations: so many pictures, so long, in the order of the video, and without an end."""

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.io.animation_writing import MOST_PX, animation_writer

SIZE = (320, 192)


def clock(time: float) -> np.ndarray:
    """Return a blue picture in which a white bar moves: 40 pixels a second."""
    picture = np.full((SIZE[1], SIZE[0], 3), (20, 60, 200), np.uint8)
    begin = 40 + round(40 * time)
    picture[100:140, begin : begin + 24] = 255
    return picture


def write(path: Path, rate: Fraction, times: list[float]) -> Path:
    with animation_writer(path, SIZE, rate) as take:
        for time in times:
            take(clock(time), time)
    return path


def durations(path: Path) -> tuple[list[int], int]:
    """Return how long (ms) each picture stands, and how often all are shown, from the chunks of the file alone."""
    content = path.read_bytes()
    assert content[:4] + content[8:12] == b"RIFFWEBP"
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    place, lasting, loops = 12, [], -1
    while place < len(content):
        name, length = content[place : place + 4], struct.unpack("<I", content[place + 4 : place + 8])[0]
        if name == b"ANMF":
            lasting.append(int.from_bytes(content[place + 20 : place + 23], "little"))
        if name == b"ANIM":
            loops = int.from_bytes(content[place + 12 : place + 14], "little")
        place += 8 + length + length % 2
    return lasting, loops


@pytest.mark.parametrize(
    ("rate", "frames", "pictures"),
    [(Fraction(25), 50, 30), (Fraction(30000, 1001), 60, 30), (Fraction(10), 20, 20), (Fraction(25), 200, 90)],
)
def test_it_lasts_as_long_as_the_video_but_six_seconds_at_most(
    rate: Fraction, frames: int, pictures: int, tmp_path: Path
) -> None:
    path = write(tmp_path / "new" / "a.webp", rate, [float(k / rate) for k in range(frames)])
    lasting, loops = durations(path)
    assert len(lasting) == pytest.approx(pictures, abs=1)
    assert sum(lasting) == pytest.approx(1000 * min(frames / rate, 6), abs=1000 / min(15, float(rate)))
    assert max(lasting) - min(lasting) <= 1
    assert loops == 0, "without an end"


def test_pictures_are_those_of_their_times_in_their_colours(tmp_path: Path) -> None:
    path = write(tmp_path / "a.webp", Fraction(25), [k / 25 for k in range(100)])
    read, animation = cv2.imreadanimation(str(path))
    assert read
    begins = np.cumsum([0, *animation.durations[:-1]]) / 1000
    for picture, begin in zip(animation.frames, begins, strict=True):
        np.testing.assert_allclose(picture[40, 60, 2::-1].astype(int), (20, 60, 200), atol=12)
        bar = np.flatnonzero(picture[120, :, 2] > 140)
        assert (bar.mean() - 51.5) / 40 == pytest.approx(begin, abs=0.06)


def test_times_that_are_far_apart_are_filled(tmp_path: Path) -> None:
    path = write(tmp_path / "a.webp", Fraction(25), [0.0, 0.04, 2.0, 2.04])
    assert sum(durations(path)[0]) == pytest.approx(2067, abs=70)


def test_large_pictures_become_small(tmp_path: Path) -> None:
    with animation_writer(tmp_path / "a.webp", (1080, 1920), Fraction(25)) as take:
        take(np.full((1920, 1080, 3), 90, np.uint8), 0.0)
        take(np.full((1920, 1080, 3), 200, np.uint8), 1.0)
    _, animation = cv2.imreadanimation(str(tmp_path / "a.webp"))
    assert animation.frames[0].shape[:2] == (MOST_PX, 360)
