"""Recorded times come back rising, on one clock, or are refused by name and line."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.timestamps import read_timestamps


def test_times_of_each_camera_on_one_clock(tmp_path: Path) -> None:
    file = tmp_path / "timestamps.csv"
    file.write_text("cam_id,frame_time\n0,927387.5\n1,927387.25\n0,927387.0\n1,927388.25\n")
    times = read_timestamps(file)
    assert sorted(times) == ["0", "1"]
    np.testing.assert_allclose(times["0"], [0, 0.5])
    np.testing.assert_allclose(times["1"], [0.25, 1.25])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks the columns"),
        (b"port,frame_time\n0,1\n", "lacks the columns"),
        (b"cam_id,frame_time\n", "holds no times"),
        (b"cam_id,frame_time\n0,1\n0,soon\n", "line 3 of .* 'soon'"),
        (b"cam_id,frame_time\n0,nan\n", "line 2"),
        (b"cam_id,frame_time\n0\n", "line 2"),
        (b"cam_id,frame_time\n0,1\n0,1\n", "two frames of camera 0"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_unsound_files_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "timestamps.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=said) as raised:
        read_timestamps(file)
    assert "timestamps.csv" in str(raised.value)
