"""Our own pose file: nothing is lost."""

from pathlib import Path

from epipose.exporters import Exporter
from epipose.io.pose_files import read_poses, write_poses
from epipose.pose.keypoints import Poses


class NpzExporter(Exporter):
    """Every number as it is, with the skeleton; `numpy.load` opens it."""

    suffix = ".npz"
    precision_m = 0.0
    keeps = frozenset({"people", "missing", "uncertainty", "start"})

    def write(self, path: Path, poses: Poses) -> list[Path]:
        """Write one file with all people."""
        write_poses(path, poses)
        return [path]

    def read(self, path: Path) -> Poses:
        """Read what `write` wrote."""
        return read_poses(path)


PLUGIN = NpzExporter()
