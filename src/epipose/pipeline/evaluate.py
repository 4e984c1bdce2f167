"""The stage that says how far poses are from the truth, and the one that fits the clusters of the structure score.

What is compared is poses with poses; where they come from is the business of `_poses` and `_truth`, and how they are
laid on each other that of the protocol.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from epipose import __version__
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.camera_files import read_cameras
from epipose.io.capture_folder import open_capture
from epipose.io.cluster_files import read_clusters, write_clusters
from epipose.io.pose_files import read_poses
from epipose.io.recorded_truth import read_known_poses
from epipose.pipeline.known_cameras import placed_cameras
from epipose.pipeline.provenance import is_ours, metadata_of
from epipose.pose.comparison import ROOT, Comparison, compare, in_joints, shared_skeleton
from epipose.pose.evaluation import pose_errors, reference_errors, structure_score
from epipose.pose.keypoints import Poses
from epipose.pose.metrics import mpjpe
from epipose.pose.structure_score import PoseClusters, fit_clusters
from epipose.report.evaluation import EvaluationReport, ReferenceErrors, StructureScore, write_evaluation

Protocol = Literal["same-axes", "own-axes"]
"""How poses are laid on the truth: as they are, or after the one turn of all of them that suits the truth best."""
OTHER_AXES = 2.0
"""Times by which one turn of all poses must make the error smaller for their axes to be suspected."""
FEWEST_POSES = 25
"""With fewer, one turn may well suit by chance."""
TRUTH = "truth"
"""The folder of a synthetic recording, or of one of a data set, that holds its truth."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """How far poses are from the truth, and the JSON and Markdown files that say it."""

    report: EvaluationReport
    files: tuple[Path, Path]


def evaluate(
    folder: Path,
    *,
    poses: str = "smooth",
    truth: str = TRUTH,
    view: str | None = None,
    cameras: str = "auto",
    protocol: Protocol = "same-axes",
    between: tuple[float, float] | None = None,
    clusters: Sequence[Path] = (),
    reference_compatible: bool = False,
    out: Path | None = None,
) -> Evaluated:
    """Compare poses of a capture with its truth, or with other poses, and write evaluation/<poses>_against_<truth>.*.

    `poses` and `truth` are names in the capture's poses folder or pose files; "truth" is that of a synthetic
    recording or a data set.
    `view`: the poses are in the axes of its camera and on its clock, as one camera alone gives them; then `cameras`
    says where it stands (see `triangulate`), unless the truth does. `between`: seconds on the poses' clock.
    `clusters`: files for the pose structure score. `reference_compatible`: also as the published code computes errors.
    `out`: another folder. Raises InputError for poses that cannot be compared, with the reason.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; check the name")
    found = _during(read_poses(_pose_file(folder, poses)), between, poses)
    true = _given_truth(folder, view) if truth == TRUTH else _other_poses(folder, truth, view, cameras)
    both = compare(found, true, turned=protocol == "own-axes")
    known = [(file, read_clusters(file)) for file in clusters]
    report = EvaluationReport(
        title=folder.resolve().name,
        version=__version__,
        created=datetime.now(UTC),
        poses=poses,
        truth=truth,
        protocol=protocol,
        view=view,
        between=between,
        people=len(both.people),
        true_people=true.weight.shape[1],
        compared_poses=both.poses,
        joint_names=both.skeleton.joint_names,
        found_share=both.found_share,
        errors=pose_errors(both),
        structure=tuple(_structure(both, file, centres) for file, centres in known),
        reference=_reference(both) if reference_compatible else None,
        warnings=_warnings(both, view) if protocol == "same-axes" else (),
    )
    return Evaluated(report, write_evaluation(out if out is not None else folder / "evaluation", report))


def fit_structure_clusters(files: Sequence[Path], out: Path, count: int = 50) -> PoseClusters:
    """Fit the clusters of the pose structure score on all whole poses of pose files, write them to `out`, return them.

    They follow from the poses, their order and a fixed seed. Joints are those that all files have, and a root.
    """
    if count < 2:
        raise InputError(f"{count} clusters cannot tell poses apart; 50 and 100 are what was published")
    sets = [read_poses(file) for file in files]
    skeleton, made = shared_skeleton([poses.skeleton for poses in sets])
    joints = [in_joints(poses, skeleton, made) for poses in sets]
    whole = np.concatenate([poses.positions[(poses.weight > 0).all(axis=2)] for poses in joints]).astype(float)
    clusters = fit_clusters(whole, skeleton.joint_names, skeleton.index(ROOT), count=count)
    write_clusters(out, clusters)
    return clusters


def _pose_file(folder: Path, name: str) -> Path:
    """Return the file of poses called `name`; raises InputError that says which there are."""
    if name.endswith(".npz"):
        return Path(name)
    path = folder / "poses" / f"{name}.npz"
    if not path.is_file():
        there = sorted(file.stem for file in (folder / "poses").glob("*.npz"))
        words = f"choose from {', '.join(there)}" if there else f"run epipose reconstruct {folder} first"
        raise InputError(f"{folder} has no poses called {name!r}; {words}")
    return path


def _during(poses: Poses, between: tuple[float, float] | None, name: str) -> Poses:
    """Return the poses at moments between two times."""
    if between is None:
        return poses
    kept = (poses.times >= between[0]) & (poses.times <= between[1])
    if not kept.any():
        lasts = f"they last from {poses.times[0]:g} to {poses.times[-1]:g} s" if len(poses.times) else "they are empty"
        raise InputError(f"the poses {name} have no moment from {between[0]:g} to {between[1]:g} s; {lasts}")
    return replace(
        poses,
        positions=poses.positions[kept],
        uncertainty=poses.uncertainty[kept],
        weight=poses.weight[kept],
        times=poses.times[kept],
    )


def _given_truth(folder: Path, view: str | None) -> Poses:
    """Return the truth that a recording came with on the clock, and in the axes, that poses of it have."""
    if not (folder / TRUTH).is_dir():
        raise InputError(f"{folder} holds no {TRUTH}/; name what to compare with, such as --truth triangulated")
    truth = read_known_poses(folder / TRUTH)
    if view is not None:
        camera = _chosen(truth.cameras, view, folder)
        return _seen(truth.poses, camera, truth.time_offsets_s[view])
    stated = _stated_offsets(folder)
    late = [truth.time_offsets_s[name] - offset for name, offset in stated.items() if name in truth.cameras]
    return replace(truth.poses, times=truth.poses.times - (float(np.mean(late)) if late else 0.0))


def _other_poses(folder: Path, name: str, view: str | None, cameras: str) -> Poses:
    """Return other poses of a capture on the clock, and in the axes, of a view, or of the capture without one."""
    poses = read_poses(_pose_file(folder, name))
    if view is None:
        return poses
    known = placed_cameras(open_capture(folder), cameras).cameras
    assert known is not None, "cameras that are placed are known"
    return _seen(poses, _chosen(known, view, folder), _stated_offsets(folder).get(view, 0.0))


def _chosen(cameras: Mapping[str, Camera], view: str, folder: Path) -> Camera:
    if view not in cameras:
        raise InputError(f"{folder} has no view {view!r}; choose from {', '.join(cameras)}")
    return cameras[view]


def _seen(poses: Poses, camera: Camera, time_offset_s: float) -> Poses:
    """Return poses in a camera's axes, on its clock."""
    positions = camera.cam_from_world.apply(poses.positions.astype(float)).astype(np.float32)
    return replace(poses, positions=positions, times=poses.times - time_offset_s)


def _stated_offsets(folder: Path) -> dict[str, float]:
    """Return by view what the capture's own poses took its clock to be off by, as the last stage that knew it wrote.

    The common clock of a reconstruction starts anywhere: only these offsets tie it to the clocks of the views.
    """
    places = [folder / name for name in ("cameras.toml", "cameras-estimated.toml", "report.json")]
    files = [file for file in places if is_ours(file) or (file.suffix == ".json" and file.is_file())]
    if not files:
        return {}
    last = max(files, key=lambda file: file.stat().st_mtime_ns)
    try:
        if last.suffix == ".toml":
            return dict(zip(read_cameras(last).cameras, metadata_of(last)["time_offsets_s"], strict=True))
        views = json.loads(last.read_text(encoding="utf-8"))["views"]
        return {view["name"]: float(view["time_offset_s"]) for view in views}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{last} does not say when the views started; run epipose reconstruct {folder} again"
        ) from error


def _structure(both: Comparison, file: Path, clusters: PoseClusters) -> StructureScore:
    try:
        score, poses = structure_score(both, clusters)
    except InputError as error:
        raise InputError(f"{file} does not suit these poses: {error}") from error
    return StructureScore(len(clusters.centres), clusters.hash, score, poses)


def _reference(both: Comparison) -> ReferenceErrors:
    errors, poses = reference_errors(both)
    return ReferenceErrors(errors.mpjpe, errors.nmpjpe, errors.pmpjpe, poses)


def _warnings(both: Comparison, view: str | None) -> tuple[str, ...]:
    """Return a warning for poses that seem to lie in other axes than the truth."""
    errors = [mpjpe(each.found, each.true, root=each.root, weight=each.beside_root) for each in (both, both.turned())]
    if both.poses < FEWEST_POSES or errors[0] < OTHER_AXES * errors[1]:
        return ()
    remedy = "use --protocol own-axes" + (" or --view" if view is None else "")
    return (
        f"the poses seem to lie in other axes than the truth: turned as a whole, they would be off by"
        f" {1000 * errors[1]:.0f} mm instead of {1000 * errors[0]:.0f} mm; if so, {remedy}",
    )
