"""What the commands have in common: seconds by stage, and where cameras are written."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from epipose import __version__
from epipose.calibration.gravity import find_gravity
from epipose.calibration.rig import Rig, some_frames
from epipose.geometry.triangulation import robust
from epipose.io.camera_files import write_cameras
from epipose.pipeline.inputs import Inputs
from epipose.pipeline.known_cameras import Known
from epipose.pipeline.provenance import MADE_BY, is_ours


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


def credited(rig: Rig, known: Known) -> Rig:
    """Return the rig with the board named as the source of what it gave.

    Cameras from a board stand in the board's world: they are put upright, floor at 0, as the person shows it.
    """
    if known.lenses_from_board:
        rig = replace(rig, focal_source="board")
    if not known.cameras_from_board:
        return rig
    if rig.cameras_source == "given":
        rig = replace(rig, cameras_source="board")
    rig = replace(rig, scale=replace(rig.scale, source="the board"), gravity_source="the board")
    seen = rig.observations.at(some_frames(rig.observations))
    found = robust(rig.cameras, seen.pixels, seen.weight, sigma_px=rig.sigma_px)
    forward = rig.cameras[0].cam_from_world.rotation[2]
    gravity = find_gravity(found.points, found.valid, seen.times, seen.skeleton, forward)
    if gravity is None:
        return rig
    upright = tuple(camera.moved(gravity.world_from_scene) for camera in rig.cameras)
    return replace(rig, cameras=upright, gravity_source=gravity.source)


def write_rig(inputs: Inputs, rig: Rig, known: Known) -> Path | None:
    """Write the cameras that were found, or scaled, and return the file; None for metric cameras that were given.

    A camera file that the user brought is never overwritten: then the name is cameras-estimated.toml.
    """
    if rig.cameras_source == "given" and known.metric:
        return None
    path = inputs.capture.cameras_path
    if path.exists() and not is_ours(path):
        path = inputs.capture.estimated_cameras_path
    metadata = {
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
    uncertainty = dict(zip(inputs.names, rig.uncertainty or (), strict=bool(rig.uncertainty)))
    write_cameras(path, cameras, uncertainty=uncertainty, metadata=metadata)
    return path
