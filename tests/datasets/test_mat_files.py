"""Cell arrays of MATLAB files: SciPy writes them, and damaged ones are refused without a crash."""

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray
from scipy.io import savemat

from epipose.datasets._mat_files import read_cells
from epipose.errors import InputError

CELLS = (np.arange(168.0).reshape(2, 84) / 7, np.array([[-3, 4], [5, 70_000]]), np.array([[2.5]], np.float32),
         np.empty((0, 84)), np.arange(24, dtype=np.uint8).reshape(2, 3, 4))  # fmt: skip


def column(cells: tuple[Any, ...]) -> ndarray:
    held = np.empty((len(cells), 1), object)
    for row, cell in enumerate(cells):
        held[row, 0] = cell
    return held


@pytest.mark.parametrize("packed", [True, False])
def test_what_scipy_wrote_is_read(packed: bool, tmp_path: Path) -> None:
    file = tmp_path / "a.mat"
    other = column((np.zeros((3, 3)),))
    savemat(file, {"frames": np.zeros(3), "before": other, "annot3": column(CELLS), "x": "text"}, do_compression=packed)
    found = read_cells(file, "annot3")
    assert len(found) == len(CELLS)
    for read, written in zip(found, CELLS, strict=True):
        np.testing.assert_array_equal(read, written)
    (zeros,) = read_cells(file, "before")
    np.testing.assert_array_equal(zeros, np.zeros((3, 3)))


def test_cells_come_column_by_column_as_matlab_counts_them(tmp_path: Path) -> None:
    held = np.empty((2, 2), object)
    for number in range(4):
        held[number % 2, number // 2] = np.array([[float(number)]])
    savemat(tmp_path / "a.mat", {"c": held})
    assert [float(cell[0, 0]) for cell in read_cells(tmp_path / "a.mat", "c")] == [0, 1, 2, 3]


def test_numbers_from_the_other_end_are_read(tmp_path: Path) -> None:
    """As machines wrote them that begin numbers with their greatest part; put together by the format's description."""

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    def matrix(kind: int, sizes: tuple[int, ...], name: bytes, values: bytes) -> bytes:
        head = element(6, struct.pack(">II", kind, 0)) + element(5, struct.pack(f">{len(sizes)}i", *sizes))
        return element(14, head + element(1, name) + values)

    small = struct.pack(">I", 2 << 16 | 1) + b"\x07\xff\0\0"
    inside = matrix(6, (1, 2), b"", element(9, struct.pack(">2d", 1.5, -2))) + matrix(6, (2, 1), b"", small)
    heading = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(">H", 0x0100) + b"MI"
    (tmp_path / "a.mat").write_bytes(heading + matrix(1, (1, 2), b"c", inside + element(14, b"")))
    first, second = read_cells(tmp_path / "a.mat", "c")
    assert first.tolist() == [[1.5, -2]]
    assert second.tolist() == [[7], [-1]]


@pytest.mark.parametrize(
    "held", [{}, {"c": np.zeros((2, 2))}, {"c": "text"}, {"c": column(("text",))}, {"c": column((1j,))},
             {"c": column((column((1.0,)),))}, {"c": column(({"a": 1.0},))}],
    ids=["nothing", "numbers", "text", "texts", "complex", "cells", "structs"],
)  # fmt: skip
def test_what_is_no_cells_of_numbers_is_refused(held: dict[str, Any], tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", held)
    with pytest.raises(InputError, match=r"a\.mat is cut short or damaged, or has no cells 'c'; get it again"):
        read_cells(tmp_path / "a.mat", "c")


@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=5),
    kept=st.one_of(st.none(), st.integers(0, 2500)),
    packed=st.booleans(),
)
@settings(max_examples=300, deadline=1000)
def test_a_damaged_file_is_read_or_refused_soon(
    changes: list[tuple[int, int]], kept: int | None, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("mat") / "annot.mat"
    savemat(file, {"annot2": column(CELLS), "annot3": column(CELLS)}, do_compression=packed)
    content = bytearray(file.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    file.write_bytes(content[:kept])
    with suppress(InputError):
        read_cells(file, "annot3")


@pytest.mark.parametrize("change", [lambda b: b[:100], lambda b: b[: len(b) // 2], lambda b: b"x" * len(b)])
def test_half_a_file_is_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"c": column(CELLS)})
    (tmp_path / "a.mat").write_bytes(change((tmp_path / "a.mat").read_bytes()))
    with pytest.raises(InputError, match="cut short or damaged"):
        read_cells(tmp_path / "a.mat", "c")
