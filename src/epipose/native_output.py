"""Keeping native libraries from writing to the terminal past Python."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MUTING = threading.Lock()


@contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Silence what native code writes to file descriptor 2; one thread at a time."""
    with _MUTING:
        saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(nowhere)
