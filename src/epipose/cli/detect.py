"""`epipose detect`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Detect(Command):
    """Find people's joints in the videos of a capture folder; views that are done already are left as they are."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Capture folder: holds one video for each camera, in videos/ or directly."""
    detector: Annotated[
        str, tyro.conf.arg(metavar="NAME", help=f"One of {', '.join(plugins.names_in('epipose.detectors'))}.")
    ] = "mediapipe"
    frame_rate: Annotated[float | None, tyro.conf.arg(metavar="PER-SECOND")] = None
    """Pictures per second, for folders of pictures; videos know theirs."""

    def run(self, progress: Report, /) -> Outcome:
        """Write keypoints/<detector>/<view>.npz for every view."""
        from epipose.io.keypoint_files import read_keypoints
        from epipose.pipeline.detect import detect

        notes: list[str] = []
        files = detect(
            self.folder, detector=self.detector, frame_rate=self.frame_rate, progress=progress, note=notes.append
        )
        found = {view: read_keypoints(file) for view, file in files.items()}
        seen = {view: float((keypoints.score > 0).any(axis=(1, 2)).mean()) for view, keypoints in found.items()}
        views = {
            view: {"file": str(files[view]), "frames": len(found[view].times), "frames_with_people_share": seen[view]}
            for view in files
        }
        frames = sum(len(keypoints.times) for keypoints in found.values())
        line = (
            f"wrote {self.folder / 'keypoints' / self.detector}: {len(files)} views, {frames} frames;"
            f" people in at least {min(seen.values()):.0%} of each view's"
        )
        return Outcome(line, {"detector": self.detector, "views": views}, tuple(notes))


PLUGIN = Detect
