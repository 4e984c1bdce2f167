"""Cell arrays of MATLAB files of level 5 (versions 5 to 7; those of 7.3 are HDF5), which may be damaged.

SciPy reads these files too, but some damaged ones end the program instead of raising an error. The format is public:
"MAT-File Format", The MathWorks. After a heading of 128 bytes come elements: a tag of kind and size, and the data,
filled up to a multiple of eight bytes.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError

_HEADING = 128
_LEVEL_5 = 0x0100
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_MATRIX, _COMPRESSED = 14, 15
_CELL_CLASS, _NUMBER_CLASSES, _COMPLEX = 1, range(6, 16), 0x0800


def read_cells(file: Path, variable: str) -> list[Float[ndarray, "..."]]:
    """Return the cells of a cell array of real numbers, column by column.

    Raises InputError, naming the file, when it is not there.
    """
    try:
        return _cells(file.read_bytes(), variable)
    except (OSError, ValueError, LookupError, StopIteration, MemoryError, struct.error, zlib.error) as error:
        raise InputError(f"{file} is cut short or damaged, or has no cells {variable!r}; get it again") from error


def _cells(data: bytes, variable: str) -> list[Float[ndarray, "..."]]:
    order = {b"IM": "<", b"MI": ">"}[data[_HEADING - 2 : _HEADING]]
    if struct.unpack_from(f"{order}H", data, _HEADING - 4)[0] != _LEVEL_5:
        raise ValueError("another version")
    for kind, body in _elements(memoryview(data)[_HEADING:], order):
        if kind == _COMPRESSED:
            kind, body = next(_elements(memoryview(zlib.decompress(body)), order))
        if kind == _MATRIX:
            flags, shape, name, values = _matrix(body, order)
            if name == variable.encode():
                if flags & 0xFF != _CELL_CLASS:
                    raise ValueError("no cells")
                return [_numbers(next(values), order) for _ in range(math.prod(shape))]
    raise LookupError(variable)


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Yield kind and data of one element after the other."""
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        start = place + 8
        if kind >> 16:  # up to four bytes lie in the tag itself, after both numbers in half their size
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
        if size > (len(data) - start if start == place + 8 else 4):
            raise ValueError("cut short")
        yield kind, data[start : start + size]
        end = start + size
        place = end if kind == _COMPRESSED else end + -end % 8


def _matrix(body: memoryview, order: str) -> tuple[int, list[int], bytes, Iterator[tuple[int, memoryview]]]:
    """Return flags (the class in the lowest byte), sizes, name, and the elements with the values of a matrix."""
    values = _elements(body, order)
    (_, flags), (_, shape), (_, name) = next(values), next(values), next(values)
    sizes = np.frombuffer(shape, f"{order}i4").tolist()
    if min(sizes, default=-1) < 0:
        raise ValueError("no sizes")
    return struct.unpack_from(f"{order}I", flags)[0], sizes, bytes(name), values


def _numbers(element: tuple[int, memoryview], order: str) -> Float[ndarray, "..."]:
    """Return the matrix of real numbers in an element."""
    kind, body = element
    if kind != _MATRIX:
        raise ValueError("no matrix")
    if not len(body):  # how MATLAB writes a cell with nothing in it
        return np.empty((0, 0))
    flags, shape, _, values = _matrix(body, order)
    if flags & _COMPLEX or flags & 0xFF not in _NUMBER_CLASSES:
        raise ValueError("no real numbers")
    stored, numbers = next(values)
    # MATLAB stores whole numbers in as few bytes as they need, whatever their class.
    return np.frombuffer(numbers, f"{order}{_NUMBERS[stored]}").astype(float).reshape(shape, order="F")
