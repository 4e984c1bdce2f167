"""Reading NPZ archives that may be damaged or hostile."""

import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy import ndarray

from epipose.errors import InputError

# What NumPy and zipfile raise on damaged archives, none of which tells a user which file is to blame.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    AttributeError,
    SyntaxError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(path: Path, *, only: Collection[str] | None = None) -> dict[str, ndarray]:
    """Return the arrays of the NPZ file `path` by name, unpickling nothing; raises InputError when it is damaged.

    With `only`, those of these names that are there; the others are not read.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the path")
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if only is None or name in only}
    except _DAMAGE as error:
        raise InputError(f"{path} is not a whole NPZ file of plain arrays; make it again") from error
