"""Recordings that come with epipose: small captures with their truth, each a folder of this package."""

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from epipose.errors import InputError
from epipose.io.files import atomic_write


def sample_names() -> list[str]:
    """Return the names of the recordings, sorted."""
    return sorted(entry.name for entry in _root().iterdir() if entry.is_dir() and not entry.name.startswith("_"))


def sample_files(name: str) -> dict[PurePosixPath, Traversable]:
    """Return every file of a recording by its path in the capture; raises InputError for a name that is not there."""
    if name not in sample_names():
        raise InputError(f"there is no sample {name!r}; choose from {', '.join(sample_names()) or 'none'}")
    return dict(_files(_root() / name, PurePosixPath()))


def copy_sample(name: str, folder: Path) -> None:
    """Copy a recording into `folder`; files that are there and the same are left as they are."""
    for place, file in sample_files(name).items():
        content, target = file.read_bytes(), folder / place
        if not target.is_file() or target.read_bytes() != content:
            with atomic_write(target, "wb") as writing:
                writing.write(content)


def _root() -> Traversable:
    return resources.files("epipose.samples")


def _files(folder: Traversable, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, place / entry.name)
        elif not entry.name.startswith("."):
            yield place / entry.name, entry
