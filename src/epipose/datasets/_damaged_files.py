"""Files that may be cut short, damaged or something else than their names say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from epipose.errors import InputError


@contextmanager
def laid_out(file: Path) -> Iterator[None]:
    """Turn whatever the parts of a file do in the block, when they are not what they should be, into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{file} is not laid out as expected; get it from its source again") from error


def read_json(file: Path) -> Any:
    """Return what a JSON file holds; raises InputError, naming it, for one that is damaged or not there."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is missing, cut short or damaged; get it from its source again") from error


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text file; raises InputError, naming it, for one that is no text or not there."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is missing or no text; get it from its source again") from error
