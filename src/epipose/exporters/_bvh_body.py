"""One person as a tree of bones with fixed lengths, ready to be animated."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

_UP, _DOWN, _FORWARD, _LEFT = (
    np.array([0.0, 1, 0]),
    np.array([0.0, -1, 0]),
    np.array([0.0, 0, 1]),
    np.array([1.0, 0, 0]),
)
_BELOW = ("knee", "ankle", "heel")
_AHEAD = ("toe", "foot")
_BESIDE = (
    *("hip", "shoulder", "clavicle", "collar", "elbow", "wrist", "hand"),
    *("pinky", "index", "thumb", "eye", "ear", "mouth"),
)


@dataclass(frozen=True, eq=False)
class Body:
    """Joints in an order in which each follows its parent; the first is the only root. World axes, Z up."""

    names: tuple[str, ...]
    parents: tuple[int | None, ...]
    positions: Float[ndarray, "frames joints 3"]
    """Without gaps: a missing joint stays where it was last seen."""
    directions: Float[ndarray, "frames joints 3"]
    """From the parent to the joint, unit length, without gaps."""
    lengths: Float[ndarray, "joints"]
    """Median distance to the parent."""
    rest_directions: Float[ndarray, "joints 3"]
    """`directions` in a T-pose that faces +Z with +Y up."""


def animated_body(poses: Poses) -> Body:
    """Return the only person of `poses` as a tree with one root; at least one joint must have been seen."""
    person = _with_trunk(_without_unseen(poses))
    skeleton, order = person.skeleton, _parents_first(person.skeleton)
    names = tuple(skeleton.joint_names[joint] for joint in order)
    above = [skeleton.parents[joint] for joint in order]
    parents = tuple(None if parent is None else names.index(parent) for parent in above)
    positions = person.positions[:, 0, order].astype(float)
    known = person.weight[:, 0, order] > 0
    bases = np.array([joint if parent is None else parent for joint, parent in enumerate(parents)])
    bones = positions - positions[:, bases]
    lengths = np.linalg.norm(bones, axis=-1)
    whole = known & known[:, bases] & (lengths > 0)
    rest = np.stack([_rest_direction(name, skeleton) for name in names])
    directions = np.where(whole[..., None], bones, _DOWN) / np.where(whole, lengths, 1)[..., None]
    median = [float(np.median(lengths[seen, joint])) if seen.any() else 0.0 for joint, seen in enumerate(whole.T)]
    return Body(names, parents, _held(positions, known), _held(directions, whole), np.array(median), rest)


def _without_unseen(poses: Poses) -> Poses:
    seen = np.flatnonzero(np.any(poses.weight > 0, axis=(0, 1)))
    skeleton = poses.skeleton.subset([poses.skeleton.joint_names[joint] for joint in seen])
    fields = (poses.positions, poses.uncertainty, poses.weight)
    positions, uncertainty, weight = (field[:, :, seen] for field in fields)
    return replace(poses, positions=positions, uncertainty=uncertainty, weight=weight, skeleton=skeleton)


def _with_trunk(poses: Poses) -> Poses:
    """Give a body without a trunk a `pelvis` between the hips and a `neck` between the shoulders, and one root."""
    names = poses.skeleton.joint_names
    parents = dict(zip(names, poses.skeleton.parents, strict=True))
    roots = [name for name in names if parents[name] is None]
    if "pelvis" not in names and {"left_hip", "right_hip"} <= set(names):
        poses = _with_middle(poses, "pelvis", ("left_hip", "right_hip"))
        parents |= {"left_hip": "pelvis", "right_hip": "pelvis", "pelvis": None}
        if not {"neck", "thorax"} & set(names) and {"left_shoulder", "right_shoulder"} <= set(names):
            poses = _with_middle(poses, "neck", ("left_shoulder", "right_shoulder"))
            parents |= {"left_shoulder": "neck", "right_shoulder": "neck", "neck": "pelvis"}
            parents |= {root: "neck" for root in roots if parents[root] is None}
        parents |= {root: "pelvis" for root in roots if parents[root] is None}
    elif len(roots) > 1:
        parents |= dict.fromkeys(roots[1:], roots[0])
    joints = poses.skeleton.joint_names
    skeleton = replace(poses.skeleton, parents=tuple(parents[joint] for joint in joints))
    return replace(poses, skeleton=skeleton)


def _with_middle(poses: Poses, name: str, ends: tuple[str, str]) -> Poses:
    """Append the joint half-way between two others, known where both are."""
    skeleton = poses.skeleton
    pair = [skeleton.index(end) for end in ends]
    grown = Skeleton(skeleton.name, (*skeleton.joint_names, name), (*skeleton.parents, None), skeleton.pairs)
    return replace(
        poses,
        positions=np.concatenate([poses.positions, poses.positions[:, :, pair].mean(2, keepdims=True)], axis=2),
        uncertainty=np.concatenate([poses.uncertainty, poses.uncertainty[:, :, pair].max(2, keepdims=True)], axis=2),
        weight=np.concatenate([poses.weight, poses.weight[:, :, pair].min(2, keepdims=True)], axis=2),
        skeleton=grown,
    )


def _parents_first(skeleton: Skeleton) -> list[int]:
    order = [joint for joint, parent in enumerate(skeleton.parents) if parent is None]
    for joint in order:
        order += [child for parent, child in skeleton.bones if parent == joint]
    return order


def _rest_direction(joint: str, skeleton: Skeleton) -> Float[ndarray, "3"]:
    lefts, rights = {left for left, _ in skeleton.pairs}, {right for _, right in skeleton.pairs}
    if any(word in joint for word in _AHEAD):
        return _FORWARD
    if any(word in joint for word in _BELOW):
        return _DOWN
    if any(word in joint for word in _BESIDE) and joint in lefts | rights:
        return _LEFT if joint in lefts else -_LEFT
    return _UP


def _held(
    values: Float[ndarray, "frames joints 3"], known: Bool[ndarray, "frames joints"]
) -> Float[ndarray, "frames joints 3"]:
    """Return `values` where a gap keeps the value before it, and the start the first value after it."""
    frames = np.arange(len(known))[:, None]
    last = np.maximum.accumulate(np.where(known, frames, -1), axis=0)
    source = np.where(last >= 0, last, np.argmax(known, axis=0))
    return np.take_along_axis(values, source[..., None], axis=0)
