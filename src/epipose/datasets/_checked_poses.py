"""Poses made of what a file says, once it is plausible that these are people in metres."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton

TRUNK_M = (0.2, 1.0)
"""Metres between which every person's trunk, pelvis to thorax or neck, lies."""

FARTHEST_M = 10_000.0
"""Metres within which all people are."""


def check_near(metres: Float[ndarray, "..."], where: Path | str) -> None:
    """Raise InputError, naming `where`, for coordinates that are not finite, or so great that they mean nothing."""
    if not (np.abs(metres) < FARTHEST_M).all():
        raise InputError(
            f"{where} has positions that are not finite, or kilometres away as in another unit; get it from its source"
            " again"
        )


def checked_poses(
    positions: Float[ndarray, "frames people joints 3"],
    known: Bool[ndarray, "frames people joints"],
    times: Float[ndarray, "frames"],
    skeleton: Skeleton,
    where: Path | str,
) -> Poses:
    """Return poses from positions in metres, of which only `known` ones count; `where` is named in errors.

    Raises InputError where nobody is known, for positions that are not finite, and for people who are giants or dwarfs.
    """
    if not known.any():
        raise InputError(f"{where} holds no pose; get it from its source again")
    check_near(positions[known], where)
    top, bottom = skeleton.index("thorax" if "thorax" in skeleton.joint_names else "neck"), skeleton.index("pelvis")
    both = known[..., top] & known[..., bottom]
    length = np.linalg.norm(positions[..., top, :] - positions[..., bottom, :], axis=-1)[both]
    middle = float(np.median(length)) if len(length) else float("nan")
    if not TRUNK_M[0] < middle < TRUNK_M[1]:
        raise InputError(
            f"{where} has people whose trunks are {middle:.3g} m long; its joints or its unit are not those expected,"
            " so check that it is the right file"
        )
    weight = known.astype(np.float32)
    points = np.where(known[..., None], positions, 0).astype(np.float32)
    return Poses(points, np.zeros_like(weight), weight, times, skeleton)
