"""Camera files: one module a format, whose file name is its public name; our own format is `toml`."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from epipose import plugins
from epipose.errors import InputError
from epipose.geometry.cameras import Camera


@dataclass(frozen=True)
class CameraUncertainty:
    """How far a camera may be off: one standard deviation of its place (metres) and its turn (radians)."""

    centre_m: float
    rotation_rad: float


@dataclass(frozen=True, eq=False)
class CameraFile:
    """What a camera file says, in the conventions of this program."""

    cameras: dict[str, Camera]
    """By name, cam_2 before cam_10. A picture size of (0, 0) means that the file does not say it."""
    posed: bool
    """False when the file describes lenses only: every `cam_from_world` is then the identity."""
    uncertainty: dict[str, CameraUncertainty]
    """Of the cameras for which the file states it."""
    notes: tuple[str, ...] = ()
    """What was assumed or left out, one sentence each."""
    metric: bool = True
    """False when the file's lengths have no known unit, so that the scale must come from elsewhere."""


class CameraFormat(ABC):
    """A camera file format. Each module of this folder offers one as `PLUGIN`."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Return whether the existing file or folder `path` looks like this format; reads its beginning at most."""

    @abstractmethod
    def read(self, path: Path) -> CameraFile:
        """Return the cameras of `path`; raises InputError, naming the file, for anything that is not sound."""


def read_cameras(path: Path) -> CameraFile:
    """Read a camera file of any known format, or the folder of a format that takes several files.

    Raises InputError, naming the file and the camera, for a file that is missing, broken or not of a known format.
    """
    package = sys.modules[__name__]
    if not path.exists():
        raise InputError(f"there is no camera file {path}; check the name")
    for name in plugins.names(package):
        known: CameraFormat = plugins.load(package, name)
        if known.recognises(path):
            return known.read(path)
    formats = ", ".join(plugins.names(package))
    raise InputError(f"{path} is not a camera file that can be read; the known formats are {formats}")


def write_cameras(
    path: Path,
    cameras: Mapping[str, Camera],
    *,
    uncertainty: Mapping[str, CameraUncertainty] | None = None,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write `cameras` as TOML that aniposelib and Pose2Sim read too; `metadata` is added to its [metadata] table.

    Lengths are metres. The file appears whole or not at all; raises InputError when it cannot be written.
    """
    from epipose.io.camera_files.toml import write

    write(path, cameras, uncertainty or {}, metadata or {})
