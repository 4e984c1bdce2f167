"""A camera: a lens, where it stands, and the size of its pictures."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid


@dataclass(frozen=True, eq=False)
class Camera:
    """A lens, the motion `cam_from_world` (metres) and the picture size (width, height) in pixels."""

    lens: Lens
    cam_from_world: Rigid
    size_wh: tuple[int, int]

    @property
    def centre(self) -> Float[ndarray, "3"]:
        """Where the camera stands in the world, in metres."""
        return self.cam_from_world.centre

    @property
    def ideal_from_world(self) -> Float[ndarray, "3 4"]:
        """Projection matrix onto ideal (undistorted, unit focal length) image points."""
        return self.cam_from_world.matrix

    @property
    def px_from_world(self) -> Float[ndarray, "3 4"]:
        """Projection matrix onto pixels of the lens without its distortion."""
        return np.asarray(self.lens.matrix @ self.cam_from_world.matrix)

    def project(self, points: Float[ndarray, "*batch 3"]) -> tuple[Float[ndarray, "*batch 2"], Bool[ndarray, "*batch"]]:
        """Return pixels of world points (metres), and which of them the lens can see (also off the picture)."""
        return self.lens.project(self.cam_from_world.apply(points))

    def rays(self, pixels: Float[ndarray, "*batch 2"]) -> tuple[Float[ndarray, "*batch 3"], Bool[ndarray, "*batch"]]:
        """Return unit directions in the world of pixels, and which of them the lens can invert."""
        ideal, valid = self.lens.undistort(pixels)
        direction = np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1)
        unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
        return unit @ self.cam_from_world.rotation, valid

    def resized(self, size_wh: tuple[int, int]) -> "Camera":
        """Return the camera whose pictures are resized to `size_wh`."""
        scale = (size_wh[0] / self.size_wh[0], size_wh[1] / self.size_wh[1])
        return replace(self, lens=self.lens.resized(scale), size_wh=size_wh)

    def cropped(self, left: int, top: int, size_wh: tuple[int, int]) -> "Camera":
        """Return the camera whose pictures are the window of `size_wh` that starts at column `left`, row `top`."""
        return replace(self, lens=self.lens.cropped(float(left), float(top)), size_wh=size_wh)

    def moved(self, new_from_world: Rigid, scale: float = 1.0) -> "Camera":
        """Return the camera in a world that is first scaled about its origin, then moved by `new_from_world`."""
        scaled = Rigid(self.cam_from_world.rotation, self.cam_from_world.translation * scale)
        return replace(self, cam_from_world=scaled @ new_from_world.inverse())
