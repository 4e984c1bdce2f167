"""The points of C3D files, which may be damaged: what libraries for them then do is to end the program.

The format is public (c3d.org): a heading of 512 bytes, parameters in groups, then frames of points, each x, y, z and a
residual that is negative where the point is missing, and analog samples. Only files in the order of bytes of today's
computers are read, which is what programs have written for decades.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError

METRES = {"m": 1.0, "mm": 1e-3, "cm": 1e-2}
_BLOCK = 512
_MARK, _INTEL = 0x50, 84
_TEXT, _FLOAT = -1, 4

Parameters = Mapping[tuple[str, str], tuple[int, list[int], bytes]]
"""Type, sizes and data by group and name."""


@dataclass(frozen=True, eq=False)
class C3dPoints:
    """What a file says of its points."""

    names: tuple[str, ...]
    frame_rate: float
    positions: Float[ndarray, "frames points 3"]
    """Metres; NaN where a point is missing."""


def read_c3d(path: Path) -> C3dPoints:
    """Return the points of a file; raises InputError, naming it, for one that is damaged or holds something else."""
    try:
        return _points(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"there is no C3D file {path}; check its path") from error
    except (OSError, ValueError, LookupError, ArithmeticError, MemoryError, struct.error) as error:
        raise InputError(f"{path} is not a usable C3D file: {error}; get or export it again") from error


def _points(data: bytes) -> C3dPoints:
    if len(data) < _BLOCK or data[1] != _MARK:
        raise ValueError("it does not begin with a C3D header")
    count, analog, first, last = struct.unpack_from("<4H", data, 2)
    scale, start = struct.unpack_from("<fH", data, 12)
    parameters = _parameters(data, _BLOCK * (data[0] - 1))
    names = _texts(parameters, "LABELS")[:count]
    unit = METRES[_texts(parameters, "UNITS")[0].lower()]
    rate = _number(parameters, "RATE")
    if len(names) != count or not 0 < rate < math.inf or last < first or not 0 < abs(scale) < math.inf:
        raise ValueError("its header and its parameters say different things")
    kind = np.dtype("<f4" if scale < 0 else "<i2")
    frames, words = last - first + 1, 4 * count + analog
    begin = _BLOCK * (start - 1)
    if not 0 <= begin <= len(data) - frames * words * kind.itemsize:
        raise ValueError("it ends before its last frame")
    numbers = np.frombuffer(data, kind, frames * words, begin).reshape(frames, words)
    with np.errstate(invalid="ignore"):  # some kinds of NaN
        values = numbers[:, : 4 * count].reshape(frames, count, 4).astype(float)
    step = unit if scale < 0 else unit * scale
    return C3dPoints(names, rate, np.where(values[..., 3:] < 0, np.nan, values[..., :3] * step))


def _parameters(data: bytes, start: int) -> Parameters:
    """Return the parameters by the names of their groups and their own."""
    if data[start + 3] != _INTEL:
        raise ValueError("its numbers are in the order of bytes of old computers")
    groups: dict[int, str] = {}
    found: dict[tuple[int, str], tuple[int, list[int], bytes]] = {}
    place = start + 4
    while length := abs(struct.unpack_from("b", data, place)[0]):
        group = struct.unpack_from("b", data, place + 1)[0]
        name = data[place + 2 : place + 2 + length].decode("latin-1").strip().upper()
        place += 2 + length
        step = struct.unpack_from("<H", data, place)[0]
        if group < 0:
            groups[-group] = name
        else:
            kind, dimensions = struct.unpack_from("bB", data, place + 2)
            sizes = list(data[place + 4 : place + 4 + dimensions])
            begin = place + 4 + dimensions
            found[group, name] = kind, sizes, data[begin : begin + abs(kind) * math.prod(sizes)]
        if step == 0:
            break
        place += step
    return {(groups.get(group, ""), name): value for (group, name), value in found.items()}


def _texts(parameters: Parameters, name: str) -> tuple[str, ...]:
    kind, sizes, data = parameters["POINT", name]
    if kind != _TEXT or not sizes or len(data) != math.prod(sizes):
        raise ValueError(f"its {name} are no texts")
    width = max(sizes[0], 1)
    return tuple(data[at : at + width].decode("utf-8").strip() for at in range(0, len(data), width))


def _number(parameters: Parameters, name: str) -> float:
    kind, _, data = parameters["POINT", name]
    if kind != _FLOAT:
        raise ValueError(f"its {name} is no number")
    # Stored in 32 bits: the shortest decimal is what was meant.
    return float(str(np.float32(struct.unpack_from("<f", data)[0])))
