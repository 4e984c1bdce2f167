"""How feet are held: level where a clip stands on them, along its toes elsewhere."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from epipose.geometry.rotations import nearest_rotation, rotation_from_rotvec
from epipose.studio.motion.clip import Clip
from epipose.studio.motion.limbs import across

_LOW, _HIGH = 0.02, 0.10
"""Metres above its lowest place within which a foot stands wholly, and above which not at all."""
_UP = np.array([0.0, 0.0, 1.0])
_SMOOTH = 0.04


def foot_turn(clip: Clip, side: str, shank: Float[ndarray, "frames 3 3"], rate: float) -> Float[ndarray, "frames 3 3"]:
    """Return how the foot of `side` ("left", "right") turns in the world from rest, where it is level and faces -Y.

    `shank` is how the lower leg turns. A clip without toes has its feet at right angles to the shank in the air.
    """
    ankle = clip.joint(f"{side}_ankle")
    toe = clip.joint(f"{side}_toe") if f"{side}_toe" in clip.joint_names else None
    height = ankle[:, 2] - np.percentile(ankle[:, 2], 10)
    if toe is not None:
        height = np.maximum(height, toe[:, 2] - np.percentile(toe[:, 2], 10))
    standing = _ramp(height)[:, None, None]
    free = shank if toe is None else _along(toe - ankle, height, shank)
    ahead = -free[..., 1]
    # Where the toes point straight up or down nothing says which way a level foot would face: it stays as it is.
    sure = _ramp(np.abs(ahead[:, 2]) - 0.8)[:, None, None]
    level = np.stack([np.cross(_UP, ahead), -ahead * [1, 1, 0], np.broadcast_to(_UP, ahead.shape)], axis=-1)
    weight = standing * sure
    mixed = weight * nearest_rotation(level + 1e-6 * free) + (1 - weight) * free
    smooth = gaussian_filter1d(mixed, max(_SMOOTH * rate, 1e-3), axis=0, mode="nearest")
    return nearest_rotation(smooth)


def _ramp(height: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
    """Return 1 below _LOW, 0 above _HIGH and a smooth way between them."""
    part = np.clip((_HIGH - height) / (_HIGH - _LOW), 0, 1)
    return np.asarray(part**2 * (3 - 2 * part))


def _along(
    toes: Float[ndarray, "frames 3"], height: Float[ndarray, "frames"], shank: Float[ndarray, "frames 3 3"]
) -> Float[ndarray, "frames 3 3"]:
    """Return the turn of a foot whose toes are seen in the direction `toes` from its ankle.

    Programs put these joints at their own heights: a foot is level where its toes point as they do while it stands.
    """
    ahead = toes / np.linalg.norm(toes, axis=-1, keepdims=True).clip(1e-9)
    stands = height <= np.percentile(height, 25)
    slope = float(np.median(np.arcsin(np.clip(ahead[stands, 2], -1, 1))))
    left = across(shank[..., 0], ahead)
    ahead = (rotation_from_rotvec(left * slope) @ ahead[..., None])[..., 0]
    return np.stack([left, -ahead, np.cross(left, -ahead)], axis=-1)
