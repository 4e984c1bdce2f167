"""Errors of 3D poses against the truth, as the literature defines them, in the unit of the positions given.

A `weight` of 0 leaves a joint out of the mean and of every fit; other weights count in proportion.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rotations import nearest_rotation


def mpjpe(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    *,
    weight: Float[ndarray, "*batch joints"] | None = None,
    root: int | None = None,
) -> float:
    """Return the mean per-joint position error: the mean Euclidean distance over joints and poses.

    With `root` both are first shifted so that this joint lies at the origin ("Protocol 1"; Ionescu et al., TPAMI 2014);
    without it the error is absolute.
    """
    if root is not None:
        predicted, truth = predicted - predicted[..., [root], :], truth - truth[..., [root], :]
    return _mean_distance(predicted, truth, _weights(truth, weight))


def n_mpjpe(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    *,
    root: int,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return the normalised error: as `mpjpe` at `root`, after scaling every pose by least squares to the truth.

    Rhodin et al., "Unsupervised Geometry-Aware Representation for 3D Human Pose Estimation", ECCV 2018.
    """
    weights = _weights(truth, weight)
    predicted, truth = predicted - predicted[..., [root], :], truth - truth[..., [root], :]
    scale = _ratio(_inner(predicted, truth, weights), _inner(predicted, predicted, weights))
    return _mean_distance(scale * predicted, truth, weights)


def pa_mpjpe(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    *,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return the error after Procrustes alignment of each pose to the truth by rotation, shift, scale ("Protocol 2").

    The alignment is the least-squares similarity without reflection (Umeyama, TPAMI 1991).
    """
    weights = _weights(truth, weight)
    total = np.sum(weights, axis=-1)[..., None, None]
    source = predicted - _ratio(np.sum(weights[..., None] * predicted, axis=-2, keepdims=True), total)
    target = truth - _ratio(np.sum(weights[..., None] * truth, axis=-2, keepdims=True), total)
    covariance = np.swapaxes(weights[..., None] * target, -1, -2) @ source
    rotation = nearest_rotation(covariance)
    turned = source @ np.swapaxes(rotation, -1, -2)
    scale = _ratio(_inner(turned, target, weights), _inner(source, source, weights))
    return _mean_distance(scale * turned, target, weights)


def _weights(truth: ndarray, weight: ndarray | None) -> ndarray:
    weights = np.ones(truth.shape[:-1]) if weight is None else weight.astype(float)
    if not np.sum(weights) > 0:
        raise InputError("there is no joint to compare: every weight is 0")
    return weights


def _mean_distance(points: ndarray, others: ndarray, weights: ndarray) -> float:
    distances = np.linalg.norm(points.astype(float) - others, axis=-1)
    return float(np.sum(weights * distances) / np.sum(weights))


def _inner(points: ndarray, others: ndarray, weights: ndarray) -> ndarray:
    return np.asarray(np.sum(weights[..., None] * points * others, axis=(-2, -1), keepdims=True))


def _ratio(numerator: ndarray, denominator: ndarray) -> ndarray:
    """Divide, with 0 where nothing was weighed."""
    return np.asarray(numerator / np.where(denominator > 0, denominator, np.inf))
