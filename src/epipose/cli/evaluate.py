"""`epipose evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from epipose.cli import Command, Outcome
from epipose.cli._arguments import PlacedCameras
from epipose.errors import InputError
from epipose.pipeline.progress import Report


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Say how far poses are from the truth or from other poses; or fit clusters for the pose structure score (PSS)."""

    folder: Annotated[
        Path | None,
        tyro.conf.Positional,
        tyro.conf.arg(
            metavar="CAPTURE",
            help="Folder of the recording whose poses are compared.",
            help_behavior_hint="(required, but for --fit-clusters)",
        ),
    ] = None
    poses: Annotated[
        str, tyro.conf.arg(metavar="NAME|FILE", help="Poses in the capture's poses folder, or a pose file.")
    ] = "smooth"
    truth: Annotated[
        str,
        tyro.conf.arg(
            metavar="NAME|FILE",
            help="What they are compared with: the truth of a synthetic recording or a data set (truth), poses in the"
            " capture's poses folder, or a pose file.",
        ),
    ] = "truth"
    view: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="VIEW",
            help="The poses are in this camera's axes and on its clock, as one camera alone gives them.",
            help_behavior_hint="(default: in the world and on the clock of the capture)",
        ),
    ] = None
    cameras: PlacedCameras = "auto"
    protocol: Annotated[
        Literal["same-axes", "own-axes"],
        tyro.conf.arg(
            help="same-axes: poses and truth share their axes; own-axes: the poses' axes are their own, such as with"
            " cameras from people, and one turn for the whole recording is taken away first."
        ),
    ] = "same-axes"
    between: Annotated[
        tuple[float, float] | None,
        tyro.conf.arg(
            metavar="BEGIN END",
            help="Only moments between these times count, in seconds on the poses' clock.",
            help_behavior_hint="(default: all)",
        ),
    ] = None
    clusters: Annotated[
        tuple[Path, ...],
        tyro.conf.arg(
            metavar="FILE [FILE ...]",
            help="Also the pose structure score under these clusters.",
            help_behavior_hint="(default: none)",
        ),
    ] = ()
    reference_compatible: Annotated[
        bool,
        tyro.conf.arg(help="Also the errors as EpipolarPose's published code computes them, to compare with them."),
    ] = False
    fit_clusters: Annotated[
        tuple[Path, ...],
        tyro.conf.arg(
            metavar="POSES [POSES ...]",
            help="Compare nothing: fit clusters on these pose files, and write them to --out.",
            help_behavior_hint="(default: none)",
        ),
    ] = ()
    count: Annotated[int, tyro.conf.arg(metavar="NUMBER", help="Of clusters to fit; 50 and 100 were published.")] = 50
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="PLACE",
            help="Folder for the results, or the file for clusters.",
            help_behavior_hint="(default: the capture's evaluation folder)",
        ),
    ] = None

    def run(self, _: Report, /) -> Outcome:
        """Write the errors as JSON and Markdown, or the clusters."""
        if self.fit_clusters:
            return self._fit()
        if self.folder is None:
            raise InputError("no capture was named; say epipose evaluate CAPTURE, or --fit-clusters POSES --out FILE")
        from epipose.pipeline.evaluate import evaluate
        from epipose.report.evaluation import as_table, as_text, one_line

        done = evaluate(
            self.folder,
            poses=self.poses,
            truth=self.truth,
            view=self.view,
            cameras=self.cameras,
            protocol=self.protocol,
            between=self.between,
            clusters=self.clusters,
            reference_compatible=self.reference_compatible,
            out=self.out,
        )
        written = " and ".join(str(file) for file in done.files)
        table = {"files": [str(file) for file in done.files], **as_table(done.report)}
        return Outcome(
            f"{as_text(done.report)}\n\nwrote {written}: {one_line(done.report)}", table, done.report.warnings
        )

    def _fit(self) -> Outcome:
        if self.folder is not None:
            raise InputError("--fit-clusters compares nothing; leave out the capture")
        if self.out is None:
            raise InputError("there is no place for the clusters; name a file with --out")
        from epipose.pipeline.evaluate import fit_structure_clusters

        clusters = fit_structure_clusters(self.fit_clusters, self.out, self.count)
        table = {
            "file": str(self.out),
            "clusters": len(clusters.centres),
            "hash": clusters.hash,
            "joint_names": list(clusters.joint_names),
        }
        line = f"wrote {self.out}: {self.count} clusters of {len(clusters.joint_names)} joints, hash {clusters.hash}"
        return Outcome(line, table)


PLUGIN = Evaluate
