"""`epipose prepare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report

DATASETS = ", ".join(plugins.names_in("epipose.datasets"))


@dataclass(frozen=True, kw_only=True)
class Prepare(Command):
    """Make capture folders, with their truth, of a published data set that you have."""

    dataset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET", help=f"One of: {DATASETS}.")]
    root: Annotated[Path, tyro.conf.arg(metavar="DIR", help="The folder that holds the data set.")]
    out: Annotated[
        Path,
        tyro.conf.arg(
            metavar="DIR", help="Where the capture folders go; what is there already from the same files is kept."
        ),
    ]
    subjects: Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="NAME [NAME ...]", help="Only these.", help_behavior_hint="(default: all)"),
    ] = ()
    actions: Annotated[
        tuple[str, ...],
        tyro.conf.arg(metavar="NAME [NAME ...]", help="Only these.", help_behavior_hint="(default: all)"),
    ] = ()
    splits: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="NAME [NAME ...]",
            help="Only these, of data sets that come in such parts: train, val2017 and so on.",
            help_behavior_hint="(default: all)",
        ),
    ] = ()
    every: Annotated[
        int,
        tyro.conf.arg(
            metavar="N", help="Keep each N-th moment; with more than 1, videos become pictures of these moments."
        ),
    ] = 1
    damaged: Annotated[
        bool, tyro.conf.arg(help="Also recordings whose truth is known to be wrong, which are left out otherwise.")
    ] = False

    def run(self, progress: Report, /) -> Outcome:
        """Write the capture folders."""
        from epipose.datasets import Wanted
        from epipose.pipeline.prepare import prepare

        wanted = Wanted(subjects=self.subjects, actions=self.actions, splits=self.splits, damaged=self.damaged)
        made = prepare(self.dataset, self.root, self.out, wanted, every=self.every, progress=progress)
        count = len(made.captures)
        line = (
            f"wrote {made.written} of {count} captures into {made.out} ({count - made.written} were there):"
            f" {made.poses} poses, {len(made.views)} cameras"
        )
        table = {
            "out": str(made.out),
            "captures": list(made.captures),
            "written": made.written,
            "poses": made.poses,
            "views": list(made.views),
        }
        return Outcome(line, table, made.notes)


PLUGIN = Prepare
