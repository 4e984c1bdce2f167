"""Cameras from the numbers that OpenCV's programs write."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import nearest_rotation

MOST = 1e6
"""Of pixels, metres and coefficients alike."""


def opencv_camera(
    matrix: Any, coefficients: Sequence[float], rotation: Any, shift_m: Float[ndarray, "3"], size_wh: Any
) -> Camera:
    """Return a camera from K, distortion (none for a pinhole) and motion from world to camera, of any kind of lists.

    Raises ValueError for numbers that are none of a camera.
    """
    k, turn = np.array(matrix, float), np.array(rotation, float)
    width, height = (int(size) for size in size_wh)
    if k.shape != (3, 3) or turn.shape != (3, 3) or min(width, height) <= 0:
        raise ValueError("parts of another shape")
    if not (np.abs([*k.ravel(), *turn.ravel(), *shift_m, *coefficients]) < MOST).all():
        raise ValueError("not finite, or too great to mean anything")
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) or np.linalg.det(turn) < 0:
        raise ValueError("no rotation")
    if np.abs([k[0, 1], k[1, 0], k[2, 0], k[2, 1], k[2, 2] - 1]).max() > 1e-6:
        raise ValueError("a skewed lens")
    kind = BrownConrady if len(coefficients) else Pinhole
    lens = kind((float(k[0, 0]), float(k[1, 1])), (float(k[0, 2]), float(k[1, 2])), tuple(map(float, coefficients)))
    return Camera(lens, Rigid(nearest_rotation(turn), shift_m), (width, height))
