"""TRC (Motion Analysis), as OpenSim's `TimeSeriesTableVec3` reads it: metres, Y up, tabs, one person a file.

Missing markers are three empty fields, which OpenSim reads as NaN. The data begin after one empty line. Rows end in a
tab, as OpenSim writes them: its reader drops one empty field at the end of a line.
"""

from pathlib import Path

import numpy as np

from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.exporters._common import each_person, one_word, poses_from_positions, reading, skeleton_of, y_up, z_up
from epipose.io.files import atomic_write
from epipose.pose.keypoints import Poses

_KEYS = (
    *("DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"),
    *("OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"),
)
_METRES = {"m": 1.0, "mm": 1e-3, "cm": 1e-2}


class TrcExporter(Exporter):
    """Positions to a micrometre, times to a nanosecond."""

    suffix = ".trc"
    precision_m = 1e-6
    keeps = frozenset({"missing", "start"})

    def write(self, path: Path, poses: Poses) -> list[Path]:
        """Write one file for each person."""
        if len(poses.times) < 2:
            raise InputError(f"a recording of one frame has no frame rate, which {path} needs; export csv or npz")
        files = list(each_person(path, poses))
        for name, person in files:
            with atomic_write(name, "w") as file:
                file.writelines(line + "\n" for line in (*_header(name, person), *_rows(person)))
        return [name for name, _ in files]

    def read(self, path: Path) -> Poses:
        """Read one person; markers in mm or cm become metres, empty or NaN fields missing joints."""
        with reading(path, "TRC"):
            lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
            if lines[0][0] != "PathFileType":
                raise InputError("it does not begin with PathFileType")
            facts = dict(zip(lines[1], lines[2], strict=False))
            names = [name for name in lines[3][2:] if name]
            rows = [line for line in lines[5:] if any(line)]
            width = 2 + 3 * len(names)
            if len(names) != int(facts["NumMarkers"]) or len(rows) != int(facts["NumFrames"]):
                raise InputError("it holds other numbers of markers or frames than its header says")
            if any(len(row) not in (width, width + 1) for row in rows):
                raise InputError("its rows do not have three fields for each marker")
            table = np.array([[float(cell or "nan") for cell in row[1:width]] for row in rows])
            positions = z_up(table[:, 1:].reshape(len(rows), 1, len(names), 3) * _METRES[facts["Units"]])
            return poses_from_positions(positions, table[:, 0], skeleton_of(names))


def _header(path: Path, poses: Poses) -> list[str]:
    joints = [one_word(joint) for joint in poses.skeleton.joint_names]
    rate, frames = f"{poses.frame_rate:.10g}", str(len(poses.times))
    facts = (rate, rate, frames, str(len(joints)), "m", rate, "1", frames)
    axes = [f"{axis}{number}" for number in range(1, len(joints) + 1) for axis in "XYZ"]
    return [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "\t".join(_KEYS),
        "\t".join(facts),
        "Frame#\tTime\t" + "\t\t\t".join(joints) + "\t\t",
        "\t\t" + "\t".join(axes),
        "",
    ]


def _rows(poses: Poses) -> list[str]:
    positions = y_up(poses.positions[:, 0].astype(float)).tolist()
    known = (poses.weight[:, 0] > 0).tolist()
    return [
        "\t".join([str(number), f"{time:.9f}", *_fields(points, seen), ""])
        for number, (time, points, seen) in enumerate(zip(poses.times.tolist(), positions, known, strict=True), 1)
    ]


def _fields(points: list[list[float]], known: list[bool]) -> list[str]:
    return [f"{number:.6f}" if seen else "" for point, seen in zip(points, known, strict=True) for number in point]


PLUGIN = TrcExporter()
