"""The stage that evaluates a data set under one of its protocols: a network, or poses that are there."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from epipose import __version__, datasets, plugins
from epipose.datasets import Dataset
from epipose.datasets._benchmark import Benchmark
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.cluster_files import read_clusters
from epipose.io.pose_files import read_poses
from epipose.pipeline.inputs import TRUE_KEYPOINTS
from epipose.pipeline.prepared_captures import Moments, PreparedCapture, moments, tested_captures
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.shown_poses import Shown, nearest, shown_poses
from epipose.pose.comparison import Comparison, compare
from epipose.pose.keypoints import Poses
from epipose.pose.protocol_scores import protocol_scores
from epipose.pose.protocols import Protocol, in_protocol, joints_that_count, protocol_named
from epipose.report.protocols import ProtocolReport, write_protocol_report
from epipose.runtime.networks import find_network
from epipose.runtime.sizes import usual_sizes
from epipose.threads import one_blas_thread


@dataclass(frozen=True, eq=False)
class EvaluatedDataset:
    """Errors under a protocol, and the JSON, Markdown and PNG files that say them."""

    report: ProtocolReport
    files: tuple[Path, ...]


@one_blas_thread
def evaluate_dataset(
    folder: Path,
    dataset: str,
    protocol: str | Protocol | None = None,
    *,
    model: str | None = None,
    poses: str | None = None,
    detector: str = TRUE_KEYPOINTS,
    clusters: Sequence[Path] = (),
    damaged: bool = False,
    out: Path | None = None,
    progress: Report = no_report,
) -> EvaluatedDataset:
    """Compare poses with the truth of a data set as a protocol says; writes files into evaluation/ of `folder`.

    `folder` holds captures that `prepare` made. `protocol`: the data set's usual one, if not named. Either `model` is a
    model file or its name: it is shown people where `keypoints/DETECTOR` has them, one picture at a time; or `poses`
    are in each capture's poses/NAME.npz, in its world, or in NAME/VIEW/poses.npz for each view, as `predict` writes
    them into predicted/. `clusters`: files for the pose structure score. `damaged`: also recordings whose truth is
    known to be wrong. `out`: another folder for the files. Raises InputError, with the remedy, for captures, poses or a
    model that do not fit the protocol.
    """
    benchmark = _benchmark(dataset)
    usual = benchmark.protocols[0]
    chosen = protocol_named(benchmark.protocols, protocol) if isinstance(protocol, str) else protocol or usual
    if (model is None) == (poses is None):
        raise InputError("say what is evaluated: a network with --model, or poses that are there with --poses")
    known = [read_clusters(file) for file in clusters]
    captures, notes = tested_captures(folder, dataset, benchmark, chosen, damaged=damaged)
    shown = None if model is None else _opened(model, detector, chosen)
    name = shown.name if shown is not None else str(poses)
    asked, taken = 0, []
    for number, capture in enumerate(captures):
        progress(f"protocol {chosen.name}", number, len(captures))
        at = moments(capture, benchmark, chosen)
        for both in _comparisons(shown, name, capture, at, chosen, progress):
            asked += len(at.places)
            if isinstance(both, Comparison):
                taken.append((capture.action, both))
            else:
                notes.append(str(both))
    progress(f"protocol {chosen.name}", len(captures), len(captures))
    if not taken:
        raise InputError(f"{name} saw nobody in any of the captures in {folder}; use another model")
    report = ProtocolReport(
        title=folder.resolve().name,
        version=__version__,
        created=datetime.now(UTC),
        dataset=dataset,
        protocol=chosen,
        evaluated=name,
        how=_how(shown),
        captures=tuple(capture.folder.name for capture in captures),
        asked_poses=asked,
        scores=protocol_scores(chosen, taken, known),
        clusters={some.hash: len(some.centres) for some in known},
        published=tuple(row for row in benchmark.published if chosen.name in row.protocols),
        notes=tuple(dict.fromkeys(notes)),
    )
    return EvaluatedDataset(report, write_protocol_report(out if out is not None else folder / "evaluation", report))


def _benchmark(dataset: str) -> Benchmark:
    reader: Dataset = plugins.load(datasets, dataset)
    if reader.benchmark is None:
        raise InputError(f"no protocols are known of data set {dataset!r}; evaluate its captures one by one")
    return reader.benchmark


def _opened(model: str, detector: str, protocol: Protocol) -> Shown:
    """Return a network that is shown people; raises InputError if there is none, or one of other joints."""
    shown = Shown.of(find_network(model), detector, depth_given=protocol.depth_given)
    joints_that_count(shown.network.description.skeleton, protocol, f"model {shown.name!r}")
    return shown


def _comparisons(
    shown: Shown | None, name: str, capture: PreparedCapture, at: Moments, protocol: Protocol, progress: Report
) -> Iterator[Comparison | InputError]:
    """Yield the poses of each view, or of all together, beside the truth, or why there is nothing to compare.

    Raises InputError only for poses that were there: a network may well fail in a view of a take, after hours.
    """
    for found, camera in _found(shown, name, capture, at, progress):
        both = _compared(found, camera, at, protocol, f"the poses {name} of {capture.folder}")
        if isinstance(both, InputError) and shown is None:
            raise both
        yield both


def _how(shown: Shown | None) -> str:
    """Return in words what the poses come from."""
    if shown is None:
        return "poses that were there before"
    whose = "the true" if shown.detector == TRUE_KEYPOINTS else f"{shown.detector}'s"
    lifts = shown.network.description.kind == "lift"
    where = f"it was given {whose} joints in 2D" if lifts else f"it was shown the square around {whose} joints"
    size = "the true distance from the camera"
    if not shown.depth_given:
        size = usual_sizes(shown.network.description, None).source
    return f"{where}, one picture at a time, and sizes follow from {size}"


def _found(
    shown: Shown | None, name: str, capture: PreparedCapture, at: Moments, progress: Report
) -> Iterator[tuple[Poses, Camera | None]]:
    """Yield what is to be compared, and the camera in whose axes it is; None for the world."""
    if shown is not None:
        for view, poses in shown_poses(shown, capture, at, progress).items():
            yield poses, at.cameras[view]
        return
    whole = capture.folder / "poses" / f"{name}.npz"
    if whole.is_file():
        yield read_poses(whole), None
        return
    files = {view: capture.folder / name / view / "poses.npz" for view in at.cameras}
    for view, file in files.items():
        if not file.is_file():
            raise InputError(
                f"{capture.folder} has no poses called {name!r}: there is neither {whole} nor {file}; make them for"
                " every capture that is tested, or name a network with --model"
            )
        _check_world(file.with_name("prediction.json"), capture, view)
        yield read_poses(file), None


def _check_world(file: Path, capture: PreparedCapture, view: str) -> None:
    """Raise InputError for poses of one view that are not in the world of the capture."""
    try:
        placed = json.loads(file.read_text(encoding="utf-8"))["world"] is not None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        placed = False
    if not placed:
        raise InputError(
            f"{file} does not say that the poses of {view} are in the world of the truth; predict them again with"
            f" --cameras {capture.folder / 'cameras.toml'}"
        )


def _compared(
    found: Poses, camera: Camera | None, at: Moments, protocol: Protocol, whose: str
) -> Comparison | InputError:
    """Return poses beside the truth at the moments and in the joints that count, or why nothing can be compared."""
    places = nearest(found.times, at.poses.times)
    if (places < 0).all():
        return InputError(f"{whose} have none of the moments that protocol {protocol.name!r} takes; make them again")
    taken = np.maximum(places, 0)
    weight = np.where((places >= 0)[:, None, None], found.weight[taken], 0).astype(np.float32)
    there = Poses(found.positions[taken], found.uncertainty[taken], weight, at.poses.times, found.skeleton)
    true = at.poses
    if camera is not None:
        seen = camera.cam_from_world.apply(true.positions.astype(float)).astype(np.float32)
        true = replace(true, positions=seen)
    both = in_protocol(there, protocol, whose), in_protocol(true, protocol, "the truth")
    try:
        return compare(*both)
    except InputError as error:
        return InputError(f"{whose} cannot be compared: {error}")
