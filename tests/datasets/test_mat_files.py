"""MATLAB files: what SciPy writes and reads, what MATLAB itself writes, and damage that must not end the process."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy import ndarray
from scipy.io import loadmat, savemat

from epipose.datasets import _mat_files
from epipose.datasets._mat_files import read_mat
from epipose.errors import InputError
from tests.datasets import marked_miniature as mini

KINDS = st.sampled_from([np.float64, np.float32, np.uint8, np.int16, np.int64, np.bool_])
NUMBERS = KINDS.flatmap(
    lambda kind: (
        arrays.arrays(kind, st.tuples(st.integers(0, 3), st.integers(0, 3)), elements={"allow_nan": False})
        if np.issubdtype(kind, np.floating)
        else arrays.arrays(kind, st.tuples(st.integers(0, 3), st.integers(0, 3)))
    )
)
TEXT = st.text("abc é雪", max_size=9).filter(lambda text: text == text.strip())
NAMES = st.lists(st.sampled_from(["x", "y", "image", "annopoints", "is_visible"]), min_size=1, max_size=3, unique=True)


def held(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def rows(names: list[str]) -> st.SearchStrategy[Any]:
        return st.lists(st.fixed_dictionaries(dict.fromkeys(names, inner)), min_size=1, max_size=3).map(mini.structs)

    return NAMES.flatmap(rows) | st.lists(inner, max_size=3).map(mini.cells)


VALUES = st.recursive(NUMBERS | TEXT, held, max_leaves=12)


def plain(value: ndarray) -> Any:
    """What SciPy returns, as our reader does."""
    if value.dtype.names is not None:
        rows = value.ravel(order="F")
        return [{name: plain(row[name]) for name in value.dtype.names} for row in rows]
    if value.dtype.hasobject:
        return [plain(one) for one in value.ravel(order="F")]
    if value.dtype.kind == "U":
        return "".join(value.tolist())
    return float(value.item()) if value.size == 1 else value.astype(float)


def assert_same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, list):
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs)
        assert_same(list(ours.values()), list(theirs.values()))
    elif isinstance(ours, ndarray):
        np.testing.assert_array_equal(ours, theirs, strict=True)
    else:
        assert ours == theirs


@given(value=VALUES, packed=st.booleans())
@settings(max_examples=100, deadline=None)
def test_scipy_agrees(value: Any, packed: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("mat") / "a.mat"
    savemat(file, {"before": 1.0, "RELEASE": value, "after": "b"}, do_compression=packed, oned_as="row")
    ours, after = read_mat(file, "RELEASE", "after")
    assert_same(ours, plain(loadmat(file)["RELEASE"]))
    assert after == "b"


def test_scipy_agrees_on_a_release(tmp_path: Path) -> None:
    mini.write_mpii_release(tmp_path)
    file = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    (ours,) = read_mat(file, "RELEASE")
    assert_same(ours, plain(loadmat(file)["RELEASE"]))


def element(order: str, kind: int, data: bytes) -> bytes:
    """In short where it fits, as MATLAB writes it."""
    if 0 < len(data) <= 4:
        return struct.pack(f"{order}I", len(data) << 16 | kind) + data.ljust(4, b"\0")
    return struct.pack(f"{order}2I", kind, len(data)) + data + bytes(-len(data) % 8)


def variable(order: str, name: str, kind: int, shape: tuple[int, int], contents: bytes) -> bytes:
    flags, sides = struct.pack(f"{order}2I", kind, 0), struct.pack(f"{order}2i", *shape)
    parts = [element(order, 6, flags), element(order, 5, sides)]
    return element(order, 14, b"".join([*parts, element(order, 1, name.encode()), contents]))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_matlab_writes_of_either_kind_of_machine(order: str, packed: bool, tmp_path: Path) -> None:
    numbers = variable(order, "numbers", 6, (1, 3), element(order, 2, bytes([7, 0, 255])))  # doubles that fit in bytes
    letters = variable(order, "letters", 4, (1, 3), element(order, 4, struct.pack(f"{order}3H", *map(ord, "é雪x"))))
    variables = [numbers, letters]
    if packed:
        # Variables that are packed are not padded.
        variables = [struct.pack(f"{order}2I", 15, len(zlib.compress(v))) + zlib.compress(v) for v in variables]
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + {"<": b"IM", ">": b"MI"}[order]
    (tmp_path / "a.mat").write_bytes(header + b"".join(variables))
    letters_read, numbers_read = read_mat(tmp_path / "a.mat", "letters", "numbers")
    assert letters_read == "é雪x"
    np.testing.assert_array_equal(numbers_read, [[7, 0, 255]])
    theirs = loadmat(tmp_path / "a.mat", uint16_codec={"<": "utf-16-le", ">": "utf-16-be"}[order])
    assert_same([letters_read, numbers_read], [plain(theirs["letters"]), plain(theirs["numbers"])])


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("release") / "a.mat"
    savemat(file, {"RELEASE": mini.release()}, do_compression=False)
    return file.read_bytes()


@given(
    changes=st.lists(st.tuples(st.integers(120, 20_000), st.integers(0, 255)), max_size=5),
    kept=st.one_of(st.none(), st.integers(0, 20_000)),
)
@settings(max_examples=100, deadline=2000)
@example(changes=[(136, 3)], kept=None)  # other flags
@example(changes=[(155, 127)], kept=None)  # two billion rows
def test_damage_is_read_or_refused_soon(
    changes: list[tuple[int, int]], kept: int | None, release: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(release)
    for place, value in changes:
        content[place % len(content)] = value
    file = tmp_path_factory.mktemp("damaged") / "a.mat"
    file.write_bytes(content[:kept])
    with suppress(InputError):
        read_mat(file, "RELEASE")


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mat_files, "_MOST_BYTES", 1 << 20)
    bomb = zlib.compress(variable("<", "RELEASE", 9, (1, 1 << 21), element("<", 2, bytes(1 << 21))))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    (tmp_path / "a.mat").write_bytes(header + struct.pack("<2I", 15, len(bomb)) + bomb)
    with pytest.raises(InputError, match=r"a.mat is cut short or damaged"):
        read_mat(tmp_path / "a.mat", "RELEASE")
    monkeypatch.undo()
    assert np.shape(read_mat(tmp_path / "a.mat", "RELEASE")[0]) == (1, 1 << 21)
