"""Joint positions over time that fit the measurements, keep bone lengths constant and move smoothly.

Maximum a posteriori: every measured joint is where its triangulation and covariance say, with the heavy tails of
Student's t, for detectors are sometimes sure of a wrong place; a bone varies little about a length that is estimated
too, and is nearly as long as its twin on the other side; accelerations are Gaussian, with a variance of their own for
every joint and second. Those variances are learned from the recording itself by expectation maximisation (Dempster et
al. 1977; for Student's t: Lange, Little and Taylor 1989), so what is rigid and what moves fast need not be known
beforehand. Bones are learned by medians: for some of the time, their ends may be elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.linalg.lapack import dtbtrs
from scipy.ndimage import uniform_filter1d

from epipose.pose.bones import twin_bones
from epipose.pose.skeletons import Skeleton
from epipose.threads import one_blas_thread

ROUNDS = 5
WINDOW, OVERLAP = 400, 40
"""Frames solved at once, and how many of them the next window sees again."""
SECONDS = 0.5
"""Accelerations within this time share a variance."""
LEAST_SPREAD = 0.004
"""No bone is taken for more rigid than this share of its length."""
ASYMMETRY = 0.03
"""Share of its length by which a bone may differ from its twin."""
FREEDOM = 10.0
"""Degrees of freedom of measurements' errors: the fewer, the sooner a measurement is not believed."""
NORMAL = 1.4826
"""Standard deviation of normal deviates over their median absolute deviation."""
FEWEST_ACCELERATIONS = 100
MEDIAN_SHARE = 0.789
"""Median of the squared length of a normal deviate in space, as a share of its mean."""
LASTING = 0.7
"""Share of the expected acceleration of noise below which the noise is said to last."""
DRAWS = 16
"""Samples of the posterior from which variances and the uncertainty are estimated."""
WANDER = 10.0
"""Metres by which a joint in a frame may differ from a first guess if nothing else is known about it."""


@dataclass(frozen=True, eq=False)
class Measurements:
    """Joints of one person as Gaussians: positions (m) and inverse covariance (1/m^2), all zero where not measured."""

    positions: Float[ndarray, "frames joints 3"]
    information: Float[ndarray, "frames joints 3 3"]
    times: Float[ndarray, "frames"]
    stretch: Float[ndarray, "frames"]
    """Number of the unbroken stretch of time of each frame; motion is only smooth within one."""


@dataclass(frozen=True, eq=False)
class SmoothMotion:
    """Positions (m) with one standard deviation of each joint (m, root mean square over the axes)."""

    positions: Float[ndarray, "frames joints 3"]
    uncertainty: Float[ndarray, "frames joints"]


@dataclass(frozen=True, eq=False)
class _Prior:
    length: Float[ndarray, "bones"]
    spread: Float[ndarray, "bones"]
    acceleration: Float[ndarray, "frames joints"]


@one_blas_thread
def smooth_motion(measured: Measurements, skeleton: Skeleton) -> SmoothMotion:
    """Return the most likely motion. Joints between measurements are filled in, with a larger uncertainty."""
    positions = np.empty_like(measured.positions)
    uncertainty = np.empty(measured.positions.shape[:2])
    for window, fresh in _windows(len(measured.times)):
        part = Measurements(*(getattr(measured, field)[window] for field in Measurements.__dataclass_fields__))
        motion = _smooth_window(part, skeleton)
        skip = fresh - window.start
        positions[fresh : window.stop] = motion.positions[skip:]
        uncertainty[fresh : window.stop] = motion.uncertainty[skip:]
    return SmoothMotion(positions, uncertainty)


def _windows(frames: int) -> Iterator[tuple[slice, int]]:
    """Yield windows and the first frame of each that the window before it does not answer for."""
    start = 0
    while True:
        stop = frames if frames - start <= WINDOW + OVERLAP else start + WINDOW
        yield slice(start, stop), start + OVERLAP // 2 if start else 0
        if stop == frames:
            return
        start = stop - OVERLAP


def _smooth_window(measured: Measurements, skeleton: Skeleton) -> SmoothMotion:
    bones = np.array(skeleton.bones, int).reshape(-1, 2)
    twins = _twins(skeleton)
    stencil = _acceleration_stencil(measured)
    positions = _interpolated(measured)
    believed = measured
    least = _least_acceleration(measured, stencil)
    prior = _first_prior(measured, positions, bones, stencil)
    for _ in range(ROUNDS):
        prior = replace(prior, acceleration=np.maximum(prior.acceleration, least))
        factor, positions = _solve(believed, positions, bones, prior, stencil)
        draws = _draws(factor, positions.shape)
        prior = _alike(_learned(prior, measured, positions, draws, bones, stencil), twins)
        believed = _believed(measured, positions)
    return SmoothMotion(positions, np.sqrt(np.mean(draws**2, axis=(0, -1))))


def _twins(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Return the bones, by number, that have a twin on the other side, with that twin."""
    number = {bone: index for index, bone in enumerate(skeleton.bones)}
    return [(number[bone], number[twin]) for bone, twin in twin_bones(skeleton)]


def _believed(measured: Measurements, positions: Float[ndarray, "frames joints 3"]) -> Measurements:
    """Return the measurements with the weight that their errors leave them: 1 for usual ones, little for wild ones."""
    off = positions - measured.positions
    squared = np.einsum("fja,fjab,fjb->fj", off, measured.information, off)
    weight = (FREEDOM + 3) / (FREEDOM + squared)
    return replace(measured, information=measured.information * weight[..., None, None])


def _acceleration_stencil(measured: Measurements) -> Float[ndarray, "3 frames"]:
    """Weights of the frame before, of and after each frame in its acceleration; zero at the ends of a stretch."""
    before, after = np.diff(measured.times)[:-1], np.diff(measured.times)[1:]
    whole = (np.diff(measured.stretch)[:-1] == 0) & (np.diff(measured.stretch)[1:] == 0)
    weights = np.zeros((3, len(measured.times)))
    weights[0, 1:-1] = whole * 2 / (before * (before + after))
    weights[2, 1:-1] = whole * 2 / (after * (before + after))
    weights[1] = -weights[0] - weights[2]
    return weights


def _accelerations(positions: Float[ndarray, "*s frames joints 3"], stencil: ndarray) -> ndarray:
    """Acceleration of each joint in each frame (m/s^2), zero where the stencil is."""
    padded = np.concatenate([positions[..., :1, :, :], positions, positions[..., -1:, :, :]], axis=-3)
    frames = positions.shape[-3]
    shifted = [stencil[k, :, None, None] * padded[..., k : k + frames, :, :] for k in range(3)]
    return np.asarray(shifted[0] + shifted[1] + shifted[2])


def _interpolated(measured: Measurements) -> Float[ndarray, "frames joints 3"]:
    """Fill joints that were not measured, linearly in time; a joint that never was sits at the body's middle."""
    seen = np.trace(measured.information, axis1=-2, axis2=-1) > 0
    positions = measured.positions.copy()
    middle = positions[seen].mean(axis=0) if seen.any() else np.zeros(3)
    for joint in range(positions.shape[1]):
        known = seen[:, joint]
        for axis in range(3):
            if known.any():
                filled = np.interp(measured.times, measured.times[known], positions[known, joint, axis])
            else:
                filled = np.full(len(positions), middle[axis])
            positions[:, joint, axis] = np.where(known, positions[:, joint, axis], filled)
    return positions


def _least_acceleration(measured: Measurements, stencil: ndarray) -> Float[ndarray, "frames joints"]:
    """Return the accelerations (m/s^2) that must not be smoothed away: those of the measurements, or none.

    A detector's error that lasts cannot be told from motion. Where the measurements accelerate less than their noise
    alone would make them, the noise lasts, and all of their acceleration is taken for motion.
    """
    none = np.zeros(measured.positions.shape[:2])
    seen = np.trace(measured.information, axis1=-2, axis2=-1) > 0
    whole = np.zeros_like(seen)
    whole[1:-1] = seen[2:] & seen[1:-1] & seen[:-2] & (stencil[0, 1:-1] > 0)[:, None]
    if whole.sum() < FEWEST_ACCELERATIONS:
        return none
    safe = measured.information + np.eye(3) * np.where(seen, 1e-9, 1.0)[..., None, None]
    variance = np.trace(np.linalg.inv(safe), axis1=-2, axis2=-1)
    padded = np.concatenate([variance[:1], variance, variance[-1:]])
    expected = sum(stencil[k, :, None] ** 2 * padded[k : k + len(variance)] for k in range(3))
    squared = np.sum(_accelerations(measured.positions, stencil) ** 2, axis=-1)
    share = float(np.median(squared[whole] / expected[whole])) / MEDIAN_SHARE
    return _pooled(np.where(whole, squared, 0), measured, stencil) if share < LASTING else none


def _first_prior(measured: Measurements, positions: ndarray, bones: ndarray, stencil: ndarray) -> _Prior:
    """Guess lengths and spreads from the measurements less their own noise; accelerations from the measurements."""
    seen = np.trace(measured.information, axis1=-2, axis2=-1) > 0
    covariance = np.linalg.inv(measured.information + np.eye(3) * np.where(seen, 1e-9, 1.0)[..., None, None])
    length, spread = np.empty(len(bones)), np.empty(len(bones))
    for index, (parent, child) in enumerate(bones):
        both = seen[:, parent] & seen[:, child]
        if both.sum() < 3:
            length[index], spread[index] = 0.3, WANDER
            continue
        bone = (positions[:, child] - positions[:, parent])[both]
        measured_length = np.linalg.norm(bone, axis=-1)
        unit = bone / np.maximum(measured_length, 1e-9)[:, None]
        noise = np.einsum("fa,fab,fb->f", unit, (covariance[:, parent] + covariance[:, child])[both], unit)
        across = np.trace(covariance[:, parent] + covariance[:, child], axis1=-2, axis2=-1)[both] - noise
        # Noise across a bone makes it look longer.
        length[index] = np.median(np.sqrt(measured_length**2 - np.minimum(across, 0.5 * measured_length**2)))
        variance = (NORMAL * np.median(np.abs(measured_length - np.median(measured_length)))) ** 2 - np.median(noise)
        # Not stiffer than the noise at first: the length is linear in the joints only near their true places.
        spread[index] = np.sqrt(max(variance, 0.25 * np.median(noise), (LEAST_SPREAD * length[index]) ** 2))
    accelerations = _accelerations(positions, stencil)
    noise = np.trace(covariance, axis1=-2, axis2=-1) * np.sum(stencil**2, axis=0)[:, None]
    signal = np.maximum(np.sum(accelerations**2, axis=-1) - np.where(seen, noise, 0), 0)
    ever = seen.any(axis=0)
    # What was never measured moves like the rest.
    signal[:, ~ever] = signal[:, ever].mean(axis=1, keepdims=True) if ever.any() else 1.0
    return _Prior(length, spread, _pooled(signal, measured, stencil))


def _pooled(squared: Float[ndarray, "frames joints"], measured: Measurements, stencil: ndarray) -> ndarray:
    """Return accelerations' standard deviation along an axis, from squared accelerations shared over `SECONDS`."""
    steps = np.diff(measured.times)[np.diff(measured.stretch) == 0]
    width = max(3, round(2 * SECONDS / np.median(steps))) if steps.size else 3
    used = (stencil[0] > 0).astype(float)[:, None]
    total, count = np.zeros_like(squared), np.zeros_like(squared)
    for number in np.unique(measured.stretch):
        those = measured.stretch == number
        total[those] = uniform_filter1d((squared * used)[those], width, axis=0, mode="constant")
        count[those] = uniform_filter1d(np.broadcast_to(used, squared.shape)[those], width, axis=0, mode="constant")
    overall = np.sum(squared * used, axis=0) / max(used.sum(), 1)
    # A tenth of a window's weight goes to the whole recording, so that a still second is not frozen.
    pooled = (total + 0.1 * overall) / (count + 0.1)
    return np.asarray(np.sqrt(np.maximum(pooled / 3, 1e-4)))


def _learned(
    prior: _Prior, measured: Measurements, positions: ndarray, draws: ndarray, bones: ndarray, stencil: ndarray
) -> _Prior:
    """Return the prior under which motions like the posterior (its mean, and draws about it) are most likely."""
    unit = _bone_directions(positions, bones)
    along = np.sum((positions[:, bones[:, 1]] - positions[:, bones[:, 0]]) * unit, axis=-1)
    off = np.sum((draws[:, :, bones[:, 1]] - draws[:, :, bones[:, 0]]) * unit, axis=-1)
    length = np.median(along, axis=0)
    deviation = NORMAL * np.median(np.abs(along - length), axis=0)
    variance = deviation**2 + np.median(np.mean(off**2, axis=0), axis=0)
    spread = np.maximum(np.sqrt(variance), LEAST_SPREAD * length)
    squared = np.sum(_accelerations(positions, stencil) ** 2, axis=-1)
    squared += np.mean(np.sum(_accelerations(draws, stencil) ** 2, axis=-1), axis=0)
    # Of a bone that was not measured nothing can be learned.
    known = prior.spread < WANDER
    return _Prior(
        np.where(known, length, prior.length),
        np.where(known, spread, prior.spread),
        _pooled(squared, measured, stencil),
    )


def _alike(prior: _Prior, twins: Sequence[tuple[int, int]]) -> _Prior:
    """Return the prior in which a bone that is less rigid than its twin is long learns its length from both."""
    length, spread = prior.length.copy(), prior.spread.copy()
    for pair in twins:
        both = list(pair)
        weight = 1 / prior.spread[both] ** 2
        shared = float(weight @ prior.length[both] / weight.sum())
        known = float(np.hypot(prior.spread[both].min(), ASYMMETRY * shared))
        for bone in both:
            if prior.spread[bone] > known:
                length[bone], spread[bone] = shared, known
    return replace(prior, length=length, spread=spread)


def _bone_directions(positions: Float[ndarray, "frames joints 3"], bones: ndarray) -> Float[ndarray, "frames bones 3"]:
    bone = positions[:, bones[:, 1]] - positions[:, bones[:, 0]]
    return np.asarray(bone / np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), 1e-6))


def _solve(
    measured: Measurements, positions: ndarray, bones: ndarray, prior: _Prior, stencil: ndarray
) -> tuple[ndarray, ndarray]:
    """Return the banded Cholesky factor of the posterior's information, and its mean (one Gauss-Newton step)."""
    frames, joints, _ = positions.shape
    size = 3 * joints
    band = np.zeros((2 * size + 1, frames, joints, 3))
    right = (measured.information @ measured.positions[..., None])[..., 0]
    for row in range(3):
        for column in range(row + 1):
            band[row - column, :, :, column] += measured.information[..., row, column]
    anchor = 1 / WANDER**2
    band[0] += anchor
    right += anchor * positions

    unit = _bone_directions(positions, bones)
    for index, (parent, child) in enumerate(bones):
        weight = 1 / prior.spread[index] ** 2
        pull = unit[:, index] * weight * prior.length[index]
        right[:, child] += pull
        right[:, parent] -= pull
        first, last = sorted((parent, child))
        for row in range(3):
            for column in range(3):
                value = weight * unit[:, index, row] * unit[:, index, column]
                if row >= column:
                    band[row - column, :, parent, column] += value
                    band[row - column, :, child, column] += value
                band[3 * (last - first) + row - column, :, first, column] -= value

    weight = stencil[:, :, None] / prior.acceleration
    for early in range(3):
        for late in range(early, 3):
            value = weight[early] * weight[late]
            # The acceleration of frame t binds frame t - 1 + early with frame t - 1 + late.
            columns = slice(max(early - 1, 0), frames + min(early - 1, 0))
            source = slice(max(1 - early, 0), frames + min(1 - early, 0))
            band[(late - early) * size, columns] += value[source, :, None]
    factor = cholesky_banded(band.reshape(2 * size + 1, -1), lower=True, check_finite=False)
    mean = cho_solve_banded((factor, True), right.ravel(), check_finite=False)
    return factor, mean.reshape(positions.shape)


def _draws(factor: ndarray, shape: tuple[int, ...]) -> Float[ndarray, "draws frames joints 3"]:
    """Return samples of the posterior about its mean: noise through the inverse of the Cholesky factor."""
    noise = np.random.default_rng(0).standard_normal((factor.shape[1], DRAWS))
    samples, _ = dtbtrs(factor, noise, uplo="L", trans="T")
    return np.asarray(samples.T.reshape(DRAWS, *shape))
