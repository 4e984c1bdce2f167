"""`epipose export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """Write poses as files that other programs open."""

    poses: Annotated[
        Path, tyro.conf.Positional, tyro.conf.arg(metavar="POSES", help="Pose file of a capture: poses/<name>.npz.")
    ]
    formats: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(
            metavar="FORMAT [FORMAT ...]",
            help=f"Any of {', '.join(plugins.names_in('epipose.exporters'))}.",
            help_behavior_hint="(required)",
        ),
    ]
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FOLDER", help="Where to write.", help_behavior_hint="(default: the capture's exports folder)"
        ),
    ] = None

    def run(self, _: Report, /) -> Outcome:
        """Write one file a format (and a person, where the format holds one only)."""
        from epipose.pipeline.export import export
        from epipose.report.wording import plural

        files = export(self.poses, self.formats, self.out)
        size = sum(file.stat().st_size for file in files)
        names = ", ".join(file.name for file in files)
        line = f"wrote {plural(len(files), 'file')} ({size / 1e6:.1f} MB) to {files[0].parent}: {names}"
        return Outcome(line, {"files": [str(file) for file in files], "bytes": size})


PLUGIN = Export
