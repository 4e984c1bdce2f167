"""C3D, the exchange format of motion capture: metres, Z up, one person a file (extra `c3d`).

A missing point has residual -1, which readers show as NaN. C3D has no times, only a steady rate; the first frame
is at 0.
"""

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.exporters._common import at_even_times, each_person, poses_from_positions, skeleton_of
from epipose.io.c3d_files import read_c3d
from epipose.io.files import atomic_write
from epipose.plugins import missing_extra
from epipose.pose.keypoints import Poses


class C3dExporter(Exporter):
    """Positions and the frame rate as 32-bit floats."""

    suffix = ".c3d"
    precision_m = 1e-6
    keeps = frozenset({"missing"})

    def write(self, path: Path, poses: Poses) -> list[Path]:
        """Write one file for each person; dropped frames become frames without points."""
        ezc3d = _ezc3d()
        files = list(each_person(path, poses))
        for name, person in files:
            even, rate = at_even_times(person, self.suffix)
            with atomic_write(name, "wb") as file, tempfile.TemporaryDirectory() as folder:
                made = Path(folder) / "poses.c3d"
                _document(ezc3d, even, rate).write(str(made))
                data = made.read_bytes()
                # The C++ library does not say when the disk is full.
                if len(data) < 16 * even.weight.size:
                    raise InputError(f"could not write {name}: {folder} has no room; free some space and try again")
                file.write(data)
        return [name for name, _ in files]

    def read(self, path: Path) -> Poses:
        """Read the points of one file as one person."""
        points = read_c3d(path)
        times = np.arange(len(points.positions)) / points.frame_rate
        return poses_from_positions(points.positions[:, None], times, skeleton_of(points.names))


def _ezc3d() -> Any:
    if importlib.util.find_spec("ezc3d") is None:
        raise missing_extra("C3D", "c3d")
    import ezc3d

    return ezc3d


def _document(ezc3d: Any, poses: Poses, rate: float) -> Any:
    document = ezc3d.c3d()
    point = document["parameters"]["POINT"]
    point["RATE"]["value"] = [rate]
    point["UNITS"]["value"] = ["m"]
    point["LABELS"]["value"] = list(poses.skeleton.joint_names)
    document.add_parameter("POINT", "X_SCREEN", ["+X"])
    document.add_parameter("POINT", "Y_SCREEN", ["+Z"])
    known = poses.weight[:, 0].T > 0
    points: ndarray = np.ones((4, *known.shape))
    points[:3] = np.where(known, poses.positions[:, 0].transpose(2, 1, 0), np.nan)
    document["data"]["points"] = points
    document["data"]["meta_points"]["residuals"] = np.where(known, 0.0, -1.0)[None]
    document["data"]["meta_points"]["camera_masks"] = np.zeros((7, *known.shape), bool)
    return document


PLUGIN = C3dExporter()
