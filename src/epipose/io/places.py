"""Where files are read from: a folder of this machine, or any URL that fsspec knows (http, s3, gs, memory ...)."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from epipose.errors import InputError
from epipose.plugins import missing_extra

MOST_HELD = 24
"""Whole files that are held where a server does not send parts of files."""


class Part(NamedTuple):
    """Bytes of a file."""

    name: str
    """Of the file, in its place."""
    offset: int
    length: int


class Place(ABC):
    """A folder somewhere."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file; raises InputError, naming it, if it cannot be read."""

    @abstractmethod
    def parts(self, wanted: Sequence[Part]) -> list[bytes]:
        """Return parts of files; raises InputError for a file that is missing or too short."""


class Folder(Place):
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        """Return a file."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise _unread(self, name, error) from error

    def parts(self, wanted: Sequence[Part]) -> list[bytes]:
        """Return parts of files."""
        return [_whole(self, part, self._part(part)) for part in wanted]

    def _part(self, part: Part) -> bytes:
        # Opening costs a fiftieth of decoding a picture, and a memory map of a file cut short would end the process.
        try:
            with (self.path / part.name).open("rb", buffering=0) as file:
                file.seek(part.offset)
                return file.read(part.length)
        except OSError as error:
            raise _unread(self, part.name, error) from error


class Address(Place):
    """A folder at a URL. Parts are asked for together; where a server sends only whole files, some of them are held."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def __str__(self) -> str:
        return self.url

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.url,)

    def read(self, name: str) -> bytes:
        """Return a file."""
        try:
            return bytes(self._system[0].cat_file(self._path(name)))
        except InputError:
            raise
        except Exception as error:
            raise _unread(self, name, error) from error

    def parts(self, wanted: Sequence[Part]) -> list[bytes]:
        """Return parts of files."""
        if wanted and self._sends_parts is None:
            self._sends_parts = len(self._asked(wanted[:1])[0]) == wanted[0].length
        if self._sends_parts:
            found = self._asked(wanted)
        else:
            found = [self._file(name)[offset : offset + length] for name, offset, length in wanted]
        return [_whole(self, part, data) for part, data in zip(wanted, found, strict=True)]

    _sends_parts: bool | None = None
    """Whether the server does; None until it was asked."""

    def _asked(self, wanted: Sequence[Part]) -> list[bytes]:
        paths, begins, lengths = zip(
            *((self._path(part.name), part.offset, part.length) for part in wanted), strict=True
        )
        ends = [begin + length for begin, length in zip(begins, lengths, strict=True)]
        try:
            found: list[bytes] = self._system[0].cat_ranges(list(paths), list(begins), ends, on_error="raise")
        except InputError:
            raise
        except Exception as error:
            raise _unread(self, wanted[0].name, error) from error
        return found

    def _file(self, name: str) -> bytes:
        if name not in self._held:
            self._held[name] = self.read(name)
            if len(self._held) > MOST_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(name)
        return self._held[name]

    def _path(self, name: str) -> str:
        return f"{self._system[1]}/{name}"

    @cached_property
    def _system(self) -> tuple[Any, str]:
        """Return the file system, and the folder in it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise missing_extra(f"reading {self.url}", "datasets") from error
        try:
            system, root = url_to_fs(self.url)
        except ImportError as error:
            raise InputError(f"{self.url} cannot be opened: {error}") from error
        except ValueError as error:
            raise InputError(f"{self.url} is no place that can be read ({error}); check how it is written") from error
        return system, str(root).rstrip("/")


def place_of(text: str | Path) -> Place:
    """Return the folder or URL of some name."""
    return Address(str(text)) if is_address(text) else Folder(Path(text))


def is_address(text: str | Path) -> bool:
    """Return whether a name is a URL."""
    return isinstance(text, str) and "://" in text


def _unread(place: Place, name: str, error: Exception) -> InputError:
    reason = "it is not there" if isinstance(error, FileNotFoundError) else str(error) or type(error).__name__
    return InputError(f"{place}/{name} cannot be read ({reason}); copy the folder again, or make it again")


def _whole(place: Place, part: Part, data: bytes) -> bytes:
    if len(data) != part.length:
        raise InputError(f"{place}/{part.name} was cut short; copy it again, or remove it and make it again")
    return data
