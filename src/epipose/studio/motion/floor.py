"""Keeping bodies on the floor: how low their skin reaches, and lifting or lowering them as a whole."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d, grey_opening
from scipy.spatial import ConvexHull

from epipose.studio.bodies import Body

FLIGHT = 1.0
"""Seconds that people stay in the air at most: whoever seems to float for longer stands on a floor held too low."""

_SMOOTH = 0.04
_TOUCH = 0.03
"""Metres above the lowest within a flight's time that count as standing too: retargeting is not exact."""
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
    """Return `shift` with heights (metres) that put whoever stands on the floor, and nobody under it.

    Jumps stay jumps. `rate` is in frames a second.
    """
    low = lowest(body, body.motions(rotations, shift))
    # Opening takes away whatever rises and falls again within a flight's time, and nothing else.
    base = grey_opening(low, 2 * round(FLIGHT * rate / 2) + 1, mode="nearest")
    near = np.minimum(low, base + _TOUCH)
    lift = gaussian_filter1d(-near, _SMOOTH * rate, mode="nearest")
    return _raised(shift, lift + np.maximum(-(low + lift), 0.0))


def grounded(
    body: Body, rotations: Float[ndarray, "frames bones 3 3"], shift: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Return `shift` with heights (metres) that put the lowest point of every frame exactly on the floor."""
    return _raised(shift, -lowest(body, body.motions(rotations, shift)))


def _raised(shift: Float[ndarray, "frames 3"], lift: Float[ndarray, "frames"]) -> Float[ndarray, "frames 3"]:
    return np.asarray(shift + lift[:, None] * np.array([0.0, 0.0, 1.0]))


def _corners(body: Body) -> Int[ndarray, "corners"]:
    """Return the indices of the vertices on the convex hull of what each bone moves most."""
    most = np.take_along_axis(body.skin_bones, body.skin_weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    found = []
    for bone in np.unique(most):
        mine = np.flatnonzero(most == bone)
        found.append(mine[ConvexHull(body.vertices[mine]).vertices] if len(mine) >= _FEWEST else mine)
    return np.concatenate(found)
