"""`epipose triangulate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epipose.cli import Command, Outcome
from epipose.cli._arguments import Detector, Folder, FrameRate, PlacedCameras, Smooth
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Triangulate(Command):
    """Turn keypoints and known cameras into metric 3D poses."""

    folder: Folder
    cameras: PlacedCameras = "auto"
    detector: Detector = "auto"
    smooth: Smooth = "motion"
    frame_rate: FrameRate = None

    def run(self, progress: Report, /) -> Outcome:
        """Write poses/<name>.npz: frame by frame, and with steady bones and smooth motion."""
        from epipose.pipeline.triangulate import triangulate
        from epipose.report.wording import millimetres, plural

        files = triangulate(
            self.folder,
            cameras=self.cameras,
            detector=self.detector,
            smooth=self.smooth,
            frame_rate=self.frame_rate,
            progress=progress,
        )
        poses = {name: _summary(file) for name, file in files.items()}
        best = poses["smooth"]
        line = (
            f"wrote {' and '.join(str(file) for file in files.values())}: {plural(best['people'], 'person', 'people')},"
            f" {plural(best['frames'], 'frame')}, joints known to {millimetres(best['uncertainty_median_m'])} (1 sigma)"
        )
        return Outcome(line, {"poses": poses})


def _summary(file: Path) -> dict[str, Any]:
    import numpy as np

    from epipose.io.pose_files import read_poses

    poses = read_poses(file)
    known = poses.uncertainty[poses.weight > 0]
    return {
        "file": str(file),
        "frames": len(poses.times),
        "people": poses.weight.shape[1],
        "found_share": float(np.mean(poses.weight[:, :1] > 0)),
        "uncertainty_median_m": float(np.median(known)) if known.size else None,
    }


PLUGIN = Triangulate
