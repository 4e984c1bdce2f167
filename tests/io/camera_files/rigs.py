"""Cameras for tests, one of every lens, and how to compare them."""

import numpy as np

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Fisheye, Human36mLens, Lens, Pinhole
from epipose.geometry.rigid import Rigid

LENSES: list[Lens] = [
    Pinhole((1000.0, 1010.0), (640.5, 360.25)),
    BrownConrady((1000.0, 1010.0), (640.5, 360.25), (-0.1, 0.02, 1e-3, -2e-3)),
    BrownConrady((1000.0, 1010.0), (640.5, 360.25), (-0.1, 0.02, 1e-3, -2e-3, 0.003)),
    BrownConrady((1000.0, 1010.0), (640.5, 360.25), (-0.1, 0.02, 1e-3, -2e-3, 0.003, 0.01, -0.01, 0.002)),
    Human36mLens((1145.0, 1143.8), (512.5, 515.45), (-0.2, 0.24, -0.001, -0.0014, -0.002)),
    Fisheye((500.0, 505.0), (640.5, 360.25), (0.01, -0.02, 0.003, 0.001)),
]


def rig(lenses: list[Lens] = LENSES, seed: int = 0) -> dict[str, Camera]:
    """Return one camera a lens, called cam_1, cam_2 ..., standing 2 to 6 m from the origin with any turn."""
    rng = np.random.default_rng(seed)
    cameras = {}
    for number, lens in enumerate(lenses, start=1):
        motion = Rigid.from_rotvec(rng.normal(size=3), rng.uniform(-2, 2, 3) + np.array([0, 0, 4.0]))
        cameras[f"cam_{number}"] = Camera(lens, motion, (1280, 720))
    return cameras


def assert_same(camera: Camera, other: Camera, tolerance: float = 1e-9) -> None:
    """Assert equal kinds of lens, sizes and numbers."""
    assert type(camera.lens) is type(other.lens)
    assert camera.size_wh == other.size_wh
    np.testing.assert_allclose(camera.lens.parameters, other.lens.parameters, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(camera.cam_from_world.matrix, other.cam_from_world.matrix, rtol=0, atol=tolerance)
