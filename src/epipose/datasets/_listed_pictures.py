"""Pictures that were cut out of the videos of a recording, by view and number of the frame."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from epipose.errors import InputError

FOLDER = "images"
"""Where the pictures lie, beside the files that list them or beside their folder."""

Pictures = Mapping[str, Mapping[int, str]]
"""Names in a folder by view and number of the frame, from 0 on."""


def shown_everywhere(frames: Iterable[int], pictures: Pictures) -> list[int]:
    """Return the frames of which every view has a picture, in order; all where there are no pictures."""
    return sorted(frame for frame in frames if all(frame in view for view in pictures.values()))


def picture_paths(images: Path, pictures: Pictures, frames: Iterable[int]) -> dict[str, tuple[Path, ...]]:
    """Return the pictures of some frames by view; raises InputError for one that is not there."""
    numbers = list(frames)
    found = {view: tuple(images / names[frame] for frame in numbers) for view, names in pictures.items()}
    for files in found.values():
        for file in files:
            if not file.resolve().is_relative_to(images.resolve()):
                raise InputError(f"{file} lies outside of {images}; get the file that lists it from its source again")
            if not file.is_file():
                raise InputError(f"there is no picture {file}; unpack the pictures again, or take {images} away")
    return found


def names_of(pictures: Pictures) -> list[str]:
    """Return the names of all pictures, of which there are too many to look into each for changes."""
    return [name for view in pictures.values() for name in view.values()]
