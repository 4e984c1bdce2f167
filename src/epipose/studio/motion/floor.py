"""Keeping bodies on the floor: how low their skin reaches, and lifting or lowering them as a whole."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull

from epipose.studio.bodies import Body

HOVER = 0.03
"""A body whose lowest point is higher than this (metres) is in the air; nearer, it meant to stand."""

_SMOOTH = 0.04
_FEWEST = 24


def lowest(body: Body, motions: Float[ndarray, "frames bones 3 4"]) -> Float[ndarray, "frames"]:
    """Return the height of the lowest point of the skin, in metres.

    Looks at the corners of the convex hull of each bone's skin only: however the bone turns, they are its lowest.
    """
    corners = _corners(body)
    weights = np.zeros((len(corners), len(body.bones)))
    np.add.at(weights, (np.arange(len(corners))[:, None], body.skin_bones[corners]), body.skin_weights[corners])
    points = np.concatenate([body.vertices[corners], np.ones((len(corners), 1))], axis=1)
    spread = (weights[:, :, None] * points[:, None, :]).reshape(len(corners), -1)
    rows = motions[:, :, 2].reshape(len(motions), -1)
    return np.asarray((rows @ spread.T).min(axis=1))


def settled(
    body: Body, rotations: Float[ndarray, "frames bones 3 3"], shift: Float[ndarray, "frames 3"], rate: float
) -> Float[ndarray, "frames 3"]:
    """Return `shift` with heights (metres) that put standing bodies on the floor and no body under it.

    Whoever is in the air stays so, lower by HOVER at most. `rate` is in frames a second.
    """
    low = lowest(body, body.motions(rotations, shift))
    lift = gaussian_filter1d(-np.minimum(low, HOVER), max(_SMOOTH * rate, 1e-3), mode="nearest")
    return _raised(shift, lift + np.maximum(-(low + lift), 0.0))


def grounded(
    body: Body, rotations: Float[ndarray, "frames bones 3 3"], shift: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Return `shift` with heights (metres) that put the lowest point of every frame exactly on the floor."""
    return _raised(shift, -lowest(body, body.motions(rotations, shift)))


def _raised(shift: Float[ndarray, "frames 3"], lift: Float[ndarray, "frames"]) -> Float[ndarray, "frames 3"]:
    return np.asarray(shift + lift[:, None] * np.array([0.0, 0.0, 1.0]))


def _corners(body: Body) -> Float[ndarray, "corners"]:
    """Return the indices of the vertices on the convex hull of what each bone moves most."""
    most = np.take_along_axis(body.skin_bones, body.skin_weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    found = []
    for bone in np.unique(most):
        mine = np.flatnonzero(most == bone)
        found.append(mine[ConvexHull(body.vertices[mine]).vertices] if len(mine) >= _FEWEST else mine)
    return np.concatenate(found)
