"""Pictures come straight, at the right moment, and the newest wish wins."""

from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.io.pictures import write_png
from epipose.viewer.pictures import Picture, PictureLoader, Straightener, Wish
from epipose.viewer.recording import FilmedView
from tests.io.made_videos import write_video
from tests.waiting import until

LENS = BrownConrady((140.0, 138.0), (82.0, 45.0), (-0.25, 0.06, 0.001, -0.002, 0.0))
CAMERA = Camera(LENS, Rigid.identity(), (160, 96))
PLAIN = Camera(Pinhole((140.0, 138.0), (79.5, 47.5)), Rigid.identity(), (160, 96))


class Seen:
    """What a loader showed, and what it complained of."""

    def __init__(self, view: FilmedView) -> None:
        self.pictures: list[Picture] = []
        self.complaints: list[str] = []
        self._came = Event()
        self.loader = PictureLoader(view, self._show, self._complain)

    def _show(self, picture: Picture) -> None:
        self.pictures.append(picture)
        self._came.set()

    def _complain(self, sentence: str) -> None:
        self.complaints.append(sentence)
        self._came.set()

    def after(self, time: float, longest_px: int = 160) -> Picture:
        self._came.clear()
        self.loader.want(Wish(time, longest_px))
        assert self._came.wait(10)
        return self.pictures[-1]


def number(picture: Picture) -> int:
    """Return which frame of a made video is shown: its middle brightens by 5 from frame to frame."""
    return round(float(picture[picture.shape[0] // 2, picture.shape[1] // 2].mean()) / 5)


def test_straightening_is_what_opencv_does() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (96, 160, 3), np.uint8), (0, 0), 2)
    expected = cv2.undistort(picture, LENS.matrix, np.array(LENS.coefficients))
    found = Straightener(CAMERA)(picture)
    assert np.abs(found.astype(int) - expected)[4:-4, 4:-4].max() <= 2
    smaller = Straightener(CAMERA)(cv2.resize(picture, (80, 48), interpolation=cv2.INTER_AREA))
    again = cv2.resize(found, (80, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(smaller.astype(int) - again)[4:-4, 4:-4].mean() < 2
    assert Straightener(PLAIN)(picture) is picture


def test_a_video_is_shown_at_the_moments_asked_for(tmp_path: Path) -> None:
    seen = Seen(FilmedView("cam", PLAIN, write_video(tmp_path / "a.mp4", 40), 0.0, None))
    for time, frame in ((0.0, 0), (1.0, 30), (0.5, 15), (99.0, 39)):
        assert number(seen.after(time)) == frame
    assert seen.after(0.2, 80).shape == (48, 80, 3)
    seen.loader.close()


def test_recorded_times_come_before_those_of_the_video(tmp_path: Path) -> None:
    times = np.arange(40) / 10 + 5.0
    seen = Seen(FilmedView("cam", PLAIN, write_video(tmp_path / "a.mp4", 40), 0.0, times))
    assert number(seen.after(6.55)) == 15
    seen.loader.close()


def test_a_folder_of_pictures_is_a_video_too(tmp_path: Path) -> None:
    for index in range(5):
        write_png(tmp_path / f"{index}.png", np.full((96, 160, 3), 5 * index, np.uint8))
    seen = Seen(FilmedView("cam", PLAIN, tmp_path, 0.0, np.arange(5) / 25))
    assert number(seen.after(0.09)) == 2
    seen.loader.close()


def test_nobody_waits_for_pictures_that_nobody_wants_any_more(tmp_path: Path) -> None:
    seen = Seen(FilmedView("cam", PLAIN, write_video(tmp_path / "a.mp4", 40), 0.0, None))
    seen.after(0.0)
    for index in range(2000):
        seen.loader.want(Wish(index % 40 / 30, 160))
    seen.loader.want(Wish(1.0, 160))
    until(lambda: number(seen.pictures[-1]) == 30)
    assert len(seen.pictures) < 1000
    seen.loader.close()


def test_the_same_picture_is_not_sent_twice(tmp_path: Path) -> None:
    seen = Seen(FilmedView("cam", PLAIN, write_video(tmp_path / "a.mp4", 10), 0.0, None))
    seen.after(0.0)
    seen.loader.want(Wish(0.01, 160))
    seen.after(0.1)
    seen.loader.close()
    assert [number(picture) for picture in seen.pictures] == [0, 3]


def test_what_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    seen = Seen(FilmedView("cam", PLAIN, tmp_path / "broken.mp4", 0.0, None))
    seen.loader.want(Wish(0.0, 160))
    seen.loader.close()
    assert len(seen.complaints) == 1
    assert "broken.mp4" in seen.complaints[0]
    with pytest.raises(IndexError):
        _ = seen.pictures[0]
