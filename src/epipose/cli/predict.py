"""`epipose predict`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.cli._arguments import DETECTORS
from epipose.pipeline.progress import Report

FORMATS = ", ".join(plugins.names_in("epipose.exporters"))


@dataclass(frozen=True, kw_only=True)
class Predict(Command):
    """See people in 3D with one camera, by a network: in a picture, a folder of pictures, a video, or live."""

    source: Annotated[
        str,
        tyro.conf.Positional,
        tyro.conf.arg(
            metavar="SOURCE",
            help="A picture, a folder of pictures, a video, or the number of a webcam (the first is 0), which is"
            " watched until you press Ctrl-C.",
        ),
    ]
    model: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME", help="A model that comes with epipose or that the capture taught, or the file of a model."
        ),
    ] = "small"
    detector: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="NAME",
            help=f"Shows the network where people are, or, if it lifts 2D joints, their joints: one of {DETECTORS}.",
            help_behavior_hint="(default: builtin; for joints mediapipe where that is installed)",
        ),
    ] = None
    cameras: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FILE",
            help="A camera file with the source's camera: poses are metres in its world.",
            help_behavior_hint="(default: nothing is known of the camera)",
        ),
    ] = None
    intrinsics: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FILE",
            help="A camera file of which only the lens is taken: poses are metres from the camera.",
            help_behavior_hint="(default: no lens; poses are metres from each person's root)",
        ),
    ] = None
    height_m: Annotated[
        float | None,
        tyro.conf.arg(
            name="height",
            metavar="METRES",
            help="How tall the people are.",
            help_behavior_hint="(default: as those that the model was taught on, else as average adults)",
        ),
    ] = None
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FOLDER",
            help="Where to write.",
            help_behavior_hint="(default: SOURCE-predicted beside the source; predicted/ of its capture)",
        ),
    ] = None
    formats: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            name="format",
            metavar="FORMAT [FORMAT ...]",
            help=f"Files for other programs, besides poses.npz: any of {FORMATS}.",
            help_behavior_hint="(default: none)",
        ),
    ] = ()
    overlay: Annotated[
        bool,
        tyro.conf.arg(
            help="Leave out the video or pictures in which what was seen is drawn.",
            help_behavior_hint="(default: they are written)",
        ),
    ] = True
    animation: Annotated[
        bool,
        tyro.conf.arg(
            help="Also write the overlay's first 6 seconds as a small animated picture (WebP) for pages and messages.",
            help_behavior_hint="(default: it is not written)",
        ),
    ] = False
    frame_rate: Annotated[
        float | None,
        tyro.conf.arg(
            metavar="PER-SECOND",
            help="The pictures of the folder are frames of a video, taken at so many a second.",
            help_behavior_hint="(default: each is a picture by itself)",
        ),
    ] = None

    def run(self, progress: Report, /) -> Outcome:
        """Write poses, what they mean, the overlay and exports."""
        from epipose.pipeline.predict import predict
        from epipose.report.wording import plural

        done = predict(
            self.source,
            model=self.model,
            detector=self.detector,
            cameras=self.cameras,
            intrinsics=self.intrinsics,
            height_m=self.height_m,
            out=self.out,
            formats=self.formats,
            overlay=self.overlay,
            animation=self.animation,
            frame_rate=self.frame_rate,
            progress=progress,
        )
        frames, most = len(done.people), max(map(len, done.people))
        who = plural(most, "person", "people") + (" at a time" if most > 1 else "")
        line = (
            f"wrote {done.folder}: {who} in {done.frames_with_people} of {plural(frames, 'frame')}; {done.meaning};"
            f" {done.frames_per_second:.1f} frames/s"
        )
        table = {
            "folder": str(done.folder),
            "files": [str(file) for file in done.files],
            "frames": frames,
            "frames_with_people": done.frames_with_people,
            "most_people": most,
            "measure": done.measure,
            "meaning": done.meaning,
            "frames_per_second": round(done.frames_per_second, 2),
        }
        return Outcome(line, table, done.notes)


PLUGIN = Predict
