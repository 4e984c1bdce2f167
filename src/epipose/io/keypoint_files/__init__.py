"""Keypoint files of epipose and of other programs: one module a format, recognised by content.

A reader returns pixels whose first pixel centre is (0, 0), scores from 0 to 1 and a slot for every detected person.
"""

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from epipose import plugins
from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints


@dataclass(frozen=True)
class Hints:
    """What the user knows and a file may not say."""

    frame_rate: float | None
    """Frames per second; a file's own times take precedence."""
    image_size_wh: tuple[int, int] | None
    """A file's own size takes precedence."""
    skeleton: str | None
    """A shipped skeleton: the meaning of nameless joints, or the order in which named ones are wanted."""


class KeypointFormat(ABC):
    """One format; its module binds an instance to `PLUGIN`."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Tell from the name and a glance at the content whether `path` is of this format."""

    @abstractmethod
    def read(self, path: Path, hints: Hints) -> Keypoints:
        """Return the keypoints in the file or folder `path`; raises InputError naming it and the remedy."""


def read_keypoints(
    path: Path,
    *,
    frame_rate: float | None = None,
    image_size_wh: tuple[int, int] | None = None,
    skeleton: str | None = None,
) -> Keypoints:
    """Return the keypoints of one view from `path`, in whichever known format it is.

    `frame_rate` (1/s), `image_size_wh` (pixels) and `skeleton` are needed where the format does not hold them.
    """
    if not path.exists():
        raise InputError(f"there is no keypoint file or folder {path}; check the path")
    folder, hints = sys.modules[__name__], Hints(frame_rate, image_size_wh, skeleton)
    try:
        for name in plugins.names(folder):
            keypoint_format: KeypointFormat = plugins.load(folder, name)
            if keypoint_format.recognises(path):
                return keypoint_format.read(path, hints)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error
    known = ", ".join(plugins.names(folder))
    raise InputError(f"{path} is of no known keypoint format ({known}); export it as one of these")
