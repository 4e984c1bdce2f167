"""From one skeleton to another by joint name; joints that the source lacks are made from others and flagged."""

import re
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.pose.keypoints import Keypoints, Poses
from epipose.pose.skeletons import Skeleton

# How to make a joint: the first recipe whose parts exist, or can be made, is taken; weights sum to one, so a recipe
# holds in pixels and in metres alike. "S_" stands for either side. Positions along the neck and head follow the
# standing heights of Drillis and Contini (1966): shoulders 0.818, chin 0.870, eyes 0.936 and ears a little lower, top
# of the head 1 of body height, rounded.
_RECIPES: tuple[tuple[str, dict[str, float]], ...] = (
    ("pelvis", {"left_hip": 0.5, "right_hip": 0.5}),
    ("neck", {"left_shoulder": 0.5, "right_shoulder": 0.5}),
    ("neck", {"thorax": 1.0}),
    ("thorax", {"neck": 1.0}),
    ("spine", {"spine_middle": 1.0}),
    ("spine", {"pelvis": 0.5, "thorax": 0.5}),
    ("head", {"left_ear": 0.5, "right_ear": 0.5}),
    ("head", {"thorax": 0.4, "head_top": 0.6}),
    ("head_top", {"thorax": -2 / 3, "head": 5 / 3}),
    ("upper_neck", {"thorax": 0.5, "head": 0.5}),
    ("S_hand", {"S_index": 0.5, "S_pinky": 0.5}),
    ("S_toe", {"S_foot_index": 1.0}),
    ("S_toe", {"S_big_toe": 0.5, "S_small_toe": 0.5}),
    ("S_foot_index", {"S_toe": 1.0}),
    ("S_big_toe", {"S_foot_index": 1.0}),
    ("S_foot", {"S_ankle": 0.25, "S_toe": 0.75}),
)

# Words that name parts of the face and the fingers, which say little about the body and are seen badly from afar.
_DETAIL = re.compile(r"(?:^|_)(?:eyes?|eyebrow|mouth|lip|face|jaw|pinky|index|thumb|\w*finger|hand_root)[-\d]*(?:_|$)")


@dataclass(frozen=True, eq=False)
class Conversion:
    """The linear map from the joints of one skeleton to those of another."""

    weights: Float[ndarray, "target source"]
    """Target joint = weighted sum of source joints; an all-zero row cannot be made."""
    synthesised: tuple[str, ...]
    """Target joints that are made from others rather than taken over by name."""

    def apply(
        self, points: Float[ndarray, "*batch source d"], score: Float[ndarray, "*batch source"]
    ) -> tuple[Float[ndarray, "*batch target d"], Float[ndarray, "*batch target"]]:
        """Return the target's points and scores; a score is the lowest of its parts, 0 (at the origin) without any."""
        converted = np.einsum("ts,...sd->...td", self.weights, points)
        return converted, _lowest(score, self.weights != 0)


def conversion(source: Skeleton, target: Skeleton) -> Conversion:
    """Return how the joints of `target` come from those of `source`, by name first, by recipe otherwise."""
    weights = np.zeros((len(target), len(source)))
    synthesised = []
    for row, joint in enumerate(target.joint_names):
        made = _combination(joint, source.joint_names, frozenset())
        if made is None:
            continue
        if joint not in source.joint_names:
            synthesised.append(joint)
        for part, weight in made.items():
            weights[row, source.index(part)] = weight
    return Conversion(weights, tuple(synthesised))


def convert(keypoints: Keypoints, target: Skeleton) -> tuple[Keypoints, tuple[str, ...]]:
    """Return `keypoints` in the joints of `target`, and the names of the joints that were synthesised.

    A joint that can neither be taken nor made has score 0.
    """
    made = conversion(keypoints.skeleton, target)
    pixels, score = made.apply(keypoints.pixels, keypoints.score)
    converted = replace(keypoints, pixels=pixels.astype(np.float32), score=score.astype(np.float32), skeleton=target)
    return converted, made.synthesised


def convert_poses(poses: Poses, target: Skeleton) -> tuple[Poses, tuple[str, ...]]:
    """Return `poses` in the joints of `target`, and the names of the joints that were synthesised.

    The uncertainty of a synthesised joint takes its parts as independent and says nothing about how far the recipe is
    from the body; a joint that can neither be taken nor made has weight 0.
    """
    made = conversion(poses.skeleton, target)
    positions, weight = made.apply(poses.positions, poses.weight)
    variance = np.einsum("ts,...s->...t", made.weights**2, poses.uncertainty.astype(float) ** 2)
    converted = replace(
        poses,
        positions=positions.astype(np.float32),
        uncertainty=np.sqrt(variance).astype(np.float32),
        weight=weight.astype(np.float32),
        skeleton=target,
    )
    return converted, made.synthesised


def body_joints(skeleton: Skeleton) -> tuple[str, ...]:
    """Return the joints that calibration and skeletons use: all but eyes, mouth, face and fingers, in joint order."""
    return tuple(joint for joint in skeleton.joint_names if not is_detail(joint))


def is_detail(joint: str) -> bool:
    """Tell whether a joint's name means a part of the face (nose and ears excepted) or a finger."""
    return "foot" not in joint and _DETAIL.search(joint) is not None


def _lowest(
    score: Float[ndarray, "*batch source"], parts: Bool[ndarray, "target source"]
) -> Float[ndarray, "*batch target"]:
    lowest = np.zeros((*score.shape[:-1], len(parts)))
    for target in np.flatnonzero(parts.any(axis=1)):
        lowest[..., target] = score[..., parts[target]].min(axis=-1)
    return lowest


@cache
def _recipes() -> dict[str, list[dict[str, float]]]:
    """The recipes by joint, with both sides written out."""
    recipes: dict[str, list[dict[str, float]]] = {}
    for joint, parts in _RECIPES:
        for side in ("left_", "right_") if joint.startswith("S_") else ("",):
            written_out = {part.replace("S_", side): weight for part, weight in parts.items()}
            recipes.setdefault(joint.replace("S_", side), []).append(written_out)
    return recipes


def _combination(joint: str, available: tuple[str, ...], asked: frozenset[str]) -> dict[str, float] | None:
    """Return `joint` as weights over `available` joints, or None; `asked` breaks circles between recipes."""
    if joint in available:
        return {joint: 1.0}
    if joint in asked:
        return None
    for recipe in _recipes().get(joint, []):
        made = {part: _combination(part, available, asked | {joint}) for part in recipe}
        total: dict[str, float] = {}
        for part, combination in made.items():
            if combination is None:
                break
            for name, weight in combination.items():
                total[name] = total.get(name, 0.0) + recipe[part] * weight
        else:
            return total
    return None
