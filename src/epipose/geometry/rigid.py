"""Rigid motions, called `a_from_b`: `a_from_c = a_from_b @ b_from_c`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec


@dataclass(frozen=True, eq=False)
class Rigid:
    """A batch of motions `x -> rotation @ x + translation`; translation in metres."""

    rotation: Float[ndarray, "*batch 3 3"]
    translation: Float[ndarray, "*batch 3"]

    @classmethod
    def identity(cls) -> "Rigid":
        """Return the motion that moves nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_rotvec(cls, rotvec: Float[ndarray, "*batch 3"], translation: Float[ndarray, "*batch 3"]) -> "Rigid":
        """Return the motion that turns about `rotvec` (radians), then shifts by `translation`."""
        return cls(rotation_from_rotvec(rotvec), translation)

    @classmethod
    def from_centre(cls, rotation: Float[ndarray, "*batch 3 3"], centre: Float[ndarray, "*batch 3"]) -> "Rigid":
        """Return the `cam_from_world` of cameras that stand at `centre` in the world, shape (*batch, 3)."""
        return cls(rotation, -(rotation @ centre[..., None])[..., 0])

    @property
    def centre(self) -> Float[ndarray, "*batch 3"]:
        """The point that maps to the origin: for a `cam_from_world`, where the camera stands in the world."""
        return self.inverse().translation

    @property
    def matrix(self) -> Float[ndarray, "*batch 3 4"]:
        """The motion as [rotation | translation]."""
        return np.concatenate([self.rotation, self.translation[..., None]], axis=-1)

    def inverse(self) -> "Rigid":
        """Return `b_from_a` of this `a_from_b`."""
        transposed = np.swapaxes(self.rotation, -1, -2)
        return Rigid(transposed, -(transposed @ self.translation[..., None])[..., 0])

    def __matmul__(self, other: "Rigid") -> "Rigid":
        return Rigid(self.rotation @ other.rotation, self.apply(other.translation))

    def apply(self, points: Float[ndarray, "*points 3"]) -> Float[ndarray, "*moved 3"]:
        """Move `points`, whose leading axes broadcast against the batch of motions."""
        return np.asarray((self.rotation @ points[..., None])[..., 0] + self.translation)

    def __getitem__(self, index: Any) -> "Rigid":
        return Rigid(self.rotation[index], self.translation[index])

    @staticmethod
    def stack(motions: "list[Rigid]") -> "Rigid":
        """Return the motions as one batch along a new first axis."""
        return Rigid(np.stack([m.rotation for m in motions]), np.stack([m.translation for m in motions]))
