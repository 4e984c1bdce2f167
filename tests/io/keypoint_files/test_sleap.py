"""SLEAP's analysis files in both of their axis orders."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.keypoint_files import read_keypoints
from epipose.pose.keypoints import Keypoints
from tests.io.keypoint_files.damage import assert_refused_or_read, damaged

NODES = ("nose", "left_wrist", "right_wrist", "prop")


def contents(tracks: int = 2, frames: int = 5) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 500, (tracks, 2, len(NODES), frames))
    score = rng.uniform(0.2, 1, (tracks, len(NODES), frames))
    pixels[-1, :, :, 2] = score[-1, :, 2] = np.nan
    names = np.array([f"track_{number}" for number in range(tracks)], dtype="S")
    return {
        "tracks": pixels,
        "point_scores": score,
        "node_names": np.array(NODES, dtype="S"),
        "track_names": names,
        "track_occupancy": np.ones((frames, tracks), np.uint8),
    }


def write(path: Path, arrays: dict[str, Any]) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def read(path: Path) -> Keypoints:
    return read_keypoints(path, frame_rate=50.0, image_size_wh=(640, 480))


@pytest.mark.parametrize(("tracks", "frames"), [(1, 5), (2, 5), (3, 2), (2, 2)])
def test_both_axis_orders_give_the_same_people(tmp_path: Path, tracks: int, frames: int) -> None:
    arrays = contents(tracks, max(frames, 3))
    a = read(write(tmp_path / "a.h5", arrays))
    turned = {
        "tracks": arrays["tracks"].transpose(3, 0, 2, 1),
        "point_scores": arrays["point_scores"].transpose(2, 0, 1),
    }
    b = read(write(tmp_path / "b.h5", arrays | turned))
    np.testing.assert_array_equal(a.pixels, b.pixels)
    np.testing.assert_array_equal(a.score, b.score)
    np.testing.assert_allclose(a.pixels[1, 0], arrays["tracks"][0, :, :, 1].T, rtol=1e-6)
    assert not a.score[2, -1].any()
    assert a.skeleton.joint_names == NODES
    assert a.skeleton.pairs == (("left_wrist", "right_wrist"),)


def test_points_without_score_were_labelled_by_hand(tmp_path: Path) -> None:
    arrays = contents()
    arrays["point_scores"][0, 1, 0] = np.nan
    assert read(write(tmp_path / "c.h5", arrays)).score[0, 0, 1] == 1
    del arrays["point_scores"], arrays["track_names"]
    assert read(write(tmp_path / "d.h5", arrays)).score[0, 0, 0] == 1


def test_names_of_any_length_are_read(tmp_path: Path) -> None:
    """SLEAP pads names to one length; others write strings of their own length."""
    arrays = contents() | {"node_names": [node.encode() for node in NODES]}
    assert read(write(tmp_path / "g.h5", arrays)).skeleton.joint_names == NODES


def test_wrong_content_is_refused_by_name(tmp_path: Path) -> None:
    for change in ({"node_names": [b"one"]}, {"node_names": 3}, {"tracks": np.zeros(4)}, {"tracks": [b"x"]}):
        with pytest.raises(InputError, match=r"e\.h5"):
            read(write(tmp_path / "e.h5", contents() | change))
    with pytest.raises(InputError, match=r"f\.h5 is of no known keypoint format"):
        read(write(tmp_path / "f.h5", {"something": 1}))


def test_huge_size_in_a_small_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "h.h5", contents())
    with h5py.File(path, "r+") as file:
        del file["tracks"], file["point_scores"]
        file.create_dataset("tracks", shape=(2, 2, 4, 1_000_000), chunks=(1, 1, 1, 1000), dtype=float)
    with pytest.raises(InputError, match=r"h\.h5 is damaged"):
        read(path)


# Always the same damage: the HDF5 library itself can loop for ever on damage to strings that have their own length.
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write(tmp_path_factory.mktemp("fuzz") / "x.h5", contents())
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    assert_refused_or_read(path)
