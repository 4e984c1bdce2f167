"""Laws of our pose files: nothing is lost, and whatever is not one of them is named in one sentence."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.io.fingerprints import is_current
from epipose.io.pose_files import read_covariance, read_poses, write_poses
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton
from tests.bodies import moving_people, without


def _equal(a: Poses, b: Poses) -> bool:
    fields = ("positions", "uncertainty", "weight", "times")
    return a.skeleton == b.skeleton and all(np.array_equal(getattr(a, f), getattr(b, f)) for f in fields)


@pytest.mark.parametrize("shape", [(0, 1), (1, 0), (1, 1), (7, 3)])
def test_reading_gives_back_what_was_written(tmp_path: Path, shape: tuple[int, int]) -> None:
    poses = moving_people(frames=shape[0], people=shape[1])
    poses = without(poses, np.random.default_rng(0).random(poses.weight.shape) < 0.3)
    write_poses(tmp_path / "poses" / "a.npz", poses, fingerprint="abc")
    assert _equal(read_poses(tmp_path / "poses" / "a.npz"), poses)
    assert is_current(tmp_path / "poses" / "a.npz", "abc")


def test_covariance_is_kept_where_there_is_any(tmp_path: Path) -> None:
    poses = moving_people(frames=5, people=2)
    covariance = np.random.default_rng(0).random((*poses.weight.shape, 6)).astype(np.float32)
    write_poses(tmp_path / "a.npz", poses, covariance=covariance)
    assert _equal(read_poses(tmp_path / "a.npz"), poses)
    np.testing.assert_array_equal(read_covariance(tmp_path / "a.npz", poses), covariance)
    write_poses(tmp_path / "b.npz", poses)
    assert read_covariance(tmp_path / "b.npz", poses) is None


@pytest.mark.parametrize("wrong", [np.zeros((5, 1, 17, 3), np.float32), np.full((5, 2, 17, 6), np.nan), np.array("x")])
def test_covariance_that_does_not_fit_is_refused(tmp_path: Path, wrong: np.ndarray) -> None:
    poses = moving_people(frames=5, people=2)
    write_poses(tmp_path / "a.npz", poses)
    with pytest.raises(InputError, match=r"a\.npz holds covariance of a wrong type or shape"):
        read_covariance(_rewritten(tmp_path / "a.npz", covariance=wrong), poses)


def test_a_custom_skeleton_without_pairs_survives(tmp_path: Path) -> None:
    skeleton = Skeleton("wand", ("tip", "middle", "Ende ü"), (None, "tip", "middle"), ())
    one = np.ones((2, 1, 3), np.float32)
    poses = Poses(np.ones((2, 1, 3, 3), np.float32), one, one, np.array([0.0, 0.1]), skeleton)
    write_poses(tmp_path / "a.npz", poses)
    assert _equal(read_poses(tmp_path / "a.npz"), poses)


def _rewritten(path: Path, **changes: object) -> Path:
    with np.load(path) as archive:
        data = {**{key: archive[key] for key in archive.files}, **changes}
    np.savez(path, **{key: value for key, value in data.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"positions": None}, "no pose file: it lacks positions"),
        ({"positions": np.zeros((3, 2))}, "wrong type or shape"),
        ({"positions": np.full((3, 1, 17, 3), "x")}, "wrong type or shape"),
        ({"positions": np.full((3, 1, 17, 3), np.nan)}, "damaged.*finite"),
        ({"positions": np.zeros((3, 1, 16, 3))}, "do not fit together"),
        ({"weight": np.zeros((3, 2, 17))}, "do not fit together"),
        ({"times": np.arange(4.0)}, "do not fit together"),
        ({"joint_names": np.array(["a"] * 17)}, "damaged.*twice"),
        ({"parents": np.array(["nobody"] * 17)}, "damaged.*does not have"),
        ({"parents": np.array([*["pelvis"] * 16, "left_wrist"])}, "damaged.*circle"),
        ({"pairs": np.array([["left_hip", "right_hip", "x"]])}, "do not fit together"),
        ({"times": np.zeros(3)}, "damaged.*do not rise"),
        ({"times": np.array([0, 1, 2j])}, "wrong type or shape"),
        ({"format_version": np.array(99)}, "pose format 1,.*update epipose"),
        ({"format_version": np.array("one")}, "pose format 1"),
        ({"format_version": np.array([1, 2])}, "pose format 1"),
        ({"weight": np.array([object()], dtype=object)}, "not a whole NPZ"),
    ],
)
def test_wrong_contents_are_one_sentence_with_the_file(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    path = tmp_path / "a.npz"
    write_poses(path, moving_people(frames=3, people=1))
    with pytest.raises(InputError, match=rf"a\.npz .*({reason})") as raised:
        read_poses(_rewritten(path, **changes))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"time,person\n", b"\x93NUMPY\x01\x00", b"\0" * 100])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz is not a whole NPZ"):
        read_poses(tmp_path / "a.npz")


def test_a_lone_array_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    for path, reason in (
        (tmp_path / "a.npy", "not a whole NPZ"),
        (tmp_path, "no file"),
        (tmp_path / "b.npz", "no file"),
    ):
        with pytest.raises(InputError, match=reason):
            read_poses(path)


def test_a_header_that_promises_terabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_poses(path, moving_people(frames=3, people=1))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 1, 17, 3)})
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in {**parts, "positions.npy": header.getvalue()}.items():
            new.writestr(name, content)
    with pytest.raises(InputError, match="is not a whole NPZ"):
        read_poses(path)


@settings(max_examples=60, deadline=None)
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=4))
def test_truncated_and_scratched_files_never_end_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, cut: float, flips: list[tuple[float, int]]
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.npz"
    write_poses(path, moving_people(frames=2, people=1))
    content = bytearray(path.read_bytes())
    for where, mask in flips:
        content[int(where * len(content))] ^= mask
    path.write_bytes(bytes(content[: int(cut * len(content)) if not flips else len(content)]))
    with suppress(InputError):
        assert isinstance(read_poses(path), Poses)
