"""Labels that nobody gave: which triangulated joints may teach a network, and how much each counts.

The idea is EpipolarPose's (Kocabas et al., CVPR 2019), whose own program for it was never released. A joint counts the
less the less certain triangulation was of it; poses that no person can have, and joints that the views disagree about,
do not count at all.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.bones import bone_lengths
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

HALF_M = 0.03
"""Metres of uncertainty (1 sigma) at which a joint counts half."""
LENGTH_TOLERANCE = 0.25
"""How much longer or shorter than usual a bone may be, as a share of its usual length."""
IMPLAUSIBLE = 1 / 3
"""Share of bones of the wrong length from which on the whole pose is dropped."""
REPROJECTION = 0.08
"""Of the longer side of the person's box in a view: where joints are that the views disagree about."""
FEWEST_FRAMES = 10
"""In which a bone must be known for its usual length to mean something."""


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """What may be taught of `poses`, and what was kept from it."""

    poses: Poses
    weight: Float32[ndarray, "frames people joints"]
    """0 to 1."""
    dropped_by_shape: float
    """Share of the known joints that do not count because of the lengths of bones, ..."""
    dropped_by_views: float
    """... and because views disagree about them."""


def pseudo_labels(poses: Poses, reprojection: Float[ndarray, "frames people joints"] | None = None) -> PseudoLabels:
    """Return the labels of a triangulated recording.

    `reprojection`: the median over views of a joint's distance from what was detected, as a share of the longer side of
    the person's box there; NaN where nothing was detected. Raises InputError if nothing is left.
    """
    known = poses.weight > 0
    shaped = known & ~_wrong_shape(poses)
    agreed = shaped
    if reprojection is not None:
        agreed = shaped & ~(reprojection > REPROJECTION)
    if not agreed.any():
        raise InputError("no joint of the recording can be trusted to teach a network; see its report for the reason")
    weight = np.where(agreed, 1 / (1 + (poses.uncertainty.astype(float) / HALF_M) ** 2), 0.0)
    count = max(int(known.sum()), 1)
    return PseudoLabels(
        poses,
        weight.astype(np.float32),
        float((known & ~shaped).sum() / count),
        float((shaped & ~agreed).sum() / count),
    )


def usual_lengths(poses: Poses) -> Float[ndarray, "people bones"]:
    """Return the median length of every bone of every person, left and right taken together; NaN if hardly known."""
    lengths, known = _lengths(poses)
    usual = np.full(lengths.shape[1:], np.nan)
    for bone, twins in enumerate(_twins(poses.skeleton)):
        for person in range(len(usual)):
            seen = lengths[:, person, twins][known[:, person, twins]]
            if len(seen) >= FEWEST_FRAMES:
                usual[person, bone] = np.median(seen)
    return usual


def _wrong_shape(poses: Poses) -> Bool[ndarray, "frames people joints"]:
    """Return which joints are at the end of bones of the wrong length only, or in poses with many of these."""
    lengths, known = _lengths(poses)
    with np.errstate(invalid="ignore"):
        wrong = known & (np.abs(lengths / usual_lengths(poses) - 1) > LENGTH_TOLERANCE)
    bad, total = np.zeros(poses.weight.shape), np.zeros(poses.weight.shape)
    for bone, ends in enumerate(poses.skeleton.bones):
        for joint in ends:
            bad[:, :, joint] += wrong[:, :, bone]
            total[:, :, joint] += known[:, :, bone]
    lost = wrong.sum(axis=2) > IMPLAUSIBLE * np.maximum(known.sum(axis=2), 1)
    return np.asarray((2 * bad > total) | lost[:, :, None])


def _lengths(poses: Poses) -> tuple[Float[ndarray, "frames people bones"], Bool[ndarray, "frames people bones"]]:
    """Return how long bones are, and where both ends are known."""
    begins, ends = (list(joints) for joints in zip(*poses.skeleton.bones, strict=True))
    known = (poses.weight[..., begins] > 0) & (poses.weight[..., ends] > 0)
    return bone_lengths(poses.positions.astype(float), poses.skeleton), known


def _twins(skeleton: Skeleton) -> list[list[int]]:
    """Return for every bone its own number and, if there is one, that of its mirror image."""
    bones = [frozenset(bone) for bone in skeleton.bones]
    mirrored = [frozenset(skeleton.mirror[joint] for joint in bone) for bone in bones]
    return [[index, *(other for other, bone in enumerate(bones) if bone == twin and other != index)]
            for index, twin in enumerate(mirrored)]  # fmt: skip
