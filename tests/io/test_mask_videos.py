"""Laws of mask videos: labels survive exactly, a failed writing leaves nothing, damage is named."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.mask_videos import boxes_of, mask_path, mask_writer, read_masks
from tests.io.keypoint_files.damage import damaged
from tests.io.made_videos import write_video


def frames(size_wh: tuple[int, int], count: int) -> list[ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, size_wh[::-1], np.uint8) for _ in range(count)]


def write(path: Path, labels: list[ndarray], rate: Fraction = Fraction(25)) -> Path:
    height, width = labels[0].shape
    with mask_writer(path, (width, height), rate) as append:
        for one in labels:
            append(one)
    return path


@pytest.mark.parametrize("size_wh", [(64, 48), (63, 37), (1080, 20)])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_labels_survive_exactly(tmp_path: Path, size_wh: tuple[int, int], rate: Fraction) -> None:
    labels = frames(size_wh, 7)
    back = list(read_masks(write(mask_path(tmp_path / "truth", "cam 1"), labels, rate)))
    assert len(back) == 7
    for one, other in zip(labels, back, strict=True):
        np.testing.assert_array_equal(one, other)


def test_masks_of_one_person_are_small(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:360, :640]
    labels = [(((columns - 200 - k) / 60) ** 2 + ((rows - 180) / 140) ** 2 < 1).astype(np.uint8) for k in range(25)]
    assert write(tmp_path / "a.mkv", labels).stat().st_size < 25 * 800


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", frames((32, 16), 2))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="does not fit"):
        write(path, [np.zeros((16, 32), np.uint8), np.zeros((8, 32), np.uint8)])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mkv"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="masks"), mask_writer(tmp_path / "file" / "masks", (2, 2), Fraction(1)):
        pass


def test_what_is_no_mask_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        list(read_masks(tmp_path / "a.mkv"))
    (tmp_path / "a.mkv").write_bytes(b"not a video")
    with pytest.raises(InputError, match=r"a\.mkv is damaged"):
        list(read_masks(tmp_path / "a.mkv"))
    with pytest.raises(InputError, match="no video of labels"):
        list(read_masks(write_video(tmp_path / "b.mp4", 3)))


def test_damaged_names_in_a_file_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", frames((64, 48), 3))
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xff\xfe\xfd\xfc"))
    assert len(list(read_masks(path))) == 3


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_scratched_masks_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = write(tmp_path_factory.mktemp("fuzz") / "a.mkv", frames((64, 48), 3))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    try:
        read = list(read_masks(path))
    except InputError as error:
        message = str(error)
    else:
        message = path.name
        assert all(labels.dtype == np.uint8 for labels in read)
    assert path.name in message


def test_boxes_hold_the_outermost_pixels() -> None:
    labels = np.zeros((20, 30), np.uint8)
    labels[4:9, 7:12] = 2
    labels[18, 29] = 2
    np.testing.assert_array_equal(boxes_of(labels, 3), [[0, 0, 0, 0], [7, 4, 29, 18], [0, 0, 0, 0]])
