"""`epipose evaluate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from epipose import plugins
from epipose.cli import Command, Outcome
from epipose.errors import InputError
from epipose.pipeline.progress import Report

DATASETS = ", ".join(plugins.names_in("epipose.datasets"))
AXES = ("same-axes", "own-axes")


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Say how far poses are from the truth or from other poses, of a capture or of a data set under a protocol of its
    papers, or by number of views; or fit clusters for the pose structure score (PSS)."""

    folder: Annotated[
        Path | None,
        tyro.conf.Positional,
        tyro.conf.arg(
            metavar="CAPTURE",
            help="Folder of the recording whose poses are compared; with --dataset, of the captures made of it.",
            help_behavior_hint="(required, but for --fit-clusters)",
        ),
    ] = None
    poses: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="NAME|FILE",
            help="Poses in the capture's poses folder, or a pose file; with --dataset also what epipose predict wrote"
            " for each view (predicted).",
            help_behavior_hint="(default: smooth)",
        ),
    ] = None
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
    dataset: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="NAME",
            help=f"CAPTURE is a folder of captures that epipose prepare made of this data set ({DATASETS}); all that"
            " the protocol tests are evaluated together.",
            help_behavior_hint="(default: one capture)",
        ),
    ] = None
    model: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="NAME|FILE",
            help="With --dataset: a network, which is shown people where they truly are, instead of poses.",
            help_behavior_hint="(default: the poses)",
        ),
    ] = None
    damaged: Annotated[
        bool, tyro.conf.arg(help="With --dataset: also recordings whose truth is known to be wrong.")
    ] = False
    by_views: Annotated[
        bool,
        tyro.conf.arg(
            help="Triangulate with 2, 3, ... all views, and say how far poses and cameras then are from the truth."
        ),
    ] = False
    detector: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="NAME",
            help="With --by-views: whose keypoints are triangulated. With --dataset: whose keypoints show a network"
            " where people are.",
            help_behavior_hint="(default: auto; with --dataset truth)",
        ),
    ] = None
    cameras: Annotated[
        str,
        tyro.conf.arg(
            metavar="auto|FILE|people",
            help="A camera file; auto: the capture's own, else the one that epipose calibrate wrote; with --by-views"
            " also people: found from the person alone.",
        ),
    ] = "auto"
    protocol: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="NAME",
            help="same-axes: poses and truth share their axes; own-axes: the poses' axes are their own, such as with"
            " cameras from people, and one turn for the whole recording is taken away first. With --dataset one of its"
            " protocols; h36m: p1, p2, tekin2016, every-64, every-64-mpii.",
            help_behavior_hint="(default: same-axes; with --dataset its usual one, such as p1)",
        ),
    ] = None
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

    def run(self, progress: Report, /) -> Outcome:
        """Write the errors as JSON and Markdown, or the clusters."""
        if self.fit_clusters:
            return self._fit()
        if self.folder is None:
            raise InputError("no capture was named; say epipose evaluate CAPTURE, or --fit-clusters POSES --out FILE")
        if self.dataset is not None:
            return self._dataset(self.folder, self.dataset, progress)
        for given, name in ((self.model is not None, "--model"), (self.damaged, "--damaged")):
            if given:
                raise InputError(f"{name} is for the captures of a data set; name it, as with --dataset h36m")
        if self.by_views:
            return self._by_views(self.folder, progress)
        return self._one(self.folder)

    def _one(self, folder: Path) -> Outcome:
        if self.protocol not in (None, *AXES):
            raise InputError(
                f"protocol {self.protocol!r} is none of one capture ({', '.join(AXES)}); for one of a data set's, name"
                " that, as with --dataset h36m"
            )
        if self.detector is not None:
            raise InputError("--detector is for --by-views and --dataset; leave it out")
        from epipose.pipeline.evaluate import evaluate
        from epipose.report.evaluation import as_table, as_text, one_line

        done = evaluate(
            folder,
            poses=self.poses or "smooth",
            truth=self.truth,
            view=self.view,
            cameras=self.cameras,
            protocol="own-axes" if self.protocol == "own-axes" else "same-axes",
            between=self.between,
            clusters=self.clusters,
            reference_compatible=self.reference_compatible,
            out=self.out,
        )
        return _outcome(done.files, as_text(done.report), as_table(done.report), one_line(done.report),
                        done.report.warnings)  # fmt: skip

    def _dataset(self, folder: Path, dataset: str, progress: Report) -> Outcome:
        from epipose.pipeline.evaluate_dataset import evaluate_dataset
        from epipose.report.protocols import as_table, as_text, one_line

        one_capture = (self.by_views, self.view is not None, self.between is not None, self.truth != "truth")
        if any(one_capture) or self.cameras != "auto":
            raise InputError(
                "--by-views, --view, --between, --truth and --cameras are for one capture; leave them out, or --dataset"
            )
        if self.model is not None and self.poses is not None:
            raise InputError("--model and --poses are two things to evaluate; name one of them")
        done = evaluate_dataset(
            folder,
            dataset,
            self.protocol,
            model=self.model,
            poses=self.poses or ("smooth" if self.model is None else None),
            detector=self.detector or "truth",
            clusters=self.clusters,
            damaged=self.damaged,
            out=self.out,
            progress=progress,
        )
        return _outcome(done.files, as_text(done.report), as_table(done.report), one_line(done.report),
                        done.report.warnings)  # fmt: skip

    def _by_views(self, folder: Path, progress: Report) -> Outcome:
        from epipose.pipeline.evaluate_views import evaluate_views
        from epipose.report.view_counts import as_table, as_text, one_line

        others = (self.poses, self.protocol, self.view, self.between)
        if any(other is not None for other in others) or self.clusters or self.truth != "truth":
            raise InputError(
                "--by-views makes poses of its own and compares them with the truth; leave out --poses, --truth,"
                " --protocol, --view, --between and --clusters"
            )
        done = evaluate_views(
            folder, cameras=self.cameras, detector=self.detector or "auto", out=self.out, progress=progress
        )
        return _outcome(done.files, as_text(done.report), as_table(done.report), one_line(done.report), ())

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


def _outcome(files: Sequence[Path], text: str, table: dict[str, Any], line: str, warnings: tuple[str, ...]) -> Outcome:
    written = " and ".join(str(file) for file in files)
    told = {"files": [str(file) for file in files], **table}
    return Outcome(f"{text}\n\nwrote {written}: {line}", told, warnings)


PLUGIN = Evaluate
