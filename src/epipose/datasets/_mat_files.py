"""MATLAB files (v5 to v7, not v7.3), and what their structures hold."""

import warnings
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy import ndarray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from epipose.errors import InputError

# What SciPy raises on damaged files, none of which names the file.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, EOFError, AttributeError, ArithmeticError, MemoryError,
           RuntimeError, AssertionError, MatReadError, zlib.error)  # fmt: skip
_HDF5: Final = b"\x89HDF\r\n\x1a\n"


def read_mat(file: Path, *names: str) -> list[ndarray]:
    """Return the variables of these names; raises InputError for a file that is damaged or lacks one of them."""
    with file.open("rb") as opened:
        head = opened.read(1024)
    if head.startswith(b"MATLAB 7.3") or head.startswith(_HDF5) or head[512:].startswith(_HDF5):
        raise InputError(f"{file} was saved as v7.3, not as released; get the original, or save it again with -v7")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what SciPy has to say of damaged parts
            held: dict[str, Any] = loadmat(file, appendmat=False, variable_names=names)
    except _DAMAGE as error:
        raise InputError(f"{file} is cut short or damaged; get it from its source again") from error
    if missing := [name for name in names if not isinstance(held.get(name), ndarray)]:
        raise InputError(f"{file} holds no {missing[0]}; get it from its source again")
    return [held[name] for name in names]


def structures(value: Any) -> list[np.void]:
    """Return the structures of an array; none of an empty one. Raises ValueError for anything else."""
    if not isinstance(value, ndarray) or (value.dtype.names is None and value.size):
        raise ValueError("no array of structures")
    return list(value.ravel()) if value.dtype.names else []


def part(structure: np.void, name: str) -> ndarray | None:
    """Return what a structure holds under a name; None where that is empty or not there."""
    if name not in (structure.dtype.names or ()):
        return None
    value = structure[name]
    return value if isinstance(value, ndarray) and value.size else None


def number(value: ndarray | None) -> float:
    """Return the only number of an array; raises ValueError for anything else."""
    if value is None or value.size != 1 or value.dtype.kind not in "biuf":
        raise ValueError("no single number")
    return float(value.item())


def text(value: ndarray | None) -> str:
    """Return the text in an array, "" where it is empty; raises ValueError for anything else."""
    if value is None:
        return ""
    if value.size != 1 or value.dtype.kind != "U":
        raise ValueError("no text")
    return str(value.item())
