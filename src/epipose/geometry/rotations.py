"""Rotations as 3x3 matrices, batched over leading axes."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def skew(vectors: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the matrices whose product with a vector is the cross product with `vectors`."""
    matrices = np.zeros((*vectors.shape, 3), vectors.dtype)
    for axis, (row, column) in enumerate(((2, 1), (0, 2), (1, 0))):
        matrices[..., row, column] = vectors[..., axis]
        matrices[..., column, row] = -vectors[..., axis]
    return matrices


def rotation_from_rotvec(rotvec: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the rotations about `rotvec`, whose lengths are the angles in radians (Rodrigues)."""
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    cross = skew(rotvec)
    # sinc keeps full precision at zero: sin(a)/a and (1 - cos a)/a^2 = sinc^2(a/2)/2.
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + first * cross + second * (cross @ cross))


def rotvec_from_rotation(rotation: Float[ndarray, "*batch 3 3"]) -> Float[ndarray, "*batch 3"]:
    """Return axis times angle (radians, at most pi) of each rotation."""
    quaternion = quaternion_from_rotation(rotation)
    vector = quaternion[..., 1:]
    sine = np.linalg.norm(vector, axis=-1, keepdims=True)
    half = np.arctan2(sine, quaternion[..., :1])
    scale = np.where(sine > 1e-12, 2 * half / np.maximum(sine, 1e-300), 2.0)
    return np.asarray(vector * scale)


def rotation_from_quaternion(wxyz: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the rotations of quaternions (w, x, y, z), which are normalised first."""
    unit = wxyz / np.linalg.norm(wxyz, axis=-1, keepdims=True)
    w, vector = unit[..., 0, None, None], unit[..., 1:]
    cross = skew(vector)
    return np.asarray(np.eye(3) + 2 * w * cross + 2 * cross @ cross)


def quaternion_from_rotation(rotation: Float[ndarray, "*batch 3 3"]) -> Float[ndarray, "*batch 4"]:
    """Return unit quaternions (w, x, y, z) with w >= 0, by Shepperd's choice of the largest component."""
    m = rotation
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    squared = np.stack([trace, m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], axis=-1)
    largest = np.argmax(squared, axis=-1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    candidates = np.stack(
        [
            np.stack([1 + trace, a, b, c], axis=-1),
            np.stack([a, 1 + 2 * m[..., 0, 0] - trace, d, e], axis=-1),
            np.stack([b, d, 1 + 2 * m[..., 1, 1] - trace, f], axis=-1),
            np.stack([c, e, f, 1 + 2 * m[..., 2, 2] - trace], axis=-1),
        ],
        axis=-2,
    )
    chosen = np.take_along_axis(candidates, largest[..., None, None], axis=-2)[..., 0, :]
    unit = chosen / np.linalg.norm(chosen, axis=-1, keepdims=True)
    return np.asarray(unit * np.where(unit[..., :1] < 0, -1.0, 1.0))


def nearest_rotation(matrix: Float[ndarray, "*batch 3 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Return the rotation nearest to each matrix in the Frobenius norm (SVD, determinant +1)."""
    left, _, right = np.linalg.svd(matrix)
    sign = np.ones(matrix.shape[:-1])
    sign[..., 2] = np.sign(np.linalg.det(left @ right))
    return np.asarray((left * sign[..., None, :]) @ right)


def angle_between(
    rotation: Float[ndarray, "*batch 3 3"], other: Float[ndarray, "*batch 3 3"]
) -> Float[ndarray, "*batch"]:
    """Return the geodesic angle between two rotations, in radians."""
    relative = np.swapaxes(rotation, -1, -2) @ other
    # The Frobenius chord keeps its precision for small angles, where arccos of the trace loses it.
    chord = np.linalg.norm(relative - np.eye(3), axis=(-2, -1)) / np.sqrt(8)
    return np.asarray(2 * np.arcsin(np.clip(chord, 0, 1)))


def rotation_onto(
    direction: Float[ndarray, "*batch 3"], target: Float[ndarray, "*batch 3"]
) -> Float[ndarray, "*batch 3 3"]:
    """Return the smallest rotation that turns `direction` onto `target`; lengths do not matter.

    For opposite directions the axis is arbitrary but perpendicular to both.
    """
    a = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    b = target / np.linalg.norm(target, axis=-1, keepdims=True)
    by_a = skew(a)
    axis = (by_a @ b[..., None])[..., 0]
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    spare = np.take_along_axis(by_a, np.argmin(np.abs(a), axis=-1)[..., None, None], axis=-1)[..., 0]
    axis = np.where(sine > 1e-12, axis, spare)
    angle = np.arctan2(sine, np.sum(a * b, axis=-1, keepdims=True))
    return rotation_from_rotvec(axis / np.linalg.norm(axis, axis=-1, keepdims=True) * angle)
