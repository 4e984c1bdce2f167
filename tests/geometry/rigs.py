"""Made-up cameras around a room, for tests that need the truth."""

import numpy as np
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Fisheye, Human36mLens, Lens, Pinhole
from epipose.geometry.rigid import Rigid

BATCH_SHAPES = [(), (1,), (3, 1, 2)]

LENSES: dict[str, Lens] = {
    "pinhole": Pinhole((1100.0, 1150.0), (960.0, 530.0)),
    "brown4": BrownConrady((1100.0, 1150.0), (960.0, 530.0), (-0.2, 0.1, 0.001, -0.002)),
    "brown5": BrownConrady((1100.0, 1150.0), (960.0, 530.0), (-0.3, 0.12, -0.001, 0.0015, -0.02)),
    "brown8": BrownConrady((1100.0, 1150.0), (960.0, 530.0), (0.4, -0.2, 0.001, -0.002, 0.03, 0.7, -0.1, 0.05)),
    "human36m": Human36mLens((1145.0, 1143.8), (512.5, 515.5), (-0.208, 0.2478, -0.00142, -0.00098, -0.0031)),
    "fisheye": Fisheye((600.0, 610.0), (960.0, 530.0), (-0.01, 0.02, -0.03, 0.004)),
}
"""One lens of each model, with distortion as strong as real ones have."""


def looking_at(centre: ndarray, target: ndarray) -> Rigid:
    """Return the `cam_from_world` of an upright camera at `centre` whose axis goes through `target`."""
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return Rigid.from_centre(np.stack([right, np.cross(forward, right), forward]), centre)


def ring(views: int, *, lens: Lens = LENSES["brown4"], radius: float = 4.0, turn: float = 0.3) -> tuple[Camera, ...]:
    """Return cameras around the origin, at different heights, that look at the middle of a person."""
    angles = turn + 2 * np.pi * np.arange(views) / views + 0.2 * np.sin(5.0 * np.arange(views))
    heights = 1.4 + 0.5 * np.cos(3.0 * np.arange(views))
    centres = np.stack([radius * np.cos(angles), radius * np.sin(angles), heights], axis=-1)
    return tuple(Camera(lens, looking_at(centre, np.array([0.0, 0.0, 1.0])), (1920, 1080)) for centre in centres)


def room_points(shape: tuple[int, ...], seed: int = 0) -> ndarray:
    """Return points within a metre of the middle of the room, shape (*shape, 3)."""
    rng = np.random.default_rng(seed)
    return rng.uniform([-0.8, -0.8, 0.1], [0.8, 0.8, 1.8], (*shape, 3))


def pictures(cameras: tuple[Camera, ...], points: ndarray) -> ndarray:
    """Return the pixels of `points` in every view; all must be visible to the lens."""
    projected = [camera.project(points) for camera in cameras]
    assert all(np.all(valid) for _, valid in projected)
    return np.stack([pixels for pixels, _ in projected])
