"""Export formats: one file a format, named as users name it; `epipose.plugins` finds each file's `PLUGIN`.

World coordinates here are metres with Z up. A format that is Y up gets (y, z, x) and hands back the same. Formats
that know one person only write one file for each: `<name>`, `<name>_person2`, ...
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from epipose.pose.keypoints import Poses


class Exporter(ABC):
    """One file format for 3D poses."""

    suffix: ClassVar[str]
    """The end of the file's name, with its dot."""
    precision_m: ClassVar[float]
    """How far a position may move when it is written and read again."""
    keeps: ClassVar[frozenset[str]]
    """What survives beyond joints and positions: any of `people`, `missing`, `uncertainty`, `start` (first time)."""

    @abstractmethod
    def write(self, path: Path, poses: Poses) -> list[Path]:
        """Write `poses` to `path`, whole or not at all, and return every file written.

        Raises InputError for poses that the format cannot hold and for a place that cannot be written.
        """

    @abstractmethod
    def read(self, path: Path) -> Poses:
        """Return the poses in `path`; an uncertainty that the format does not hold is 0, a weight 1 where known.

        Raises InputError for a file that is not in this format.
        """
