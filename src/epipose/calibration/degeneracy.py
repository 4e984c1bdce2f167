"""When people do not determine the cameras: say why, and what to film next, instead of answering nonsense."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from epipose.calibration.adjust import Adjusted
from epipose.calibration.pairs import MIN_SHARED, Pair
from epipose.errors import InputError
from epipose.geometry.bundle_covariance import BundleCovariance
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.pose.observations import Observations

FEWEST_FRAMES = 5
SAME_PICTURE_PX = 0.5
LEAST_PARALLAX = np.deg2rad(3)
"""Angle at the person between the most different directions of view, below which depth is guesswork."""
FLAT = 0.02
"""A cloud of joints is flat when its thickness is below this share of its width."""
LARGEST_SIGMA = np.deg2rad(12)
"""Uncertainty of a relative rotation above which the cameras are not worth writing down."""
LEAST_AGREEMENT = 0.3
"""Share of a view's joints that must agree with the other views; with its own person it is above 0.9."""
UNEASY_SIGMA = np.deg2rad(1.5)
"""Uncertainty of a relative rotation above which the user is warned."""


def check_length(frames: int, name: str) -> None:
    """Raise InputError for a view with too few frames to tell motion."""
    if frames < FEWEST_FRAMES:
        raise InputError(f"view {name!r} has only {frames} frames; film the person moving for several seconds")


def check_views(observations: Observations, names: Sequence[str]) -> None:
    """Raise InputError for fewer than two views, views that share too little, or two that show the same picture."""
    if len(names) < 2:
        raise InputError("one view cannot show depth; film with two cameras or more, 30 to 150 degrees apart")
    seen = observations.weight > 0
    for (i, first), (j, second) in combinations(enumerate(names), 2):
        both = seen[i] & seen[j]
        distance = np.linalg.norm(observations.pixels[i] - observations.pixels[j], axis=-1)[both]
        if both.sum() >= MIN_SHARED and np.median(distance) < SAME_PICTURE_PX:
            raise InputError(f"views {first!r} and {second!r} show the same picture; remove one or replace its video")
    for view, name in enumerate(names):
        shared = max((seen[view] & seen[other]).sum() for other in range(len(names)) if other != view)
        if shared < MIN_SHARED:
            raise InputError(
                f"view {name!r} shares only {shared} joints with any other view; film the person where two cameras or"
                f" more see the whole body, for several seconds"
            )


def check_chain(pairs: Sequence[Pair], motions: Sequence[Rigid | None], names: Sequence[str]) -> None:
    """Raise InputError when no chain of pairs reaches every view, or all views look from nearly the same place."""
    lost = [name for name, motion in zip(names, motions, strict=True) if motion is None]
    if lost:
        raise InputError(
            f"no geometry connects view {lost[0]!r} with the others; check that the views show the same moment and"
            f" person, and film the person moving through the whole space"
        )
    if max(pair.parallax for pair in pairs) < LEAST_PARALLAX:
        raise InputError(
            "the cameras are too close together, or too exactly opposite, to see depth; place them 30 to 150 degrees"
            " apart around the person"
        )


def check_agreement(adjusted: Adjusted, observations: Observations, names: Sequence[str]) -> None:
    """Raise InputError when a view's joints do not fit the others: a place can be found for chance matches, too."""
    seen = observations.weight > 0
    shared = seen & (seen.sum(axis=0) >= 2)
    for used, own, name in zip(adjusted.used, shared, names, strict=True):
        share = used.sum() / max(own.sum(), 1)
        if share < LEAST_AGREEMENT:
            raise InputError(
                f"only {100 * share:.0f} % of the joints of view {name!r} agree with the other views; check that it"
                f" shows the same person at the same moments, and started within two seconds of them"
            )


def check_result(
    cameras: Sequence[Camera], adjusted: Adjusted, covariance: BundleCovariance, names: Sequence[str]
) -> None:
    """Raise InputError when the joints lie on a plane or the cameras remain too uncertain."""
    points = adjusted.bundle.points
    _, widths, _ = np.linalg.svd(points - np.median(points, axis=0), full_matrices=False)
    if widths[2] < FLAT * widths[0]:
        raise InputError(
            "all joints lie on one plane, which does not determine the cameras; film the person turning and walking"
            " towards and away from the cameras"
        )
    for i, j in combinations(range(len(cameras)), 2):
        sigma = float(np.sqrt(np.trace(covariance.relative_rotation(i, j))))
        if not sigma < LARGEST_SIGMA:
            raise InputError(
                f"the person moved too little to find the cameras: views {names[i]!r} and {names[j]!r} are known to"
                f" {np.rad2deg(sigma):.0f} degrees only; film the person walking through the whole space for 10 seconds"
            )


def motion_warnings(covariance: BundleCovariance, observations: Observations) -> list[str]:
    """Return warnings, in words, about cameras that are known but not well known."""
    views = range(len(covariance.centres))
    worst = max(float(np.sqrt(np.trace(covariance.relative_rotation(i, j)))) for i, j in combinations(views, 2))
    if worst < UNEASY_SIGMA:
        return []
    seconds = observations.times[-1] - observations.times[0]
    return [
        f"too little motion: {seconds:.1f} s of it determine the directions of the cameras to"
        f" {np.rad2deg(worst):.1f} degrees (1 sigma) only"
    ]
