"""Recordings of people whose joints are known in 3D, as readers of data sets return them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from epipose.geometry.cameras import Camera
from epipose.pose.keypoints import Keypoints, Poses


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
