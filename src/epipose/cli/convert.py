"""`epipose convert`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from epipose.cli import Command, Outcome
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Convert(Command):
    """Make a model file of a checkpoint of the published EpipolarPose code; you bring it, epipose has none."""

    checkpoint: Annotated[
        Path,
        tyro.conf.Positional,
        tyro.conf.arg(metavar="CHECKPOINT", help="Weights of a network, such as model_best.pth.tar."),
    ]
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FILE",
            help="The model file to write.",
            help_behavior_hint="(default: beside the checkpoint, with the ending .onnx)",
        ),
    ] = None

    def run(self, _: Report, /) -> Outcome:
        """Write the model file."""
        from epipose.pipeline.convert import convert

        made = convert(self.checkpoint, self.out)
        skeleton, size = made.description.skeleton, made.file.stat().st_size
        line = f"wrote {made.file} ({size / 1e6:.1f} MB): {made.model}, {len(skeleton)} joints ({skeleton.name})"
        table = {
            "file": str(made.file),
            "bytes": size,
            "model": made.model,
            "skeleton": skeleton.name,
            "terms": made.description.terms,
        }
        return Outcome(line, table)


PLUGIN = Convert
