"""`epipose prepare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report

DATASETS = ", ".join(plugins.names_in("epipose.datasets"))


@dataclass(frozen=True, kw_only=True)
class Prepare(Command):
    """Make crops to learn from, or capture folders, of a published data set that you have, with its truth."""

    dataset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET", help=f"One of: {DATASETS}.")]
    root: Annotated[Path, tyro.conf.arg(metavar="DIR", help="The folder that holds the data set.")]
    out: Annotated[
        Path,
        tyro.conf.arg(metavar="DIR", help="Where it goes; what is there already from the same files is kept."),
    ]
    form: Annotated[
        Literal["shards", "captures"],
        tyro.conf.arg(
            name="as",
            help="shards: squares around people as JPEG in tar files, with a table of their joints; captures: folders"
            " of videos and cameras for all other commands.",
        ),
    ] = "shards"
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
            metavar="NAME [NAME ...]", help="Only these, of data sets in splits.", help_behavior_hint="(default: all)"
        ),
    ] = ()
    every: Annotated[
        int,
        tyro.conf.arg(
            metavar="N",
            help="Keep each N-th moment; in captures, videos become pictures of these moments with more than 1.",
        ),
    ] = 1
    side: Annotated[
        int,
        tyro.conf.arg(
            metavar="PIXELS",
            help="Of crops in shards. A network should see no more than two thirds of them: 384 for resnets.",
        ),
    ] = 256
    damaged: Annotated[
        bool, tyro.conf.arg(help="Also recordings whose truth is known to be wrong, which are left out otherwise.")
    ] = False

    def run(self, progress: Report, /) -> Outcome:
        """Write the shards or the capture folders."""
        from epipose.datasets import Wanted
        from epipose.pipeline.prepare import prepare

        wanted = Wanted(subjects=self.subjects, actions=self.actions, splits=self.splits, damaged=self.damaged)
        made = prepare(
            self.dataset,
            self.root,
            self.out,
            wanted,
            form=self.form,
            every=self.every,
            side=self.side,
            progress=progress,
        )
        kind, examples = ("captures", "poses") if self.form == "captures" else ("parts", "crops")
        cameras = f", {len(made.views)} cameras" if made.views else ""
        line = (
            f"wrote {made.written} of {made.parts} {kind} into {made.out} ({made.parts - made.written} were there):"
            f" {made.examples} {examples}{cameras}"
        )
        table = {
            "out": str(made.out),
            "as": self.form,
            "recordings": list(made.recordings),
            "written": made.written,
            examples: made.examples,
            "views": list(made.views),
        }
        return Outcome(line, table, made.notes)


PLUGIN = Prepare
