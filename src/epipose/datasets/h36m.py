"""Human3.6M (Ionescu et al., PAMI 2014): the official release, and the formats in which its poses are exchanged.

None of it comes with epipose: it is free for academic use after registration at vision.imar.ro/human3.6m. World axes
are Human3.6M's own: Z up, the floor at 0, and the origin near the middle of what the cameras see.
"""

from pathlib import Path
from typing import Protocol

from epipose.datasets import (
    Dataset,
    Recording,
    Wanted,
    _h36m_annotations,
    _h36m_h5,
    _h36m_json,
    _h36m_labels,
    _h36m_npz,
    _h36m_official,
)
from epipose.errors import InputError


class _Format(Protocol):
    """A module that reads one format."""

    NAME: str
    """For people."""

    def recognises(self, root: Path) -> bool: ...
    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]: ...


FORMATS: tuple[_Format, ...] = (
    _h36m_official,
    _h36m_h5,
    _h36m_npz,
    _h36m_labels,
    _h36m_json,
    _h36m_annotations,
)


class Human36m(Dataset):
    """Four cameras, 50 frames per second, seven subjects, fifteen actions twice each, 17 joints."""

    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the takes of whichever format is there."""
        if wanted.splits:
            raise InputError("Human3.6M is not published in splits; choose people with --subjects instead")
        if not root.is_dir():
            raise InputError(f"there is no folder {root}; name the folder that holds Human3.6M with --root")
        found = [form for form in FORMATS if form.recognises(root)]
        if not found:
            known = "; ".join(form.NAME for form in FORMATS)
            raise InputError(f"{root} holds Human3.6M in no known format; it should have one of: {known}")
        if len(found) > 1:
            names = " and ".join(form.NAME for form in found)
            raise InputError(f"{root} holds Human3.6M in several formats, {names}; put each into a folder of its own")
        return found[0].recordings(root, wanted)


PLUGIN = Human36m()
