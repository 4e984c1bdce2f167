"""CSV, wide: one row for each frame and person, for spreadsheets, pandas and R.

Columns: `time` (seconds), `person` (from 1), and for every joint `<joint>_x`, `_y`, `_z` (metres, Z up) and
`<joint>_uncertainty` (metres, 1 sigma). The cells of a missing joint are empty.
"""

import csv
from pathlib import Path

import numpy as np
from numpy import ndarray

from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.exporters._common import poses_from_positions, reading, skeleton_of
from epipose.io.files import atomic_write
from epipose.pose.keypoints import Poses

_PARTS = ("x", "y", "z", "uncertainty")


class CsvExporter(Exporter):
    """Positions and uncertainties to a micrometre, in one table."""

    suffix = ".csv"
    precision_m = 1e-6
    keeps = frozenset({"people", "missing", "uncertainty", "start"})

    def write(self, path: Path, poses: Poses) -> list[Path]:
        """Write one file with all people."""
        values = np.concatenate([poses.positions, poses.uncertainty[..., None]], axis=-1)
        with atomic_write(path, "w") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["time", "person", *(f"{j}_{part}" for j in poses.skeleton.joint_names for part in _PARTS)])
            for frame, person in np.ndindex(poses.weight.shape[:2]):
                known = poses.weight[frame, person] > 0
                cells = [
                    f"{number:.6f}" if seen else ""
                    for joint, seen in zip(values[frame, person].tolist(), known.tolist(), strict=True)
                    for number in joint
                ]
                rows.writerow([repr(float(poses.times[frame])), person + 1, *cells])
        return [path]

    def read(self, path: Path) -> Poses:
        """Read what `write` wrote; missing joints come back with weight 0."""
        with reading(path, "CSV pose"):
            with path.open(encoding="utf-8", newline="") as file:
                header, *rows = list(csv.reader(file))
            joints = [column.removesuffix("_x") for column in header[2::4]]
            expected = ["time", "person", *(f"{joint}_{part}" for joint in joints for part in _PARTS)]
            if header != expected or not rows or any(len(row) != len(header) for row in rows):
                raise InputError("its columns are not time, person and <joint>_x, _y, _z, _uncertainty")
            people = max(int(row[1]) for row in rows)
            if people < 1 or [int(row[1]) for row in rows] != list(range(1, people + 1)) * (len(rows) // people):
                raise InputError("its rows are not every person of every frame, in order")
            table = np.array([[float(cell or "nan") for cell in row] for row in rows])
            return _poses(table.reshape(-1, people, len(header)), joints)


def _poses(table: ndarray, joints: list[str]) -> Poses:
    values = table[:, :, 2:].reshape(*table.shape[:2], len(joints), 4)
    return poses_from_positions(values[..., :3], table[:, 0, 0], skeleton_of(joints), values[..., 3])


PLUGIN = CsvExporter()
