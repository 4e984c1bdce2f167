"""Variables of CDF files (Common Data Format, NASA), which may be damaged, with the optional package cdflib."""

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.plugins import missing_extra

MOST_READS = 10_000
"""Of one file and of parts of it; a variable of one record takes some hundreds."""
MOST_PACKED = 1032
"""How many times smaller deflate makes files at most."""

# What cdflib and NumPy raise on damaged files.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError, RuntimeError,
           EOFError, NotImplementedError, NameError)  # fmt: skip


def read_cdf(file: Path, variable: str) -> Float[ndarray, "..."]:
    """Return a variable of numbers, (records, ...); raises InputError, naming the file, when it is not there."""
    try:
        from cdflib import CDF
    except ImportError as error:
        raise missing_extra(f"reading {file}", "datasets") from error
    # Made before it is opened, so that it reads what we give it, and can be closed even when opening fails half way.
    opened: Any = CDF.__new__(CDF)
    opened._file_or_url_or_s3_handler = lambda *_: _Patience(file.read_bytes())
    try:
        CDF.__init__(opened, file)
        about = opened.vdr_info(variable)
        # What damaged sizes would fill the memory with, or fill forever.
        if not 0 <= about.max_rec < MOST_READS or math.prod(about.dim_sizes) > MOST_PACKED * file.stat().st_size:
            raise ValueError("sizes that the file cannot hold")
        return np.asarray(opened.varget(variable), float)
    except _DAMAGE as error:
        raise InputError(f"{file} is cut short or damaged, or has no {variable!r}; unpack it again") from error
    finally:
        if handle := vars(opened).get("_f"):
            handle.close()


class _Patience(BytesIO):
    """A file that ends being read some day: damaged counts let cdflib look for billions of parts."""

    left = MOST_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes; raises ValueError when it was asked too often."""
        self.spend()
        block = _Block(super().read(size))
        block.patience = self
        return block

    def spend(self) -> None:
        """Count one more look."""
        self.left -= 1
        if self.left < 0:
            raise ValueError("read without end")


class _Block(bytes):
    """Bytes of which a part may be looked at as often as the file may be read."""

    patience: _Patience

    def __getitem__(self, place: Any) -> Any:
        self.patience.spend()
        return super().__getitem__(place)
