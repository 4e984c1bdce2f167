"""Worlds with other axes than ours, made upright: Z up, the floor at 0."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid

Z_UP_FROM_Y_UP = Rigid(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.zeros(3))
Z_UP_FROM_Y_DOWN = Rigid(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), np.zeros(3))

ANKLE_M = 0.08
"""Height of the middle of an ankle above the floor."""
STANDING = 5
"""Per cent of the time that the lower ankle stands on the floor, at least."""
SPREAD = 0.3
"""Below this singular value, cameras (some 20 degrees apart) look the same way."""


def up_of_level_cameras(cameras: Sequence[Camera]) -> Float[ndarray, "3"]:
    """Return which way is up for cameras on level tripods, which may look up or down but do not lean to a side.

    Up is then at right angles to the rows of all pictures, whichever way the cameras look; where all look the same
    way, it is the mean of their own ups.
    """
    rotations = np.stack([camera.cam_from_world.rotation for camera in cameras])
    _, size, across = np.linalg.svd(rotations[:, 0], full_matrices=False)
    up = -rotations[:, 1].mean(axis=0)
    for direction in across[size > SPREAD][:2]:
        up = up - (up @ direction) * direction
    return np.asarray(up / np.linalg.norm(up))


def upright(up: Float[ndarray, "3"]) -> Rigid:
    """Return the motion to a world whose Z is `up`, a unit vector; X stays as near as it can to where it was."""
    across = np.eye(3)[0] - up[0] * up
    if np.linalg.norm(across) < 1e-3:
        across = np.eye(3)[1] - up[1] * up
    across = across / np.linalg.norm(across)
    return Rigid(np.stack([across, np.cross(up, across), up]), np.zeros(3))


def floor_below(ankles_m: Float[ndarray, "frames ankles"]) -> float:
    """Return the height of the floor from heights of both ankles at all times, of which some are on the floor."""
    return float(np.percentile(ankles_m.min(axis=1), STANDING)) - ANKLE_M
