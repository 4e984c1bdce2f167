"""All errors of poses beside the truth, as the literature defines them and as the published code prints them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose import metrics
from epipose.pose.bones import twin_bones
from epipose.pose.comparison import Comparison
from epipose.pose.conversion import conversion
from epipose.pose.published_metrics import PublishedErrors, published_errors
from epipose.pose.skeletons import Skeleton
from epipose.pose.structure_score import PoseClusters


@dataclass(frozen=True)
class PoseErrors:
    """Lengths in metres, shares 0 to 1; NaN for what cannot be measured. The root has no error, and does not count."""

    mpjpe_m: float
    n_mpjpe_m: float
    pa_mpjpe_m: float
    pck_150: float
    auc: float
    bone_length_m: float
    symmetry_m: float
    jitter: float
    """m/s^3."""
    true_jitter: float
    """The same of the truth, at the same moments."""
    per_joint_m: Mapping[str, float]
    """As `mpjpe_m`."""


def pose_errors(both: Comparison) -> PoseErrors:
    """Return the errors of poses beside the truth."""
    found, true, root = both.found, both.true, both.root
    beside_root = both.beside_root
    # A root that was made from the hips is no joint of its own.
    every = beside_root if both.root_made else both.weight
    bones, twins = both.skeleton.bones, twin_bones(both.skeleton)
    per_joint = metrics.joint_errors(found, true, root=root, weight=beside_root)
    return PoseErrors(
        mpjpe_m=metrics.mpjpe(found, true, root=root, weight=beside_root),
        n_mpjpe_m=metrics.n_mpjpe(found, true, root=root, weight=beside_root),
        pa_mpjpe_m=metrics.pa_mpjpe(found, true, weight=every),
        pck_150=metrics.pck(found, true, root=root, weight=beside_root),
        auc=metrics.auc(found, true, root=root, weight=beside_root),
        bone_length_m=_or_nan(partial(metrics.bone_length_error, found, true, bones, weight=both.weight)),
        symmetry_m=_or_nan(partial(metrics.symmetry_error, found, twins, weight=both.weight)),
        jitter=_jitter(found, both, every),
        true_jitter=_jitter(true, both, every),
        per_joint_m={
            name: float(error)
            for joint, (name, error) in enumerate(zip(both.skeleton.joint_names, per_joint, strict=True))
            if joint != root
        },
    )


def reference_errors(both: Comparison) -> tuple[PublishedErrors, int]:
    """Return what the published code would print, in metres, and of how many poses: those with every joint."""
    whole = (both.weight > 0).all(axis=2)
    if not whole.any():
        raise InputError("no pose has every joint, as the published code needs them; leave out --reference-compatible")
    return published_errors(both.found[whole], both.true[whole], both.root), int(whole.sum())


def structure_score(both: Comparison, clusters: PoseClusters) -> tuple[float, int]:
    """Return the pose structure score under `clusters`, and of how many poses: those with every joint of theirs."""
    target = Skeleton("clusters", clusters.joint_names, (None,) * len(clusters.joint_names), ())
    made = conversion(both.skeleton, target)
    (found, weight), (true, _) = (made.apply(points, both.weight) for points in (both.found, both.true))
    whole = (weight > 0).all(axis=2)
    if not whole.any():
        missing = [name for name, row in zip(clusters.joint_names, made.weights, strict=True) if not row.any()]
        words = f"joints {', '.join(missing)}" if missing else "every joint at once"
        raise InputError(f"no pose has {words}, as the clusters need; fit clusters on poses of the same joints")
    return clusters.score(found[whole], true[whole]), int(whole.sum())


def _jitter(
    positions: Float[ndarray, "frames people joints 3"],
    both: Comparison,
    weight: Float[ndarray, "frames people joints"],
) -> float:
    frames = len(positions)
    flat = positions.reshape(frames, -1, 3)
    return _or_nan(partial(metrics.jitter, flat, both.frame_rate, weight=weight.reshape(frames, -1)))


def _or_nan(measure: Callable[[], float]) -> float:
    """Return NaN where too little is known: one number that is missing does not spoil the others."""
    try:
        return measure()
    except InputError:
        return float("nan")
