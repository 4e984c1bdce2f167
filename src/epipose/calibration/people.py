"""Cameras from the person alone: pairs, chain, bundle adjustment, left/right repair, bundle adjustment.

The published method (EpipolarPose, CVPR 2019) stops after the chain of essential matrices; swapped sides, which make
bundle adjustment worse than none, and clocks that differ are found here between the adjustments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epipose.calibration.adjust import Adjusted, adjust, noise_from, noise_px
from epipose.calibration.degeneracy import check_agreement, check_chain, check_result, check_views
from epipose.calibration.left_right import find_swaps
from epipose.calibration.pairs import chain_motions, relative_pairs
from epipose.calibration.reseat import reseat
from epipose.calibration.trust import repetition
from epipose.errors import InputError
from epipose.geometry.bundle import Freedom
from epipose.geometry.bundle_covariance import BundleCovariance
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Lens, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.triangulation import robust
from epipose.pose.observations import Observations
from epipose.threads import one_blas_thread

THRESHOLD = 0.008
"""Epipolar error of an inlier, as a share of the picture's size (square root of its area)."""
MOST_FRAMES, RUN = 900, 30
"""Frames that bundle adjustment uses at most, in runs of consecutive ones: more add time and little knowledge."""
FOCAL_GUESSES = (1.1, 0.75, 1.6)
"""Focal lengths from which to start when none is known, in units of the picture's longer side."""


@dataclass(frozen=True, eq=False)
class PeopleCalibration:
    """Cameras found from people: the first view is the origin, lengths are in units of the first baseline."""

    cameras: tuple[Camera, ...]
    observations: Observations
    """With left and right repaired."""
    swapped: Bool[ndarray, "views frames"]
    sigma_px: float
    """Standard deviation of an observation of weight 1, in pixels."""
    covariance: BundleCovariance | None
    """As if only independent observations had been counted; None for cameras that were held."""
    adjusted: Adjusted | None
    """None for cameras that were held."""

    @property
    def support(self) -> float:
        """How many observations it explains, each worth its precision."""
        return 0.0 if self.adjusted is None else float(self.adjusted.used.sum() / self.sigma_px**2)


def size_of_errors_px(sizes_wh: Sequence[tuple[int, int]]) -> float:
    """Return the epipolar error, in pixels, up to which a joint counts as an inlier before the noise is known."""
    return THRESHOLD * float(np.mean([np.sqrt(width * height) for width, height in sizes_wh]))


@one_blas_thread
def calibrate_people(
    observations: Observations,
    lenses: Sequence[Lens | None],
    sizes_wh: Sequence[tuple[int, int]],
    freedom: Freedom,
    names: Sequence[str] = (),
) -> PeopleCalibration:
    """Return cameras of unknown position that explain one person's joints in all views.

    A lens that is None is guessed, and should be free to change. Raises InputError, with what to film next, when the
    joints do not determine the cameras; `names` are the views' names for its sentence.
    """
    names = names or [str(view + 1) for view in range(len(lenses))]
    check_views(observations, names)
    guesses = FOCAL_GUESSES if any(lens is None for lens in lenses) else FOCAL_GUESSES[:1]
    found, refusals = [], []
    for guess in guesses:
        try:
            found.append(_from_guess(observations, _guessed(lenses, sizes_wh, guess), sizes_wh, freedom, names))
        except InputError as refusal:  # a guess far from the truth may fail where another does not
            refusals.append(refusal)
    if not found:
        raise refusals[0]
    best = max(found, key=lambda calibration: calibration.support)
    assert best.adjusted is not None
    assert best.covariance is not None
    check_agreement(best.adjusted, best.observations.at(spread(best.observations)), names)
    check_result(best.cameras, best.adjusted, best.covariance, names)
    return best


def _guessed(lenses: Sequence[Lens | None], sizes_wh: Sequence[tuple[int, int]], guess: float) -> list[Lens]:
    return [lens or guessed_lens(size, guess) for lens, size in zip(lenses, sizes_wh, strict=True)]


def guessed_lens(size_wh: tuple[int, int], guess: float = FOCAL_GUESSES[0]) -> Lens:
    """Return a lens without distortion whose focal length is `guess` times the longer side, centred on the picture."""
    width, height = size_wh
    focal = guess * max(size_wh)
    return Pinhole((focal, focal), ((width - 1) / 2, (height - 1) / 2))


def _from_guess(
    observations: Observations,
    lenses: Sequence[Lens],
    sizes_wh: Sequence[tuple[int, int]],
    freedom: Freedom,
    names: Sequence[str],
) -> PeopleCalibration:
    threshold = size_of_errors_px(sizes_wh)
    cameras = first_cameras(observations.at(spread(observations)), lenses, sizes_wh, threshold, names)
    return refine_people(cameras, observations, freedom, sigma_px=threshold / 2)


def hold(cameras: Sequence[Camera], observations: Observations, *, sigma_px: float) -> PeopleCalibration:
    """Return given cameras unchanged, with the noise against them and the observations repaired.

    `sigma_px` is a generous first guess of the noise, which here includes the error of the cameras.
    """
    chosen = spread(observations)
    repaired = observations
    swapped = np.zeros(observations.weight.shape[:2], bool)
    for _ in range(3):
        some = repaired.at(chosen)
        triangulated = robust(cameras, some.pixels, some.weight, sigma_px=2 * sigma_px)
        sigma_px = noise_from(triangulated.residual_px, triangulated.used & triangulated.valid, some.weight)
        swapped = find_swaps(cameras, observations, sigma_px)
        repaired = observations.mirrored(swapped)
    return PeopleCalibration(tuple(cameras), repaired, swapped, sigma_px, None, None)


@one_blas_thread
def refine_people(
    cameras: Sequence[Camera], observations: Observations, freedom: Freedom, *, sigma_px: float
) -> PeopleCalibration:
    """Return adjusted cameras and repaired observations, from roughly right cameras and noise."""
    chosen = spread(observations)
    cameras = reseat(cameras, observations.at(chosen), 2 * sigma_px)
    adjusted = adjust(cameras, observations.at(chosen), freedom, sigma_px=sigma_px, rounds=2)
    sigma_px = noise_px(adjusted, observations.at(chosen))
    swapped = np.zeros(observations.weight.shape[:2], bool)
    repaired = observations
    for _ in range(3):
        found = find_swaps(adjusted.cameras, observations, sigma_px)
        changed = np.any(found != swapped)
        swapped, repaired = found, observations.mirrored(found)
        adjusted = adjust(adjusted.cameras, repaired.at(chosen), freedom, sigma_px=sigma_px)
        sigma_px = noise_px(adjusted, repaired.at(chosen))
        if not changed:
            break
    honest = adjusted.bundle.covariance.scaled(repetition(adjusted.residual, repaired.at(chosen)))
    return PeopleCalibration(adjusted.cameras, repaired, swapped, sigma_px, honest, adjusted)


def spread(observations: Observations) -> Int[ndarray, "chosen"]:
    """Return the frames to adjust to: all, or runs of consecutive ones spread over a long recording."""
    frames = len(observations.times)
    if frames <= MOST_FRAMES:
        return np.arange(frames)
    starts = np.linspace(0, frames - RUN, MOST_FRAMES // RUN).astype(int)
    return np.unique(starts[:, None] + np.arange(RUN))


def first_cameras(
    observations: Observations,
    lenses: Sequence[Lens],
    sizes_wh: Sequence[tuple[int, int]],
    threshold_px: float,
    names: Sequence[str],
) -> list[Camera]:
    """Return cameras from chained essential matrices: the first view at the origin, the best baseline of length 1."""
    ideal, weights = _ideal_points(observations, lenses)
    focals = [float(np.mean(lens.focal)) for lens in lenses]
    pairs = relative_pairs(ideal, weights, focals, threshold_px=threshold_px)
    motions = chain_motions(pairs, len(lenses))
    check_chain(pairs, motions, names)
    return [
        Camera(lens, motion or Rigid.identity(), size)
        for lens, motion, size in zip(lenses, motions, sizes_wh, strict=True)
    ]


def _ideal_points(
    observations: Observations, lenses: Sequence[Lens]
) -> tuple[Float[ndarray, "views n 2"], Float[ndarray, "views n"]]:
    """Return undistorted image points of all frames and joints, and their weights (0 where the lens has no inverse)."""
    views = len(lenses)
    pixels = observations.pixels.reshape(views, -1, 2)
    undistorted = [lens.undistort(p) for lens, p in zip(lenses, pixels, strict=True)]
    valid = np.stack([valid for _, valid in undistorted])
    return np.stack([ideal for ideal, _ in undistorted]), observations.weight.reshape(views, -1) * valid
