"""`epipose learn`."""

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from epipose.cli import Command, Outcome
from epipose.cli._arguments import Detector
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Learn(Command):
    """Teach a network to see 3D poses with one camera, by recordings of several that were reconstructed."""

    folders: Annotated[
        list[str],
        tyro.conf.Positional,
        tyro.conf.arg(
            metavar="CAPTURE...",
            help="Folders of recordings, after `epipose reconstruct`; or, for supervised and structured-supervised, one"
            " folder or URL of shards, made by `epipose prepare`.",
        ),
    ]
    recipe: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME",
            help="self-supervised: by what the cameras triangulated; lift: the same, from keypoints of a detector"
            " instead of pictures; refine: a network that was taught already, whose poses are made better by the same;"
            " structured: poses by way of what an autoencoder knows of them; supervised, lift-supervised,"
            " refine-supervised, structured-supervised: by the truth of synthetic recordings and data sets.",
        ),
    ] = "self-supervised"
    model: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME", help="small: for processors and browsers; resnet18, 34, 50, 101 or 152: as published."
        ),
    ] = "small"
    name: Annotated[
        str | None,
        tyro.conf.arg(metavar="NAME", help="What to call the result.", help_behavior_hint="(default: as the model)"),
    ] = None
    start: Annotated[
        str,
        tyro.conf.arg(
            metavar="auto|none|FILE|NAME",
            help="The network to start from: a model file; auto: the one that comes with epipose, where there is one;"
            " none: chance. For refine, the one to make better: a file, or its name in CAPTURE/models (auto: as the"
            " model).",
        ),
    ] = "auto"
    hold_out: Annotated[
        str,
        tyro.conf.arg(
            metavar="SHARE|VIEW|CAPTURE",
            help="Never learned from, for marking: the last share of the frames, one camera, or one of several"
            " recordings; of shards also subjects, such as S9,S11.",
        ),
    ] = "0.25"
    crops: Annotated[
        Literal["box", "paper"],
        tyro.conf.arg(
            help="What the network is shown: the square around the person's joints; or, as published, 2 m around the"
            " pelvis, for which its distance has to be known."
        ),
    ] = "box"
    obstacle: Annotated[
        str,
        tyro.conf.arg(
            metavar="auto|none|[VIEW:]X,Y,RADIUS",
            help="Round things before the cameras, now or later, that the network is to do without seeing through: auto"
            " looks for those that hide people; or where they are, in pixels, in every view or in one (several with"
            " spaces between).",
        ),
    ] = "auto"
    detector: Detector = "auto"
    steps: Annotated[
        int | None,
        tyro.conf.arg(
            metavar="N",
            help="Batches to learn from, of 32 pictures, 256 people to lift, or 128 poses to refine; for structured, of"
            " 128 pictures for the codes and as many for all together.",
            help_behavior_hint="(default: 600; to refine: 400; structured: 500)",
        ),
    ] = None
    seed: Annotated[int, tyro.conf.arg(metavar="N", help="Everything left to chance follows from it.")] = 0
    trunk: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME",
            help="For structured, what sees the picture: cnn, the published network of 2016; small; or resnet18, 34,"
            " 50, 101 or 152.",
        ),
    ] = "cnn"
    hidden: Annotated[
        str,
        tyro.conf.arg(metavar="N[-N...]", help="For structured, units of the autoencoder's layers, such as 300-300."),
    ] = "2000"
    head: Annotated[
        Literal["autoencoder", "direct", "pca", "dense"],
        tyro.conf.arg(
            help="For structured, what decodes poses. To compare with: nothing, principal components, or an untaught"
            " layer as wide as the autoencoder's last."
        ),
    ] = "autoencoder"
    stage: Annotated[
        Literal["all", "poses", "joints", "codes", "together"],
        tyro.conf.arg(
            help="For structured, one stage alone, after those before it: what poses there are; where joints are in"
            " pictures, which may be left out and is no part of all; codes of poses from pictures; all layers together."
        ),
    ] = "all"

    def run(self, progress: Report, /) -> Outcome:
        """Write the network, its card and its report into models/<name>/ of the first capture."""
        from epipose.pipeline.learn import Settings, learn, learn_stage
        from epipose.pipeline.learn_structured import EARLY, Structure, parse_hidden
        from epipose.report.learning.json_file import as_table
        from epipose.report.learning.summary import millimetres, one_line

        settings = Settings(
            recipe=self.recipe,
            model=self.model,
            name=self.name or "",
            start=self.start,
            hold_out=self.hold_out,
            crops=self.crops,
            obstacle=self.obstacle,
            detector=self.detector,
            steps=self.steps,
            seed=self.seed,
            structure=Structure(trunk=self.trunk, hidden=parse_hidden(self.hidden), head=self.head, stage=self.stage),
        )
        if self.stage in EARLY:
            file, errors = learn_stage(self.folders, settings, progress=progress, note=self._note)
            error = (
                millimetres(errors["mpjpe_mm"])
                if "mpjpe_mm" in errors
                else f"{errors['joints_crop']:.0f}/1000 of a crop"
            )
            return Outcome(f"wrote {file}: {error} off on what is held out", {"file": str(file), "errors": errors})
        report = learn(self.folders, settings, progress=progress, note=self._note)
        line = f"{one_line(report)}; wrote {report.file}, report: {report.file.parent / 'report.html'}"
        return Outcome(line, as_table(report), report.warnings)

    def _note(self, sentence: str) -> None:
        if not self.json:
            print(sentence, file=sys.stderr)


PLUGIN = Learn
