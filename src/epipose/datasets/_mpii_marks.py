"""People as MPII marks them, before its coordinates become ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Bool, Float64
from numpy import ndarray

JOINTS = 16


@dataclass(frozen=True, eq=False)
class Marks:
    """One person. Coordinates are MATLAB's: the centre of the first pixel is (1, 1). They were not looked at yet."""

    picture: str
    number: int
    """Among the people of the picture, from 1 on."""
    joints: Float64[ndarray, "16 2"]
    marked: Bool[ndarray, "16"]
    visible: Bool[ndarray, "16"]
    place: Float64[ndarray, "2"]
    """Roughly where the person is."""
    scale: float
    """The person's height over 200 pixels."""
    head: Float64[ndarray, "2 2"] | None = None
    """Opposite corners of a box around the head."""
    about: Mapping[str, str | int] = field(default_factory=dict)


def told(counts: Mapping[str, int], split: str) -> list[str]:
    """Return a sentence for each reason for which people of a split were left out."""
    return [f"{count} people of {split} were left out: {reason}" for reason, count in counts.items() if count]


UNMARKED = "none of their joints is marked"
UNPLACED = "how large they are is not told"
