"""People whose joints somebody marked in single pictures, as readers of data sets return them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import Bool, Float32
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class MarkedPerson:
    """One person in one picture; others may be in it, too."""

    name: str
    """Of this person alone in the data set, and fit for the name of a file."""
    picture: Path
    """Is there, but was not opened. It is shown as stored: what its EXIF data say of turning does not count."""
    pixels: Float32[ndarray, "joints 2"]
    """0 for joints that are not marked."""
    marked: Bool[ndarray, "joints"]
    """Whether somebody said where the joint is: some also where it is hidden, but not beyond the picture."""
    visible: Bool[ndarray, "joints"]
    """Whether the data set says that it is marked and that nothing hides it; some say so of no joint."""
    box: Float32[ndarray, "4"]
    """The data set's own, as far as it holds all marked joints: x0, y0, x1, y1, the outer edges in pixels, x0 < x1 and
    y0 < y1; may reach beyond the picture."""
    head_px: float
    """The size of the head by which PCKh measures, in pixels; NaN where it is not known."""
    about: Mapping[str, str | int] = field(default_factory=dict)
    """What the data set says else: its split, activity and so on."""
