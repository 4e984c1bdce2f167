"""The stage that hands poses to other programs."""

from collections.abc import Sequence
from pathlib import Path

from epipose import exporters, plugins
from epipose.errors import InputError
from epipose.exporters import Exporter
from epipose.io.pose_files import read_poses


def export(poses_path: Path, formats: Sequence[str], out: Path | None = None) -> list[Path]:
    """Write the poses of a pose file as each of `formats` into the folder `out`, and return the files written.

    Without `out` they go to the `exports` folder of the capture. Files take the pose file's name. Every format is
    looked up before the first file is written.
    """
    if not formats:
        raise InputError(f"no format was named; choose from {', '.join(plugins.names(exporters))}")
    chosen: list[Exporter] = [plugins.load(exporters, name) for name in dict.fromkeys(formats)]
    poses = read_poses(poses_path)
    folder = out if out is not None else _exports_beside(poses_path)
    return [file for exporter in chosen for file in exporter.write(folder / (poses_path.stem + exporter.suffix), poses)]


def _exports_beside(poses_path: Path) -> Path:
    folder = poses_path.absolute().parent
    return (folder.parent if folder.name == "poses" else folder) / "exports"
