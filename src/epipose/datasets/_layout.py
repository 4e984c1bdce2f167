"""Files whose parts are not what they should be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
