"""Whatever is asked for in whatever order, a video shows what it shows when it is read from its beginning."""

from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io import video_seeking
from epipose.io.video_seeking import SeekableVideo
from epipose.io.videos import Frame, probe, read_frames, timed_pictures
from tests.io.made_videos import DISPLAY, set_display_matrix, write_video

GOP = 12


def same(frame: Frame, read: Frame) -> None:
    assert frame.time == pytest.approx(read.time, abs=1e-9)
    # libswscale rounds chroma differently when it is told how to interpolate.
    assert np.abs(frame.image.astype(int) - read.image).mean() < 2


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp4", "libx264", Fraction(30)),
        ("a.mov", "libx264", Fraction(30000, 1001)),
        ("a.mkv", "libx264", Fraction(25)),
        ("a.webm", "libvpx-vp9", Fraction(25)),
        ("a.avi", "mpeg4", Fraction(30)),
        ("a.ts", "libx264", Fraction(25)),
    ],
)
def test_any_order_shows_what_reading_from_the_beginning_shows(
    tmp_path: Path, name: str, codec: str, rate: Fraction
) -> None:
    path = write_video(tmp_path / name, 50, codec=codec, rate=rate, gop=GOP)
    frames = list(read_frames(path))
    times = [frame.time for frame in frames]
    generator = np.random.default_rng(3)
    asked = [0.0, *generator.uniform(0, times[-1], 25), *np.sort(generator.uniform(0, times[-1], 25)), *times[::-1]]
    with SeekableVideo(path) as video:
        assert video.size_wh == (160, 96)
        for time in asked:
            same(video.at(time), frames[max(bisect_right(times, time + 1e-6) - 1, 0)])
        same(video.at(-5.0), frames[0])
        same(video.at(1e6), frames[-1])
        same(video.at(0.5 * times[-1]), frames[max(bisect_right(times, 0.5 * times[-1] + 1e-6) - 1, 0)])


def test_a_leap_decodes_from_the_key_frame_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, decoded = write_video(tmp_path / "long.mp4", 240, gop=GOP), []

    def counted(*args: Any) -> Iterator[Any]:
        for item in timed_pictures(*args):
            decoded.append(item)
            yield item

    monkeypatch.setattr(video_seeking, "timed_pictures", counted)
    with SeekableVideo(path) as video:
        video.at(7.9)
        assert 0 < len(decoded) <= 30
        decoded.clear()
        video.at(7.95)
        assert len(decoded) <= 2


def test_pictures_are_upright_and_no_larger_than_asked(tmp_path: Path) -> None:
    path = set_display_matrix(write_video(tmp_path / "turned.mp4", 3), DISPLAY[90])
    read = next(read_frames(path))
    with SeekableVideo(path) as video:
        assert video.size_wh == probe(path).size_wh
        same(video.at(0.0), read)
        small = video.at(0.0, longest_px=80).image
        assert small.shape == (80, 48, 3)
        assert np.abs(small.astype(int) - read.image[::2, ::2]).mean() < 12


def test_what_is_no_video_is_said(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"no\.mp4"):
        SeekableVideo(tmp_path / "no.mp4")
    with pytest.raises(InputError, match=r"missing\.mp4"):
        SeekableVideo(tmp_path / "missing.mp4")


@pytest.mark.parametrize("name", ["cam01", "cam02"])
def test_real_footage(shared: Path, name: str) -> None:
    path = shared / "footage" / "balancing" / "videos" / f"{name}.mp4"
    frames = {frame.index: frame for frame in read_frames(path) if frame.index in (0, 40, 41, 99)}
    with SeekableVideo(path) as video:
        for index in (99, 40, 41, 0):
            same(video.at(frames[index].time), frames[index])
