"""What the commands have in common: seconds by stage, and where cameras are written."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from epipose import __version__
from epipose.calibration.rig import Rig
from epipose.io.camera_files import write_cameras
from epipose.pipeline.inputs import MADE_BY, Inputs, is_ours


class Stopwatch:
    """Seconds that each stage took."""

    def __init__(self) -> None:
        """Start with no stages."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the `with` block for stage `name`."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def write_rig(inputs: Inputs, rig: Rig) -> Path | None:
    """Write the estimated cameras and return the file, or None for cameras that were given.

    A camera file that the user brought is never overwritten: then the name is cameras-estimated.toml.
    """
    if rig.uncertainty is None:
        return None
    path = inputs.capture.cameras_path
    if path.exists() and not is_ours(path):
        path = path.with_name("cameras-estimated.toml")
    metadata: dict[str, str | int | float | bool | list[float]] = {
        "made_by": MADE_BY,
        "version": __version__,
        "cameras_source": rig.cameras_source,
        "focal_source": rig.focal_source,
        "scale_source": rig.scale.source,
        "scale_sigma": float(rig.scale.sigma),
        "gravity_source": rig.gravity_source,
        "time_offsets_s": [float(-offset) for offset in rig.offsets],
    }
    cameras = dict(zip(inputs.names, rig.cameras, strict=True))
    uncertainty = dict(zip(inputs.names, rig.uncertainty, strict=True))
    write_cameras(path, cameras, uncertainty=uncertainty, metadata=metadata)
    return path
