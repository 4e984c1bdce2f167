"""How far adjusted cameras can be trusted, free of the choice of world."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.rotations import skew

UNKNOWN = 1e6
"""Variance of a parameter of which nothing was seen: enormous, but finite."""


@dataclass(frozen=True, eq=False)
class BundleCovariance:
    """Covariance of bundle adjustment's parameters: (turn, shift) of each camera in its own axes, then the others.

    The world's origin, heading and size cannot be known from pixels; `matrix` has no spread along those seven
    directions (inner constraints), and the methods answer in terms that do not depend on them.
    """

    matrix: Float[ndarray, "k k"]
    rotations: Float[ndarray, "views 3 3"]
    centres: Float[ndarray, "views 3"]

    @classmethod
    def from_information(
        cls, information: Float[ndarray, "k k"], cameras: Sequence[Camera], sigma_px: float
    ) -> "BundleCovariance":
        """Invert the information of observations of standard deviation `sigma_px`, outside the free directions."""
        rotations = np.stack([camera.cam_from_world.rotation for camera in cameras])
        centres = np.stack([camera.centre for camera in cameras])
        seen = np.diag(information) > 0
        information = information[np.ix_(seen, seen)]
        basis, _ = np.linalg.qr(_similarity_directions(rotations, centres, len(seen))[seen])
        scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-12 * np.diag(information).max(initial=0.0)))
        # Filling the free directions with the typical information makes the matrix invertible; they are cut out after.
        filled = information + basis @ basis.T * np.median(np.diag(information))
        inverse = scale[:, None] * np.linalg.pinv(filled * scale[:, None] * scale, hermitian=True) * scale
        keep = np.eye(len(information)) - basis @ basis.T
        matrix = np.diag(np.where(seen, 0.0, UNKNOWN))
        matrix[np.ix_(seen, seen)] = sigma_px**2 * keep @ inverse @ keep
        return cls(matrix, rotations, centres)

    def scaled(self, factor: float) -> "BundleCovariance":
        """Return the covariance multiplied by `factor`."""
        return BundleCovariance(self.matrix * factor, self.rotations, self.centres)

    def relative_rotation(self, view: int, other: int) -> Float[ndarray, "3 3"]:
        """Covariance (rad^2) of the rotation vector between two cameras, in axes of `view`."""
        rows = np.zeros((3, len(self.matrix)))
        rows[:, 6 * view : 6 * view + 3] = np.eye(3)
        rows[:, 6 * other : 6 * other + 3] -= self.rotations[view] @ self.rotations[other].T
        return np.asarray(rows @ self.matrix @ rows.T)

    def aligned(self) -> Float[ndarray, "views 6 6"]:
        """Covariance of each camera's (turn in rad, centre in metres, world axes) once the rig is laid on the truth.

        With three cameras or more by the similarity that best fits the centres; two centres leave a rotation open,
        so there the turns take part, weighed by the distance between the cameras.
        """
        views, size = len(self.centres), len(self.matrix)
        to_world = np.zeros((6 * views, size))
        for view, rotation in enumerate(self.rotations):
            turn, shift = slice(6 * view, 6 * view + 3), slice(6 * view + 3, 6 * view + 6)
            to_world[turn, turn] = rotation.T
            to_world[shift, shift] = -rotation.T
        free = to_world @ _similarity_directions(self.rotations, self.centres, size)
        placed = np.diag(self.matrix)[: 6 * views : 6] < UNKNOWN
        spread = np.linalg.norm(self.centres[placed] - self.centres[placed].mean(axis=0), axis=-1).mean()
        weigh = np.outer(placed, [spread] * 3 + [1.0] * 3 if placed.sum() < 3 else [0.0] * 3 + [1.0] * 3).ravel()
        lay_on = np.eye(6 * views) - free @ np.linalg.pinv(weigh[:, None] * free) * weigh
        full = lay_on @ to_world @ self.matrix @ to_world.T @ lay_on.T
        return np.stack([full[6 * v : 6 * v + 6, 6 * v : 6 * v + 6] for v in range(views)])

    def beyond_cameras(self) -> Float[ndarray, "f f"]:
        """Covariance of the parameters beyond the motions: log focal factors, radial coefficients, time offsets (s)."""
        first = 6 * len(self.centres)
        return self.matrix[first:, first:]


def _similarity_directions(
    rotations: Float[ndarray, "views 3 3"], centres: Float[ndarray, "views 3"], size: int
) -> Float[ndarray, "k 7"]:
    """How (turn, shift) of the cameras change when the world turns, shifts or grows."""
    directions = np.zeros((size, 7))
    about = centres - centres.mean(axis=0)
    for view, rotation in enumerate(rotations):
        moved_centre = np.concatenate([-skew(about[view]), np.eye(3), about[view][:, None]], axis=1)
        directions[6 * view : 6 * view + 3, :3] = -rotation
        directions[6 * view + 3 : 6 * view + 6] = -rotation @ moved_centre
    return directions
