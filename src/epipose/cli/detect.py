"""`epipose detect`."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from epipose.cli import Command, Outcome
from epipose.cli._arguments import DETECTORS, Folder, FrameRate
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Detect(Command):
    """Find people's joints in the videos of a capture folder; views that are done already are left as they are."""

    folder: Folder
    detector: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME", help=f"One of {DETECTORS}; auto: mediapipe where that is installed, else builtin."
        ),
    ] = "auto"
    frame_rate: FrameRate = None

    def run(self, progress: Report, /) -> Outcome:
        """Write keypoints/<detector>/<view>.npz for every view."""
        from epipose.io.keypoint_files import read_keypoints
        from epipose.pipeline.detect import detect
        from epipose.pipeline.inputs import default_detector
        from epipose.report.wording import percent, plural

        notes: list[str] = []
        detector = default_detector() if self.detector == "auto" else self.detector
        files = detect(self.folder, detector=detector, frame_rate=self.frame_rate, progress=progress, note=notes.append)
        found = {view: read_keypoints(file) for view, file in files.items()}
        seen = {view: float((keypoints.score > 0).any(axis=(1, 2)).mean()) for view, keypoints in found.items()}
        views = {
            view: {"file": str(files[view]), "frames": len(found[view].times), "frames_with_people_share": seen[view]}
            for view in files
        }
        frames = sum(len(keypoints.times) for keypoints in found.values())
        line = (
            f"wrote {self.folder / 'keypoints' / detector}: {plural(len(files), 'view')},"
            f" {plural(frames, 'frame')}, people in at least {percent(min(seen.values()))} of each view's"
        )
        return Outcome(line, {"detector": detector, "views": views}, tuple(notes))


PLUGIN = Detect
