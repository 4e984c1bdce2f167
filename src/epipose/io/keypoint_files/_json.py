"""JSON text that may be cut short or hold something else than expected."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError


def read_json(path: Path) -> Any:
    """Return the content of the JSON file `path`; raises InputError when it is not whole."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a whole JSON file; run the detector again or delete it") from error


def numbers(path: Path, value: Any) -> Float[ndarray, "..."]:
    """Return the nested lists `value` as numbers (null is NaN); raises InputError when they are none or ragged."""
    try:
        if isinstance(value, list | int | float):
            return np.array(value, dtype=float)
    except (ValueError, TypeError, OverflowError):
        pass
    raise InputError(f"{path} holds something else than numbers where keypoints should be; run the detector again")
