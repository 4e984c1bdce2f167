"""MATLAB files (v5 to v7, not v7.3): numbers, text, cells and structures.

SciPy's reader ends the process on some damaged files. This one believes no size that a file states before it
has seen that there is as much; see MATLAB's "MAT-File Format" for what the numbers mean.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy import ndarray

from epipose.errors import InputError

_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_HEADER = 128
_MOST_BYTES = 1 << 30
"""Of one variable, unpacked: what a release holds twenty times over."""
_DEEPEST = 30
"""Structures within structures."""
_MOST_AXES = 8

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED, _UTF8 = 1, 5, 6, 14, 15, 16
_NUMBERS: Final = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
_LETTERS: Final = {1: "latin1", 2: "latin1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELLS, _STRUCTURES, _TEXT, _FIRST_NUMERIC, _LAST_NUMERIC = 1, 2, 4, 6, 15
_COMPLEX = 0x800

Value = float | str | ndarray | list[Any]
"""One number; text; other numbers, as float64; cells, in MATLAB's order; structures, as dictionaries."""


def read_mat(file: Path, *names: str) -> list[Value]:
    """Return the variables of these names; raises InputError for a file that is damaged or lacks one of them."""
    data = file.read_bytes()
    if data.startswith((b"MATLAB 7.3", _HDF5)) or data[512 : 512 + len(_HDF5)] == _HDF5:
        raise InputError(f"{file} was saved as v7.3, not as released; get the original, or save it again with -v7")
    try:
        held = _variables(data, names)
    except (ValueError, LookupError, struct.error, zlib.error, MemoryError) as error:
        raise InputError(f"{file} is cut short or damaged; get it from its source again") from error
    if missing := [name for name in names if name not in held]:
        raise InputError(f"{file} holds no {missing[0]}; get it from its source again")
    return [held[name] for name in names]


def structures(value: Any) -> list[dict[str, Any]]:
    """Return structures, none of an empty array; raises ValueError for anything else."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    if not is_empty(value):
        raise ValueError("no structures")
    return []


def is_empty(value: Any) -> bool:
    """Return whether a value is one of MATLAB's ways to say nothing; None is one of them."""
    return value is None or (value.size == 0 if isinstance(value, ndarray) else value in ("", []))


def number(value: Any) -> float:
    """Return a number; raises ValueError for anything else."""
    if not isinstance(value, float):
        raise ValueError("no single number")
    return value


def text(value: Any) -> str:
    """Return text, "" for nothing; raises ValueError for anything else."""
    if not isinstance(value, str) and not is_empty(value):
        raise ValueError("no text")
    return value if isinstance(value, str) else ""


def _variables(data: bytes, names: tuple[str, ...]) -> dict[str, Value]:
    order: Literal["<", ">"] = "<" if data[_HEADER - 2 : _HEADER] == b"IM" else ">"
    if order == ">" and data[_HEADER - 2 : _HEADER] != b"MI":
        raise ValueError("no MATLAB file")
    held = {}
    at = _HEADER
    while at < len(data):
        reader = _Reader(data, order)
        kind, start, stop, at = reader.element(at, len(data))
        if kind == _COMPRESSED:
            packed = zlib.decompressobj()
            reader = _Reader(packed.decompress(data[start:stop], _MOST_BYTES), order)
            if not packed.eof:
                raise ValueError("a variable that is cut short, or too large")
            kind, start, stop, _ = reader.element(0, len(reader.data))
        if kind == _MATRIX:
            matrix = reader.matrix(start, stop)
            if matrix.name in names:
                held[matrix.name] = reader.value(matrix)
    return held


class _Matrix(NamedTuple):
    """What comes before the contents of an array of any class."""

    flags: int
    shape: tuple[int, ...]
    name: str
    start: int
    """Of the contents."""
    stop: int
    entries: int


class _Reader:
    """Reads the elements of an unpacked file."""

    def __init__(self, data: bytes, order: Literal["<", ">"]) -> None:
        self.data, self._order = data, order
        self._two = struct.Struct(f"{order}2I")
        self._usual = struct.Struct(f"{order}6I2i2I")
        self._single = {kind: struct.Struct(order + letter) for kind, letter in _NUMBERS.items()}

    def element(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Return the kind of the element at a place, where its data begin and stop, and where the next one begins."""
        if at + 8 > end:
            raise ValueError("a cut element")
        kind, size = self._two.unpack_from(self.data, at)
        if kind >> 16:  # up to four bytes, in the place of the size
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
            stop, after = start + size, at + 8
        else:
            start = at + 8
            stop = start + size
            after = stop if kind == _COMPRESSED else stop + -size % 8
        if stop > min(end, after):
            raise ValueError("an element that is larger than what holds it")
        return kind, start, stop, after

    def matrix(self, start: int, stop: int) -> _Matrix:
        """Return what an array begins with."""
        if start == stop:
            return _Matrix(_LAST_NUMERIC, (0, 0), "", start, stop, 0)
        if stop - start >= self._usual.size:  # nearly all are alike, so these are looked at all at once
            *first, rows, columns, name, length = self._usual.unpack_from(self.data, start)
            if (first[:2], first[4:], name, length) == ([_UINT32, 8], [_INT32, 8], _INT8, 0):
                return self._sound(
                    _Matrix(first[2], (rows, columns), "", start + self._usual.size, stop, rows * columns)
                )
        flags, at = self._numbers(start, stop, _UINT32)
        shape, at = self._numbers(at, stop, _INT32)
        _, name_at, name_stop, at = self.element(at, stop)
        if len(flags) != 2 or not 2 <= len(shape) <= _MOST_AXES:
            raise ValueError("no array")
        name = self.data[name_at:name_stop].decode("latin1")
        return self._sound(_Matrix(flags[0], shape, name, at, stop, math.prod(shape)))

    def value(self, matrix: _Matrix, depth: int = 0) -> Value:
        """Return the contents of an array; raises ValueError for classes that hold no plain data."""
        kind = matrix.flags & 0xFF
        if depth > _DEEPEST or matrix.flags & _COMPLEX:
            raise ValueError("no plain data")
        if kind == _CELLS:
            return list(self._matrices(matrix.start, matrix.stop, matrix.entries, depth))
        if kind == _STRUCTURES:
            return self._structures(matrix, depth)
        if kind == _TEXT:
            return self._text(matrix)
        if _FIRST_NUMERIC <= kind <= _LAST_NUMERIC:
            return self._array(matrix)
        raise ValueError(f"class {kind}")

    def _sound(self, matrix: _Matrix) -> _Matrix:
        if min(matrix.shape) < 0 or matrix.entries > matrix.stop - matrix.start:
            raise ValueError("an array that is larger than what holds it")
        return matrix

    def _structures(self, matrix: _Matrix, depth: int) -> list[Any]:
        (length,), at = self._numbers(matrix.start, matrix.stop, _INT32)
        _, start, stop, at = self.element(at, matrix.stop)
        if length < 1:
            raise ValueError("names of no length")
        names = [
            self.data[begin : begin + length].split(b"\0")[0].decode("latin1") for begin in range(start, stop, length)
        ]
        values = self._matrices(at, matrix.stop, matrix.entries * len(names), depth)
        return [{name: next(values) for name in names} for _ in range(matrix.entries)]

    def _matrices(self, at: int, stop: int, count: int, depth: int) -> Iterator[Value]:
        for _ in range(count):
            kind, begin, end, at = self.element(at, stop)
            if kind != _MATRIX:
                raise ValueError("no array")
            yield self.value(self.matrix(begin, end), depth + 1)

    def _text(self, matrix: _Matrix) -> str:
        if not matrix.entries:
            return ""
        if matrix.shape[0] != 1:
            raise ValueError("text of several lines")
        kind, start, stop, _ = self.element(matrix.start, matrix.stop)
        ends = {"<": "-le", ">": "-be"}[self._order] if _LETTERS[kind].startswith("utf-") and kind != _UTF8 else ""
        return self.data[start:stop].decode(_LETTERS[kind] + ends)

    def _array(self, matrix: _Matrix) -> float | ndarray:
        if not matrix.entries:
            return np.zeros(matrix.shape)
        kind, start, stop, _ = self.element(matrix.start, matrix.stop)
        single = self._single[kind]
        if stop - start != matrix.entries * single.size:
            raise ValueError("an array of another size")
        if matrix.entries == 1:
            return float(single.unpack_from(self.data, start)[0])
        array = np.frombuffer(self.data, single.format, matrix.entries, start)
        return array.astype(np.float64).reshape(matrix.shape, order="F")

    def _numbers(self, at: int, end: int, kind: int) -> tuple[tuple[int, ...], int]:
        """Return the integers of an element that must be of a kind, and where the next one begins."""
        found, start, stop, after = self.element(at, end)
        if found != kind or (stop - start) % 4:
            raise ValueError("no integers")
        letter = "I" if kind == _UINT32 else "i"
        return struct.unpack_from(f"{self._order}{(stop - start) // 4}{letter}", self.data, start), after
