"""People in 3D on a floor, seen from a side that turns: what moves shows its depth.

Points are metres (x and y on the floor, z up), looked at from afar, so that lengths stay comparable.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.report.drawing import (
    DARK,
    SHIFT,
    Colour,
    Limb,
    Picture,
    fixed,
    limb_radii,
    paint_outlined,
    paint_skeleton,
    relative_depth,
)

FLOOR: Colour = (44, 48, 55)
GRID: Colour = (78, 84, 94)
"""The floor, which is round, and the lines on it."""
SHADOW_M = 0.26
"""Radius of what is dark under people."""
BOLD = 1.8
"""How much thicker limbs are than on photographs, as drawings are smaller."""
FRUSTUM_M = 0.55
"""How far a camera's frustum is drawn."""
_ROUND = np.linspace(0, 2 * np.pi, 49)[:-1]


@dataclass(frozen=True, eq=False)
class Turntable:
    """A view onto the floor."""

    turn: float
    """From which side, in radians about z."""
    lean: float
    """How steeply from above, in radians."""
    scale: float
    """Pixels per metre."""
    middle_px: tuple[float, float]
    """Where in the picture ..."""
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """... which point is."""

    def seen(self, points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
        """Return points to the right, down and away (metres)."""
        x, y, z = (np.asarray(points, float) - self.middle).T
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        right, away = cos * x + sin * y, -sin * x + cos * y
        down = -np.cos(self.lean) * z - np.sin(self.lean) * away
        return np.column_stack([right, down, np.cos(self.lean) * away - np.sin(self.lean) * z])

    def places(self, points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 2"]:
        """Return where points are in the picture (pixels)."""
        return np.asarray(self.scale * self.seen(points)[:, :2] + self.middle_px)

    def paint_floor(
        self, canvas: Picture, height: float, radius: float, below: Sequence[Float[ndarray, "3"]] = ()
    ) -> None:
        """Draw a round floor about the middle, with lines on it, and shadows `below` these points."""
        cv2.fillConvexPoly(canvas, self._disc(self.middle, height, radius), FLOOR, cv2.LINE_AA, SHIFT)
        for point in below:
            cv2.fillConvexPoly(canvas, self._disc(point, height, SHADOW_M), DARK, cv2.LINE_AA, SHIFT)
        step = 0.5 if radius < 3 else 1.0
        across = np.arange(-(radius // step), radius // step + 1) * step
        half = np.sqrt(np.maximum(radius**2 - across**2, 0))
        lines = np.array([np.column_stack([across, -half]), np.column_stack([across, half])])
        lines = np.concatenate([lines, lines[:, :, ::-1]], axis=1) + self.middle[:2]
        lines = np.dstack([lines, np.full(lines.shape[:2], height)])
        ends = fixed(self.places(lines.reshape(-1, 3))).reshape(*lines.shape[:2], 2)
        for one, other in zip(*ends.tolist(), strict=True):
            cv2.line(canvas, one, other, GRID, 1, cv2.LINE_AA, SHIFT)

    def paint_person(
        self, canvas: Picture, joints: Float[ndarray, "joints 3"], shown: Bool[ndarray, "joints"], limbs: Sequence[Limb]
    ) -> None:
        """Draw somebody."""
        seen = self.seen(joints)
        away = relative_depth(seen[:, 2], shown)
        radii = np.maximum(limb_radii(seen, away, limbs, BOLD * self.scale), 0.9)
        paint_skeleton(canvas, self.scale * seen[:, :2] + self.middle_px, shown, limbs, radii, away)

    def paint_camera(self, canvas: Picture, camera: Camera, colour: Colour, width: float) -> None:
        """Draw a camera as its frustum, lines `width` pixels wide."""
        wide, tall = camera.size_wh[0] - 0.5, camera.size_wh[1] - 0.5
        towards, _ = camera.rays(np.array([[-0.5, -0.5], [wide, -0.5], [wide, tall], [-0.5, tall]]))
        eye, *frame = self.places(camera.centre + FRUSTUM_M * np.vstack([np.zeros((1, 3)), towards]))
        for corner in frame:
            paint_outlined(canvas, np.array([eye, corner]), colour, width)
        paint_outlined(canvas, np.array(frame), colour, width, closed=True)

    def _disc(self, about: Sequence[float] | Float[ndarray, "3"], height: float, radius: float) -> ndarray:
        points = np.column_stack(
            [about[0] + radius * np.cos(_ROUND), about[1] + radius * np.sin(_ROUND), np.full(len(_ROUND), height)]
        )
        return fixed(self.places(points)).astype(np.int32)
