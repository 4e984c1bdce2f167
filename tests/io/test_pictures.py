"""Folders of pictures behave as videos do."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.pictures import picture_files, read_picture, read_pictures, write_png


def write_picture(path: Path, grey: int, shape: tuple[int, int, int] = (48, 64, 3)) -> None:
    image = np.full(shape, grey, np.uint8)
    image[..., 0] = 255  # blue in OpenCV's order
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())


def test_pictures_come_in_natural_order_as_rgb_at_the_rate(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write_picture(tmp_path / f"frame{number}.png", number)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._frame1.png").write_bytes(b"left by a Mac")
    frames = list(read_pictures(tmp_path, frame_rate=25.0))
    assert [frame.image[0, 0].tolist() for frame in frames] == [[n, n, 255] for n in (1, 2, 10)]
    np.testing.assert_allclose([frame.time for frame in frames], [0, 0.04, 0.08])
    assert len(picture_files(tmp_path)) == 3


def test_unsound_pictures_are_named(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", 1)
    write_picture(tmp_path / "2.png", 1, (50, 64, 3))
    with pytest.raises(InputError, match=r"2\.png differs in size"):
        list(read_pictures(tmp_path, frame_rate=25.0))
    for content in (b"", b"not a picture"):
        (tmp_path / "2.png").write_bytes(content)
        with pytest.raises(InputError, match=r"2\.png is not a picture"):
            list(read_pictures(tmp_path, frame_rate=25.0))


def test_a_png_is_read_again_as_it_was(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    write_png(tmp_path / "new" / "picture.png", picture)
    np.testing.assert_array_equal(read_picture(tmp_path / "new" / "picture.png"), picture)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["picture.png"]
