"""`epipose view`."""

import os
import signal
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class View(Command):
    """Look at a capture in 3D: cameras with what they filmed, everybody's skeletons, and how sure they are."""

    capture: Annotated[
        Path, tyro.conf.Positional, tyro.conf.arg(metavar="CAPTURE", help="The folder of a recording with poses.")
    ]
    cameras: Annotated[
        str,
        tyro.conf.arg(metavar="auto|FILE", help="Where the cameras stand; auto: those by which the poses were found."),
    ] = "auto"
    port: Annotated[
        int, tyro.conf.arg(metavar="NUMBER", help="Of this computer only; if it is taken, the next that is free.")
    ] = 8080
    frame_rate: Annotated[
        float | None,
        tyro.conf.arg(
            metavar="PER-SECOND",
            help="Of views that are folders of pictures.",
            help_behavior_hint="(default: such pictures are not shown)",
        ),
    ] = None
    browser: Annotated[
        bool, tyro.conf.arg(help="Do not open a browser. None is opened over SSH, or where there is no screen.")
    ] = True

    def run(self, _: Report, /) -> Outcome:
        """Show the capture until Ctrl-C."""
        try:
            from epipose.viewer.recording import open_recording
            from epipose.viewer.viewing import Viewer
        except ModuleNotFoundError as error:
            raise plugins.missing_extra("the viewer", "view") from error
        recording = open_recording(self.capture, cameras=self.cameras, frame_rate=self.frame_rate)
        viewer = Viewer(recording, self.port)
        # Not in the last line: who waits for the address cannot wait for the end.
        print(f"open {viewer.address} in a browser; stop with Ctrl-C", file=sys.stderr, flush=True)
        if "SSH_CONNECTION" in os.environ:
            port = viewer.address.rpartition(":")[2]
            print(f"from your own computer: ssh -L {port}:127.0.0.1:{port} and this computer's name", file=sys.stderr)
        elif self.browser and _has_screen():
            webbrowser.open(viewer.address)
        # Also of a program in the background, for which Ctrl-C is switched off.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: viewer.stop())
        viewer.run()
        table = {"url": viewer.address, "tracks": [track.name for track in recording.tracks]}
        return Outcome(f"showed {recording.name} at {table['url']}", table, recording.notes)


def _has_screen() -> bool:
    """Return whether a browser would get a window; without one, Python would start one in the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


PLUGIN = View
