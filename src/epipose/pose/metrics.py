"""Errors of 3D poses against the truth, as the literature defines them, in the unit of the positions given.

A `weight` of 0 leaves a joint out of the mean and of every fit; other weights count in proportion.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rotations import nearest_rotation

PCK_M = 0.15
"""Metres within which a joint counts as right (Mehta et al., 3DV 2017)."""
AUC_STEPS = 31
"""Thresholds from 0 to PCK_M over which PCK is averaged for the area under its curve."""


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
    weights = _weights(truth, weight)
    return _mean(_distances(predicted, truth, root), weights)


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
    return mpjpe(scale * predicted, truth, weight=weights)


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
    aligned, target, _ = procrustes(predicted, truth, weights)
    return mpjpe(aligned, target, weight=weights)


def procrustes(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    weights: Float[ndarray, "*batch joints"],
) -> tuple[Float[ndarray, "*batch joints 3"], Float[ndarray, "*batch joints 3"], Float[ndarray, "*batch 1 1"]]:
    """Return each pose turned, shifted and scaled onto the truth, the truth, both around its mean, and the scale."""
    total = np.sum(weights, axis=-1)[..., None, None]
    source = predicted - _ratio(np.sum(weights[..., None] * predicted, axis=-2, keepdims=True), total)
    target = truth - _ratio(np.sum(weights[..., None] * truth, axis=-2, keepdims=True), total)
    covariance = np.swapaxes(weights[..., None] * target, -1, -2) @ source
    rotation = nearest_rotation(covariance)
    turned = source @ np.swapaxes(rotation, -1, -2)
    scale = _ratio(_inner(turned, target, weights), _inner(source, source, weights))
    return scale * turned, target, scale


def joint_errors(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    *,
    root: int | None = None,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> Float[ndarray, "joints"]:
    """Return what `mpjpe` averages for every joint by itself; NaN for a joint whose weight is 0 throughout."""
    weights = _weights(truth, weight)
    distances = _distances(predicted, truth, root)
    poses = tuple(range(distances.ndim - 1))
    total = weights.sum(axis=poses)
    return np.where(total > 0, _ratio((weights * distances).sum(axis=poses), total), np.nan)


def pck(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    *,
    root: int | None = None,
    within: float = PCK_M,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return the share of joints at most `within` (metres) from the truth, after `root` is shifted to the origin.

    Mehta et al., "Monocular 3D Human Pose Estimation In The Wild", 3DV 2017, with 0.15 m.
    """
    weights = _weights(truth, weight)
    return _mean(_distances(predicted, truth, root) <= within, weights)


def auc(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    *,
    root: int | None = None,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return the mean `pck` over AUC_STEPS thresholds from 0 to PCK_M metres; the same source."""
    steps = np.linspace(0, PCK_M, AUC_STEPS)
    return float(np.mean([pck(predicted, truth, root=root, within=step, weight=weight) for step in steps]))


def pckh(
    predicted: Float[ndarray, "*batch joints 2"],
    truth: Float[ndarray, "*batch joints 2"],
    head: Float[ndarray, "*batch"],
    *,
    share: float = 0.5,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return the share of joints (pixels) at most `share` of the person's `head` size (pixels) from the truth.

    Andriluka et al., "2D Human Pose Estimation", CVPR 2014: there the head's size is 0.6 of its box's diagonal.
    """
    weights = _weights(truth, weight)
    near = np.linalg.norm(predicted.astype(float) - truth, axis=-1) <= share * head[..., None]
    return _mean(near, weights)


def bone_length_error(
    predicted: Float[ndarray, "*batch joints 3"],
    truth: Float[ndarray, "*batch joints 3"],
    bones: Sequence[tuple[int, int]],
    *,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return by how much the lengths of bones differ from the true ones, in the mean."""
    wrong = np.abs(_lengths(predicted, bones) - _lengths(truth, bones))
    return _mean(wrong, _bone_weights(_weights(truth, weight), bones))


def symmetry_error(
    predicted: Float[ndarray, "*batch joints 3"],
    pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    *,
    weight: Float[ndarray, "*batch joints"] | None = None,
) -> float:
    """Return by how much the lengths of left bones differ from their right twins', in the mean."""
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    weights = _weights(predicted, weight)
    different = np.abs(_lengths(predicted, left) - _lengths(predicted, right))
    return _mean(different, _bone_weights(weights, left) * _bone_weights(weights, right))


def jitter(
    positions: Float[ndarray, "frames joints 3"],
    frame_rate: float,
    *,
    weight: Float[ndarray, "frames joints"] | None = None,
) -> float:
    """Return the mean length of the third derivative (m/s^3): what trembles has much more of it than what moves.

    As in Yi et al., "TransPose", SIGGRAPH 2021.
    """
    if len(positions) < 4:
        raise InputError(f"jitter takes 4 frames or more, not {len(positions)}")
    weights = _weights(positions, weight)
    lengths = np.linalg.norm(np.diff(positions.astype(float), n=3, axis=0), axis=-1)
    return _mean(lengths, weights[:-3] * weights[1:-2] * weights[2:-1] * weights[3:]) * frame_rate**3


def _lengths(positions: ndarray, bones: Sequence[tuple[int, int]]) -> ndarray:
    begins, ends = ([bone[end] for bone in bones] for end in (0, 1))
    return np.asarray(np.linalg.norm(positions[..., begins, :].astype(float) - positions[..., ends, :], axis=-1))


def _distances(predicted: ndarray, truth: ndarray, root: int | None) -> ndarray:
    if root is not None:
        predicted, truth = predicted - predicted[..., [root], :], truth - truth[..., [root], :]
    return np.asarray(np.linalg.norm(predicted.astype(float) - truth, axis=-1))


def _weights(truth: ndarray, weight: ndarray | None) -> ndarray:
    return np.ones(truth.shape[:-1]) if weight is None else weight.astype(float)


def _bone_weights(weights: ndarray, bones: Sequence[tuple[int, int]]) -> ndarray:
    begins, ends = ([bone[end] for bone in bones] for end in (0, 1))
    return np.asarray(weights[..., begins] * weights[..., ends])


def _mean(values: ndarray, weights: ndarray) -> float:
    total = float(np.sum(weights))
    if not total > 0:
        raise InputError("there is no joint to compare: every weight is 0")
    return float(np.sum(weights * values)) / total


def _inner(points: ndarray, others: ndarray, weights: ndarray) -> ndarray:
    return np.asarray(np.sum(weights[..., None] * points * others, axis=(-2, -1), keepdims=True))


def _ratio(numerator: ndarray, denominator: ndarray) -> ndarray:
    """Divide, with 0 where nothing was weighed."""
    return np.asarray(numerator / np.where(denominator > 0, denominator, np.inf))
