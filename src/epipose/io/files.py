"""Writing files so that an interruption at any moment leaves either the old file or the new one, never half of one."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, overload

from epipose.errors import InputError


@overload
def atomic_write(path: Path, mode: Literal["w"]) -> AbstractContextManager[IO[str]]: ...
@overload
def atomic_write(path: Path, mode: Literal["wb"]) -> AbstractContextManager[IO[bytes]]: ...
def atomic_write(path: Path, mode: Literal["w", "wb"]) -> AbstractContextManager[IO[Any]]:
    """Open a temporary file beside `path` that takes its place when the block ends without an error.

    Missing parent folders are made. Text is UTF-8 with line ends as written. On an error the temporary file is
    removed and `path` stays as it was; a full disk or a folder that refuses writing raises InputError.
    """
    return _atomic_write(path, mode)


@contextmanager
def _atomic_write(path: Path, mode: Literal["w", "wb"]) -> Iterator[IO[Any]]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    text: dict[str, Any] = {"encoding": "utf-8", "newline": ""} if mode == "w" else {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode.replace("w", "x"), **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename is not None and Path(error.filename) not in {temporary, path, *path.parents}:
            raise  # the block itself failed to read or write some other file
        raise _write_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _write_error(path: Path, error: OSError) -> InputError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    remedy = "free some space on its disk" if full else "check the folder's permissions or choose another place"
    return InputError(f"could not write {path} ({error.strerror or error}); {remedy} and try again")
