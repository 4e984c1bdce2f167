"""Opening HDF5 files that may be damaged, with the optional package h5py."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy import ndarray

from epipose.errors import InputError
from epipose.plugins import missing_extra

HDF5_SUFFIXES = (".h5", ".hdf5")
EXPORT_AGAIN = "export it again, or as CSV where there is a choice"

# What h5py and NumPy raise on damaged or unexpected content.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError, MemoryError)

# Deflate makes nothing more than 1032 times smaller.
_MOST_COMPRESSION = 1032


@contextmanager
def hdf5_file(path: Path, remedy: str = EXPORT_AGAIN) -> Iterator[Any]:
    """Open `path` for reading as an `h5py.File`; what goes wrong inside the block becomes an InputError naming it."""
    try:
        import h5py
    except ImportError as error:
        raise missing_extra(f"reading {path}", "h5") from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (*_DAMAGE, pickle.UnpicklingError, EOFError) as error:
        raise InputError(f"{path} is damaged or not laid out as expected; {remedy}") from error


def whole(dataset: Any) -> ndarray:
    """Return all of an h5py dataset; raises ValueError when a damaged size would fill the memory."""
    if dataset.nbytes > _MOST_COMPRESSION * Path(dataset.file.filename).stat().st_size:
        raise ValueError(f"a size of {dataset.shape} in so small a file")
    return np.asarray(dataset[()])


def plain_lists(text: bytes) -> Any:
    """Return the lists, tuples, numbers and strings in a pickle; anything that would import or call code is refused."""
    return _PlainUnpickler(BytesIO(text)).load()


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"refused to load {module_name}.{global_name}")
