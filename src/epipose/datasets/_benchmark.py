"""How a data set is evaluated: its protocols, what others reported, and which recordings are left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from epipose.pose.protocols import Protocol, PublishedRow


@dataclass(frozen=True, eq=False)
class Benchmark:
    """What is agreed about comparing poses of a data set with its truth."""

    protocols: tuple[Protocol, ...]
    """The first is the usual one."""
    published: tuple[PublishedRow, ...]
    frame_rate: float
    """1/s, by which frames are numbered from 0 on."""
    damage: Callable[[Mapping[str, Any]], str | None]
    """Says of a recording, by what `prepared.json` tells of it, why it is left out; None for one that is sound."""
