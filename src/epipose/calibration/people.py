"""Cameras from the person alone: pairs, chain, bundle adjustment, left/right repair, bundle adjustment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.calibration.adjust import Adjusted, adjust, noise_px
from epipose.calibration.left_right import find_swaps
from epipose.calibration.pairs import chain_motions, relative_pairs
from epipose.calibration.reseat import reseat
from epipose.errors import InputError
from epipose.geometry.bundle import Freedom
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.pose.observations import Observations

THRESHOLD = 0.008
"""Epipolar error of an inlier, as a share of the picture's size (square root of its area)."""


@dataclass(frozen=True, eq=False)
class PeopleCalibration:
    """Cameras found from people: the first view is the origin, lengths are in units of the first baseline."""

    adjusted: Adjusted
    swapped: Bool[ndarray, "views frames"]
    observations: Observations
    """With left and right repaired."""
    sigma_px: float


def calibrate_people(
    observations: Observations,
    lenses: Sequence[Lens],
    sizes_wh: Sequence[tuple[int, int]],
    freedom: Freedom,
) -> PeopleCalibration:
    """Return cameras of unknown position that explain one person's joints in all views.

    Raises InputError, with what to film next, when the joints do not determine the cameras.
    """
    threshold = THRESHOLD * float(np.mean([np.sqrt(w * h) for w, h in sizes_wh]))
    cameras = first_cameras(observations, lenses, sizes_wh, threshold)
    return refine_people(cameras, observations, freedom, sigma_px=threshold / 2)


def refine_people(
    cameras: Sequence[Camera], observations: Observations, freedom: Freedom, *, sigma_px: float
) -> PeopleCalibration:
    """Return adjusted cameras and repaired observations, from roughly right cameras and noise."""
    cameras = reseat(cameras, observations, 2 * sigma_px)
    adjusted = adjust(cameras, observations, freedom, sigma_px=sigma_px, rounds=2)
    swapped = np.zeros(observations.weight.shape[:2], bool)
    repaired = observations
    for _ in range(3):
        sigma_px = noise_px(adjusted, repaired)
        found = find_swaps(adjusted.cameras, observations, sigma_px)
        changed = np.any(found != swapped)
        swapped, repaired = found, observations.mirrored(found)
        adjusted = adjust(adjusted.cameras, repaired, freedom, sigma_px=sigma_px)
        if not changed:
            break
    return PeopleCalibration(adjusted, swapped, repaired, noise_px(adjusted, repaired))


def first_cameras(
    observations: Observations, lenses: Sequence[Lens], sizes_wh: Sequence[tuple[int, int]], threshold_px: float
) -> list[Camera]:
    """Return cameras from chained essential matrices: the first view at the origin, the best baseline of length 1."""
    views = len(lenses)
    ideal, weights = ideal_points(observations, lenses)
    focals = [float(np.mean(lens.focal)) for lens in lenses]
    pairs = relative_pairs(ideal, weights, focals, threshold_px=threshold_px)
    motions = chain_motions(pairs, views)
    missing = [view for view, motion in enumerate(motions) if motion is None]
    if missing:
        raise InputError("views share no motion")  # TODO names
    return [
        Camera(lens, motion or Rigid.identity(), size)
        for lens, motion, size in zip(lenses, motions, sizes_wh, strict=True)
    ]


def ideal_points(
    observations: Observations, lenses: Sequence[Lens]
) -> tuple[Float[ndarray, "views n 2"], Float[ndarray, "views n"]]:
    """Return undistorted image points of all frames and joints, and their weights (0 where the lens has no inverse)."""
    views = len(lenses)
    pixels = observations.pixels.reshape(views, -1, 2)
    undistorted = [lens.undistort(p) for lens, p in zip(lenses, pixels, strict=True)]
    valid = np.stack([valid for _, valid in undistorted])
    return np.stack([ideal for ideal, _ in undistorted]), observations.weight.reshape(views, -1) * valid
