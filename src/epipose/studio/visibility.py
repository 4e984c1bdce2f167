"""Which joints a picture shows, and what hides the others."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from numpy import ndarray
from scipy.spatial import cKDTree

from epipose.io.truth_files import HIDDEN_BY_ITSELF, HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, VISIBLE
from epipose.studio.bodies import Body

RADIUS_MARGIN = 0.04
"""Metres added to a joint's depth under the skin: a joint is also seen through cloth and from aslant."""


class Sight(NamedTuple):
    """What a picture shows of one person: label and depth (metres along the axis) of the nearest surface."""

    labels: UInt8[ndarray, "height width"]
    depth: Float32[ndarray, "height width"]
    own: int
    """The person's label."""


def joint_radii(body: Body) -> Float[ndarray, "joints"]:
    """Return how far under the skin each joint of body21 may lie and still be seen, in metres.

    That is 1.4 times its distance from the nearest vertex at rest (hips lie deep on one side), and RADIUS_MARGIN.
    """
    rest = body.joints(np.broadcast_to(np.eye(3, 4), (len(body.bones), 3, 4)))
    distance, _ = cKDTree(body.vertices).query(rest)
    return np.asarray(1.4 * distance + RADIUS_MARGIN)


def joint_visibility(
    pixels: Float[ndarray, "joints 2"],
    depth: Float[ndarray, "joints"],
    seen: Bool[ndarray, "joints"],
    radii: Float[ndarray, "joints"],
    sight: Sight,
) -> UInt8[ndarray, "joints"]:
    """Return VISIBLE, HIDDEN_BY_ITSELF, HIDDEN_BY_OCCLUDER or OUT_OF_FRAME for each joint of one person.

    `pixels` and `depth` (metres along the axis) are the joints', `seen` which of them the lens can see. A joint is
    visible where the nearest surface at its pixel is the person's own and no nearer than the joint by its radius.
    """
    height, width = sight.labels.shape
    nearest: Int[ndarray, "joints 2"] = np.floor(np.where(seen[:, None], pixels, -1.0) + 0.5).astype(int)
    inside = seen & np.all((nearest >= 0) & (nearest < (width, height)), axis=-1)
    column, row = np.clip(nearest, 0, (width - 1, height - 1)).T
    label, surface = sight.labels[row, column], sight.depth[row, column]
    result = np.full(len(pixels), HIDDEN_BY_ITSELF, np.uint8)
    result[(label == sight.own) & (surface > depth - radii)] = VISIBLE
    result[(label != sight.own) & (label != 0) & (surface < depth)] = HIDDEN_BY_OCCLUDER
    # Nothing of the person is where a joint on its rim projects to: next to it, within two pixels, is near enough.
    for joint in np.flatnonzero(inside & (label != sight.own) & ((label == 0) | (surface >= depth))):
        x, y = column[joint], row[joint]
        around = np.s_[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        own = sight.labels[around] == sight.own
        reached = own & (sight.depth[around] > depth[joint] - radii[joint])
        result[joint] = VISIBLE if reached.any() else HIDDEN_BY_ITSELF
    result[~inside] = OUT_OF_FRAME
    return result
