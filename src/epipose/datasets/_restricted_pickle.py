"""Pickled data without pickle's dangers: arrays, numbers, text, lists and dictionaries are read, all else refused.

A pickle is a program that may call anything. This reader lets it call nothing: where one asks for NumPy's arrays it
gets inert records of what they hold, which are checked and made into arrays here, so that not even NumPy's own loader
sees numbers that were made to mislead it.
"""

import pickle
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy import ndarray

from epipose.datasets._pickled_data import Array, Buffer, Bytes, Dtype, Kind, OldRecord, Record, Scalar, plain
from epipose.errors import InputError

# What damaged pickles and archives raise, none of which names the file.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, EOFError, AttributeError, ArithmeticError, MemoryError,
           RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, zlib.error)  # fmt: skip


class _Refused(Exception):
    """A pickle asked for something that is no data."""


def read_pickle(path: Path, records: frozenset[str] = frozenset()) -> Any:
    """Return what a pickle holds; objects of the classes named in `records` ("module.Class") become dictionaries.

    Raises InputError for a damaged file, and for one that would run anything.
    """
    return _read(path, lambda: plain(_loaded(BytesIO(path.read_bytes()), records)))


def read_object_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of an NPZ file, or the one of an NPY file under the name "", with pickled ones read safely.

    A pickled array of no axes is returned as what it holds.
    """
    return _read(path, lambda: _archive(path) if path.suffix == ".npz" else {"": _npy(BytesIO(path.read_bytes()))})


T = TypeVar("T")


def _read(path: Path, work: Callable[[], T]) -> T:
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what NumPy has to say of old files
            return work()
    except _Refused as error:
        raise InputError(
            f"{path} was not opened: it asks to run {error}, which data never need; get it from its source again"
        ) from None
    except _DAMAGE as error:
        raise InputError(f"{path} is cut short or damaged; get it from its source again") from error


def _archive(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _npy(BytesIO(archive.read(name))) for name in archive.namelist()}


def _npy(file: BytesIO) -> Any:
    version = np.lib.format.read_magic(file)
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in headers:
        raise ValueError(f"NPY version {version}")
    dtype = headers[version](file)[2]
    if not dtype.hasobject:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    array = plain(_loaded(file, frozenset()))
    return array.item() if isinstance(array, ndarray) and array.ndim == 0 else array


_NUMPY = {"ndarray": Kind, "dtype": Dtype, "_reconstruct": Array, "scalar": Scalar, "_frombuffer": Buffer}
_MODULES = {
    "numpy": ("ndarray", "dtype"),
    **{f"numpy.{core}.multiarray": ("_reconstruct", "scalar") for core in ("core", "_core")},
    **{f"numpy.{core}.numeric": ("_frombuffer",) for core in ("core", "_core")},
}
_KNOWN: Final[Mapping[str, type]] = {
    **{f"{module}.{name}": _NUMPY[name] for module, names in _MODULES.items() for name in names},
    "_codecs.encode": Bytes,
    "collections.OrderedDict": dict,
    **{f"{module}._reconstructor": OldRecord for module in ("copyreg", "copy_reg")},
    **{f"{module}.object": Kind for module in ("builtins", "__builtin__")},
    **{f"{module}.bytes": Bytes for module in ("builtins", "__builtin__")},
    **{f"{module}.{kind.__name__}": kind for module in ("builtins", "__builtin__") for kind in (set, complex)},
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BytesIO, records: frozenset[str]) -> None:
        super().__init__(file, encoding="latin1")
        self._records = records

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        name = f"{module_name}.{global_name}"
        if name in self._records:
            return Record
        if name not in _KNOWN:
            raise _Refused(name)
        return _KNOWN[name]

    def persistent_load(self, pid: Any, /) -> Any:
        raise _Refused(f"a load of {pid!r}")


def _loaded(file: BytesIO, records: frozenset[str]) -> Any:
    return _Unpickler(file, records).load()
