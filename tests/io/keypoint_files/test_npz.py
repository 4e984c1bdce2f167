"""Our own keypoint file gives back what was written, and refuses anything damaged by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.arrays import read_arrays
from epipose.io.keypoint_files import read_keypoints
from epipose.io.keypoint_files.npz import read_fingerprint, write_npz
from epipose.pose.conversion import body_joints
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton, load_skeleton
from tests.io.keypoint_files.damage import assert_refused_or_read, damaged
from tests.recordings import balancing_keypoints


@pytest.fixture
def keypoints() -> Keypoints:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 1000, (5, 2, 17, 2)).astype(np.float32)
    score = rng.uniform(0, 1, (5, 2, 17)).astype(np.float32)
    return Keypoints(pixels, score, np.arange(5) / 29.97, load_skeleton("coco17"), (1920, 1080))


def assert_same(a: Keypoints, b: Keypoints) -> None:
    np.testing.assert_array_equal(a.pixels, b.pixels)
    np.testing.assert_array_equal(a.score, b.score)
    np.testing.assert_array_equal(a.times, b.times)
    assert a.skeleton == b.skeleton
    assert a.image_size_wh == b.image_size_wh
    assert a.pixels.dtype == b.pixels.dtype == np.float32


def test_round_trip_is_exact(tmp_path: Path, keypoints: Keypoints) -> None:
    write_npz(tmp_path / "a.npz", keypoints, fingerprint="made of this")
    assert_same(read_keypoints(tmp_path / "a.npz"), keypoints)
    assert read_fingerprint(tmp_path / "a.npz") == "made of this"
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_custom_and_reduced_skeletons_survive(tmp_path: Path, keypoints: Keypoints) -> None:
    reduced = keypoints.select(body_joints(keypoints.skeleton))
    rat = Skeleton("rat", ("snout", "tail"), (None, "snout"), ())
    custom = replace(keypoints, pixels=keypoints.pixels[:, :, :2], score=keypoints.score[:, :, :2], skeleton=rat)
    for value in (reduced, custom):
        write_npz(tmp_path / "b.npz", value)
        assert_same(read_keypoints(tmp_path / "b.npz"), value)


def test_real_recording_survives(tmp_path: Path, shared: Path) -> None:
    for view, keypoints in balancing_keypoints(shared).items():
        write_npz(tmp_path / f"{view}.npz", keypoints)
        assert_same(read_keypoints(tmp_path / f"{view}.npz"), keypoints)


def test_bare_names_of_another_program_are_understood(tmp_path: Path, keypoints: Keypoints) -> None:
    names = [f"{n.removeprefix('left_')}.L" if n.startswith("left_") else n for n in keypoints.skeleton.joint_names]
    arrays = {key: getattr(keypoints, key)[:, :, ::-1] for key in ("pixels", "score")}
    np.savez(tmp_path / "c.npz", joint_names=names[::-1], times=keypoints.times, image_size_wh=(1920, 1080), **arrays)
    assert_same(read_keypoints(tmp_path / "c.npz"), keypoints)


def test_joints_come_in_the_wanted_order(tmp_path: Path, keypoints: Keypoints) -> None:
    shuffled = keypoints.select(keypoints.skeleton.joint_names[::-1])
    write_npz(tmp_path / "d.npz", replace(shuffled, skeleton=replace(shuffled.skeleton, name="odd")))
    assert_same(read_keypoints(tmp_path / "d.npz", skeleton="coco17"), keypoints)
    with pytest.raises(InputError, match=r"d\.npz.*pelvis"):
        read_keypoints(tmp_path / "d.npz", skeleton="h36m17")


def test_not_a_number_becomes_score_0(tmp_path: Path, keypoints: Keypoints) -> None:
    arrays = {key: getattr(keypoints, key).copy() for key in ("pixels", "score", "times")}
    arrays["pixels"][1, 0, 3, 0] = np.nan
    arrays["score"][2, 1, 4] = np.inf
    np.savez(tmp_path / "e.npz", joint_names=keypoints.skeleton.joint_names, image_size_wh=(9, 9), **arrays)
    read = read_keypoints(tmp_path / "e.npz")
    assert read.score[1, 0, 3] == read.score[2, 1, 4] == 0
    assert np.all(np.isfinite(read.pixels))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"pixels": np.zeros((5, 2, 16, 2))}, "pixels"),
        ({"pixels": np.array("many")}, "numbers"),
        ({"joint_names": np.array(["nose"])}, "skeleton"),
        ({"times": np.zeros(5)}, "rise"),
        ({"times": np.full(5, np.nan)}, "finite"),
        ({"image_size_wh": np.array([0, 5])}, "size"),
        ({"format_version": np.array(99)}, "newer"),
        ({"pairs": np.array([["left_ear", "tail"]])}, "tail"),
        ({"pixels": np.array([{}], dtype=object)}, "NPZ"),
    ],
)
def test_wrong_content_is_refused_by_name(
    tmp_path: Path, keypoints: Keypoints, change: dict[str, np.ndarray], word: str
) -> None:
    write_npz(tmp_path / "f.npz", keypoints)
    arrays = read_arrays(tmp_path / "f.npz") | {"skeleton": np.array("other")} | change
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(InputError, match=rf"f\.npz.*{word}"):
        read_keypoints(tmp_path / "f.npz")


def test_missing_parts_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "g.npz", pixels=np.zeros((1, 1, 17, 2)))
    with pytest.raises(InputError, match=r"g\.npz.*lacks score, times, joint_names"):
        read_keypoints(tmp_path / "g.npz")
    with pytest.raises(InputError, match=r"no keypoint file or folder .*nowhere\.npz"):
        read_keypoints(tmp_path / "nowhere.npz")
    (tmp_path / "h.txt").write_text("hello")
    with pytest.raises(InputError, match=r"h\.txt is of no known keypoint format"):
        read_keypoints(tmp_path / "h.txt")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.npz"
    keypoints = Keypoints(
        np.ones((2, 1, 2, 2), np.float32),
        np.ones((2, 1, 2), np.float32),
        np.arange(2.0),
        Skeleton("two", ("a", "b"), (None, "a"), ()),
        (4, 4),
    )
    write_npz(path, keypoints)
    if data.draw(st.booleans()):
        np.savez_compressed(path, **read_arrays(path))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    assert_refused_or_read(path)
