"""2D detectors: one module each, whose file name is the detector's public name and whose `PLUGIN` is an instance."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import ClassVar, final

from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.detectors import _collecting
from epipose.io.videos import Frame
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton

People = tuple[Float32[ndarray, "people joints 2"], Float32[ndarray, "people joints"]]
"""Pixels and scores (0 to 1) of everybody in one picture; nobody is an array of no people."""

Look = Callable[[UInt8[ndarray, "height width 3"]], People]
"""Finds the people in one RGB picture; may follow them from picture to picture, so it belongs to one video."""


class Detector(ABC):
    """Finds the joints of people in the pictures of one view; several sessions may run in threads of their own."""

    uses_all_cores: ClassVar[bool]
    """Whether one session keeps the machine busy, so that several at once gain nothing."""

    @property
    @abstractmethod
    def skeleton(self) -> Skeleton:
        """The joints it finds."""

    @property
    @abstractmethod
    def version(self) -> str:
        """All that decides its results: program, version, settings; raises InputError if its extra is missing."""

    @abstractmethod
    def session(self) -> AbstractContextManager[Look]:
        """Load the model for one video; raises InputError if its extra is missing."""

    @final
    def detect(self, frames: Iterable[Frame]) -> Keypoints:
        """Return everybody seen in `frames`, of one view and in order, in pixels of the frames as given.

        Holds one frame at a time; raises InputError when there is no frame.
        """
        with self.session() as look:
            return _collecting.collect(((frame, *look(frame.image)) for frame in frames), self.skeleton)
