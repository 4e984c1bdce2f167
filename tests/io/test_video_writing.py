"""Laws of writing videos: frame rates are exact, pictures come back, and a full disk is told and leaves nothing."""

import resource
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.video_writing import h264, video_writer
from tests.io.made_videos import picture

SIZE = (160, 96)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_pictures_and_times_come_back(tmp_path: Path, rate: Fraction) -> None:
    _write(tmp_path / "new" / "a.mp4", [picture(index, SIZE) for index in range(12)], rate)
    with av.open(str(tmp_path / "new" / "a.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 12
    for index, frame in enumerate(frames):
        assert frame.pts is not None
        assert frame.time_base is not None
        assert frame.pts * frame.time_base == index / rate
        off = np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture(index, SIZE))
        assert np.median(off) <= 3


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(InputError, match=r"could not write .*a\.mp4 .*free some space"):
            _write(tmp_path / "a.mp4", [rng.integers(0, 256, (96, 160, 3), np.uint8) for _ in range(20)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def _write(path: Path, pictures: Sequence[ndarray], rate: Fraction = Fraction(25)) -> None:
    with video_writer(path, SIZE, rate, h264(4)) as append:
        for one in pictures:
            append(one)
