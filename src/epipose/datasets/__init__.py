"""Data sets that others published: one module each, whose file name is its public name and whose `PLUGIN` reads it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from epipose.datasets._benchmark import Benchmark
from epipose.geometry.cameras import Camera
from epipose.pose.keypoints import Keypoints, Poses


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which recordings are asked for; empty means all."""

    subjects: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    damaged: bool = False
    """Also those whose truth is known to be wrong."""


@dataclass(frozen=True, eq=False)
class Contents:
    """What is in one recording."""

    poses: Poses
    """The truth: metres, Z up, seconds since the first frame of the videos."""
    videos: Mapping[str, Path] = field(default_factory=dict)
    """By view, whole; empty where the data set has pictures instead, or neither."""
    pictures: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """By view, one for each moment of the poses."""
    keypoints: Mapping[str, Mapping[str, Keypoints]] = field(default_factory=dict)
    """By detector and view, what others found in 2D."""


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording of a data set; nothing large was read yet where the data set allows it."""

    name: str
    """Of its capture folder: subject, action and take."""
    cameras: Mapping[str, Camera]
    sources: tuple[Path | str, ...]
    """All that decides its contents: files, or, where they are many, their names."""
    read: Callable[[], Contents]
    """Raises InputError, naming the file, for one that is damaged."""
    about: Mapping[str, str | int] = field(default_factory=dict)
    """What the data set calls its subject, action and so on."""


class Dataset(ABC):
    """Reads one published data set from files that the user has, converting its units, axes and joint orders."""

    benchmark: ClassVar[Benchmark | None] = None
    """How poses are compared with its truth, where that was agreed upon."""

    @abstractmethod
    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the recordings under `root`, by name, and what was left out or assumed, one sentence each.

        Raises InputError, with the remedy, for a folder without the data set and for what is wanted but not there.
        """
