"""Damaging files at random: every reader must refuse such a file by name or read it."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.keypoint_files import read_keypoints


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return `whole` with a few bytes changed, often cut short."""
    changed = bytearray(whole)
    for place, value in draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4)):
        changed[place] = value
    return bytes(changed[: draw(st.integers(0, len(whole)) | st.just(len(whole)))])


def assert_refused_or_read(path: Path) -> None:
    """Check that `path` is read as finite keypoints or refused by an error that names it."""
    try:
        read = read_keypoints(path, frame_rate=30.0, image_size_wh=(640, 480))
    except InputError as error:
        message = str(error)
    else:
        message = path.name
        assert np.all(np.isfinite(read.pixels))
    assert path.name in message
