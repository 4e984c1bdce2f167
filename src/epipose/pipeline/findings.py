"""The report's numbers, from what calibration and triangulation found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose import __version__
from epipose.calibration.rig import Rig
from epipose.pipeline.inputs import HEAD_JOINTS, Inputs
from epipose.pipeline.people3d import People, Person
from epipose.pose.bones import bone_statistics
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton
from epipose.report.contents import BoneReport, JointReport, ReconstructionReport, ViewReport
from epipose.report.summary import film_next


def describe(
    inputs: Inputs,
    rig: Rig,
    people: People,
    poses: Poses,
    *,
    notes: Mapping[str, str],
    warnings: Sequence[str],
    seconds_by_stage: Mapping[str, float],
) -> ReconstructionReport:
    """Return everything that a reconstruction says about itself; numbers are of the main person."""
    main = people.persons[0]
    residual = main.residual_px[main.seen & main.valid]
    report = ReconstructionReport(
        title=inputs.capture.path.resolve().name,
        version=__version__,
        created=datetime.now(UTC),
        views=tuple(_view(inputs, rig, main, view, notes.get(name)) for view, name in enumerate(inputs.names)),
        cameras_source=rig.cameras_source,
        focal_source=rig.focal_source,
        scale_source=rig.scale.source,
        scale_sigma=rig.scale.sigma if 0 < rig.scale.sigma < np.inf else None,
        gravity_source=rig.gravity_source,
        poses=poses,
        joints=tuple(_joint(main, joint, name) for joint, name in enumerate(people.skeleton.joint_names)),
        bones=_bones(people),
        reprojection_by_frame_px=_by_frame(main),
        reprojection_mean_px=_mean(residual),
        reprojection_median_px=_median(residual),
        noise_sigma_px=float(rig.sigma_px),
        seconds_by_stage=dict(seconds_by_stage),
        warnings=(*rig.warnings, *warnings),
    )
    return replace(report, film_next=film_next(report))


def _view(inputs: Inputs, rig: Rig, main: Person, view: int, note: str | None) -> ViewReport:
    own = inputs.people[view].times
    seen, used = main.seen[view] & main.valid, main.used[view] & main.valid
    residual = main.residual_px[view][seen]
    return ViewReport(
        name=inputs.names[view],
        camera=rig.cameras[view],
        centre_sigma_m=rig.uncertainty[view].centre_m if rig.uncertainty else None,
        rotation_sigma_rad=rig.uncertainty[view].rotation_rad if rig.uncertainty else None,
        focal_sigma_px=rig.focal_sigma_px[view] if rig.focal_sigma_px else None,
        frames=len(own),
        frame_rate=float(1 / np.median(np.diff(own))) if len(own) > 1 else 0.0,
        time_offset_s=float(0.0 - rig.offsets[view]),
        time_offset_sigma_s=float(rig.offsets_sigma[view]),
        reprojection_mean_px=_mean(residual),
        reprojection_median_px=_median(residual),
        inlier_share=float(used.sum() / max(seen.sum(), 1)),
        seen_share=float(main.seen[view].mean()),
        swapped_frames=tuple(int(frame) for frame in np.flatnonzero(main.swapped[view])),
        notes=(note,) if note else (),
    )


def _joint(main: Person, joint: int, name: str) -> JointReport:
    seen = main.seen[:, :, joint] & main.valid[:, joint]
    means = [_mean(main.residual_px[view, :, joint][seen[view]]) for view in range(len(seen))]
    return JointReport(name, np.array(means), _median(main.smooth_uncertainty[:, joint][main.valid[:, joint]]))


def _bones(people: People) -> tuple[BoneReport, ...]:
    skeleton = people.skeleton
    statistics = bone_statistics(people.poses())
    length = dict(zip(skeleton.bones, statistics.mean[0], strict=True))
    variation = dict(zip(skeleton.bones, statistics.variation[0], strict=True))
    found = []
    for (parent, child), mean in length.items():
        names = skeleton.joint_names[parent], skeleton.joint_names[child]
        # Nose and ears are no ends of bones: their distance to the shoulders changes with every nod.
        if set(names) & set(HEAD_JOINTS) or not np.isfinite(mean) or not np.isfinite(variation[parent, child]):
            continue
        asymmetry = _asymmetry(skeleton, length, parent, child)
        found.append(BoneReport(*names, float(mean), float(variation[parent, child]), asymmetry))
    return tuple(found)


def _asymmetry(skeleton: Skeleton, length: Mapping[tuple[int, int], float], parent: int, child: int) -> float | None:
    """Return (left - right) / mean of a bone and its mirror, or None without one."""
    other = length.get((skeleton.mirror[parent], skeleton.mirror[child]))
    if other is None or skeleton.mirror[child] == child or not np.isfinite(other):
        return None
    left, right = length[parent, child], other
    if child not in [skeleton.index(name) for name, _ in skeleton.pairs]:
        left, right = right, left
    return float(2 * (left - right) / (left + right))


def _by_frame(main: Person) -> Float[ndarray, "views frames"]:
    seen = main.seen & main.valid
    count = seen.sum(axis=-1)
    mean = np.sum(main.residual_px * seen, axis=-1) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan).astype(float)


def _mean(values: ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _median(values: ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")
