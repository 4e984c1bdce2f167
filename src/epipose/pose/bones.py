"""Bones: how long they are, how steady, and how long they usually are in people."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

MEAN_STATURE_M = 1.69
"""Half-way between the adults of the world (1.65 m, both sexes) and of Europe and North America (1.72 m).

Source: NCD Risk Factor Collaboration, "A century of trends in adult human height", eLife 5:e13410, 2016.
"""
STATURE_SIGMA_M = 0.10
"""One standard deviation of an adult of unknown sex: 0.07 m within a sex, 0.06 m by sex, 0.035 m by region."""

# Length over stature, and its relative standard deviation. The length is the mean of Drillis & Contini (1966; in
# Winter, "Biomechanics and Motor Control of Human Movement", fig. 4.1) and de Leva (1996; joint centres, mean of both
# sexes). The deviation joins how much people differ (3 to 4 %), half the distance between the two sources, and where
# detectors put joints, which is the largest part: MediaPipe's hips lie some 3 cm low, so that thighs come out 6 % short
# and trunks 9 % long. Widths are those of joint centres, which lie well inside the widths over skin and bone that the
# tables give (0.259 for shoulders, 0.191 for hips).
_STATURE_RATIOS: dict[frozenset[str], tuple[float, float]] = {
    frozenset({"shoulder", "elbow"}): (0.168, 0.09),
    frozenset({"elbow", "wrist"}): (0.150, 0.08),
    frozenset({"hip", "knee"}): (0.241, 0.08),
    frozenset({"knee", "ankle"}): (0.247, 0.07),
    frozenset({"shoulder", "hip"}): (0.290, 0.10),
    frozenset({"shoulder"}): (0.210, 0.12),
    frozenset({"hip"}): (0.120, 0.25),
}


@dataclass(frozen=True, eq=False)
class BoneStatistics:
    """Length (metres) and steadiness of every bone, over the frames in which both its ends are known.

    A bone known in fewer than two frames has NaN: these numbers are for people, no solver reads them.
    """

    mean: Float[ndarray, "people bones"]
    variation: Float[ndarray, "people bones"]
    """Standard deviation over frames, divided by the mean."""


def bone_lengths(positions: Float[ndarray, "*batch joints 3"], skeleton: Skeleton) -> Float[ndarray, "*batch bones"]:
    """Return the length of each of `skeleton.bones`, in the unit of `positions`."""
    parents, children = _ends(skeleton)
    return np.asarray(np.linalg.norm(positions[..., children, :] - positions[..., parents, :], axis=-1))


def bone_statistics(poses: Poses) -> BoneStatistics:
    """Return the mean length and the variation of every bone of every person."""
    parents, children = _ends(poses.skeleton)
    known = (poses.weight[..., parents] > 0) & (poses.weight[..., children] > 0)
    lengths = bone_lengths(poses.positions.astype(float), poses.skeleton)
    frames = np.sum(known, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, lengths, 0).sum(axis=0) / frames
        variance = np.where(known, (lengths - mean) ** 2, 0).sum(axis=0) / frames
        variation = np.sqrt(variance) / mean
    enough = frames >= 2
    return BoneStatistics(np.where(enough, mean, np.nan), np.where(enough, variation, np.nan))


def bone_variation(poses: Poses) -> Float[ndarray, "people bones"]:
    """Return std/mean of each bone's length over frames; a rigid body has 0, a good reconstruction a few percent."""
    return bone_statistics(poses).variation


def stature_ratio(joint: str, other: str) -> tuple[float, float] | None:
    """Return (length over stature, its relative standard deviation) of an adult's segment, or None if not tabled.

    Known are upper arm, forearm, thigh, shank, shoulder to hip of one side, and the widths of shoulders and hips.
    Deviations of several bones are not independent: left is like right, and neighbours share a joint.
    """
    (side, name), (other_side, other_name) = _side(joint), _side(other)
    opposite = {side, other_side} == {"left", "right"}
    if not side or not other_side or opposite != (name == other_name):
        return None
    return _STATURE_RATIOS.get(frozenset({name, other_name}))


def stature_of(lengths_m: Mapping[tuple[str, str], float]) -> tuple[float, float] | None:
    """Return the stature that lengths between joints speak for, and its relative standard deviation.

    That is as if the lengths were independent. None if `stature_ratio` knows none of them.
    """
    known = [(length, ratio) for pair, length in lengths_m.items() if (ratio := stature_ratio(*pair)) is not None]
    if not known:
        return None
    statures = [length / ratio for length, (ratio, _) in known]
    weights = 1 / np.square([sigma for _, (_, sigma) in known])
    return float(np.average(statures, weights=weights)), float(1 / np.sqrt(weights.sum()))


def twin_bones(skeleton: Skeleton) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the left bones with their right twins."""
    left = {skeleton.index(name) for name, _ in skeleton.pairs}
    mirrored = ((bone, (skeleton.mirror[bone[0]], skeleton.mirror[bone[1]])) for bone in skeleton.bones)
    return [(bone, twin) for bone, twin in mirrored if bone[1] in left and twin in skeleton.bones]


def _ends(skeleton: Skeleton) -> tuple[list[int], list[int]]:
    return [parent for parent, _ in skeleton.bones], [child for _, child in skeleton.bones]


def _side(joint: str) -> tuple[str, str]:
    side, _, name = joint.partition("_")
    return (side, name) if side in {"left", "right"} else ("", joint)
