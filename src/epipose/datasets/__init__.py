"""Data sets that others published: one module each, whose file name is its public name and whose `PLUGIN` reads it.

A reader converts the units, axes, joint orders and pixel coordinates of its data set. It is a `Dataset` where joints
are known in 3D, and `MarkedPictures` where people marked them in pictures.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from epipose.datasets._benchmark import Benchmark
from epipose.datasets._marked import MarkedPerson
from epipose.datasets._recordings import Contents, Recording
from epipose.datasets._wanted import Wanted
from epipose.pose.skeletons import Skeleton

__all__ = ["Benchmark", "Contents", "Dataset", "MarkedPerson", "MarkedPictures", "Recording", "Wanted"]


class Dataset(ABC):
    """Reads one published data set of recordings from files that the user has."""

    benchmark: ClassVar[Benchmark | None] = None
    """How poses are compared with its truth, where that was agreed upon."""

    @abstractmethod
    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the recordings under `root`, by name, and what was left out or assumed, one sentence each.

        Raises InputError, with the remedy, for a folder without the data set and for what is wanted but not there.
        """


class MarkedPictures(ABC):
    """Reads one published data set of single pictures, in which joints were marked by hand."""

    @property
    @abstractmethod
    def skeleton(self) -> Skeleton:
        """The joints that were marked."""

    @abstractmethod
    def people(self, root: Path, wanted: Wanted) -> tuple[list[MarkedPerson], list[str]]:
        """Return the people under `root` with at least one marked joint, in the order of the data set.

        Also returns what was left out or assumed, one sentence each. Raises InputError, with the remedy, for a folder
        without the data set, for a damaged file or a missing picture, and for what is wanted but not there.
        """
