"""The root of a pose, from which the other joints are counted."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.pose.skeletons import Skeleton


def root_joints(skeleton: Skeleton) -> tuple[int, ...]:
    """Return the joints whose middle is the root: the pelvis or, where a skeleton has none, both hips.

    Raises InputError for a skeleton that has neither.
    """
    if "pelvis" in skeleton.joint_names:
        return (skeleton.index("pelvis"),)
    return skeleton.index("left_hip"), skeleton.index("right_hip")


def from_root(
    positions: Float[ndarray, "*batch joints dimensions"], skeleton: Skeleton
) -> Float[ndarray, "*batch joints dimensions"]:
    """Return positions relative to the root."""
    return np.asarray(positions - root(positions, skeleton)[..., None, :])


def root(
    positions: Float[ndarray, "*batch joints dimensions"], skeleton: Skeleton
) -> Float[ndarray, "*batch dimensions"]:
    """Return where the root is."""
    return np.asarray(positions[..., list(root_joints(skeleton)), :].mean(axis=-2))
