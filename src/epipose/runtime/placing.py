"""From units of a crop to metres: where people are before a camera whose lens is known, else how they stand."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from scipy.special import erfinv

from epipose.geometry.crop_frames import NEAR
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.pose.roots import from_root
from epipose.pose.skeletons import Skeleton
from epipose.runtime.found import Found
from epipose.runtime.sizes import Sizes

Measure = Literal["camera metres", "camera metres, average adult", "relative metres", "relative, average adult"]
"""What positions mean. `camera`: from the camera, by its lens; `relative`: from each person's own root, as if seen from
far away. `average adult`: nothing was known of the person's size."""

LEVEL = Rigid(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]), np.zeros(3))
"""`world_from_cam` where nothing tells how the camera is held: x to its right, y forward, z up, from the camera."""
LEAST_DEPTH = 0.1
"""Of a joint over its root's: nearer ones are in no picture that shows the person."""
WORST = 0.5
"""Units of the crop; nothing in it is known worse."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one picture."""

    slot: int
    """Which person: from frame to frame the same has the same."""
    box: Float32[ndarray, "4"]
    """x0 y0 x1 y1 of the square that was looked at, in pixels."""
    pixels: Float32[ndarray, "joints 2"]
    joints: Float32[ndarray, "joints 3"]
    """Metres, x to the right, y down, z away from the camera; see `Measure`."""
    weight: Float32[ndarray, "joints"]
    """The network's confidence, 0 to 1; 0 for a joint that is not known."""
    sigma: Float32[ndarray, "joints"]
    """One standard deviation in metres that this confidence stands for; how large and how far away the person is, is
    not in it."""


class Shape(NamedTuple):
    """A person but for one factor."""

    points: Float[ndarray, "joints 3"]
    """With a lens: at a root depth of 1. Without: from the root, in pixels of the picture."""
    known: Bool[ndarray, "joints"]
    unit: float
    """What the crop's side measures."""


@dataclass(frozen=True, eq=False)
class Placing:
    """Gives joints metres, by how large people are."""

    skeleton: Skeleton
    sizes: Sizes
    lens: Lens | None

    @property
    def measure(self) -> Measure:
        """Return what its positions mean."""
        if self.lens is not None:
            return "camera metres, average adult" if self.sizes.average else "camera metres"
        return "relative, average adult" if self.sizes.average else "relative metres"

    def shape(self, found: Found) -> Shape:
        """Return how somebody stands."""
        side = found.frame.side_px
        if self.lens is None:
            points = from_root(found.units, self.skeleton) * side
            return Shape(points, np.ones(len(points), bool), side)
        points, valid = found.frame.metres(self.lens, found.units, 1.0)
        known = valid & (points[:, 2] >= LEAST_DEPTH)
        return Shape(np.where(known[:, None], points, 0), known, found.frame.side_m(self.lens, 1.0))

    def size(self, shape: Shape, confidence: Float[ndarray, "joints"]) -> float:
        """Return the factor that makes a shape's lengths those of people: with a lens, the root's depth in metres.

        0 if the shape tells none.
        """
        return self.sizes.factor(shape.points, confidence * shape.known)

    def metre_px(self, found: Found) -> float:
        """Return how many pixels of the picture a metre spans at somebody's root; 0 if nothing tells."""
        size = self.size(self.shape(found), found.confidence)
        if size <= 0:
            return 0.0
        return (float(np.mean(self.lens.focal)) if self.lens is not None else 1.0) / size

    def person(self, found: Found, shape: Shape, size: float, slot: int) -> Person:
        """Return somebody whose factor is known."""
        corners = found.frame.pixels(np.array([[-0.5, -0.5, 0.0], [0.5, 0.5, 0.0]]))
        known = shape.known & (size > 0)
        return Person(
            slot,
            corners.ravel().astype(np.float32),
            found.pixels.astype(np.float32),
            (size * shape.points).astype(np.float32),
            (found.confidence * known).astype(np.float32),
            (deviation(found.confidence) * shape.unit * size).astype(np.float32),
        )


def deviation(confidence: Float[ndarray, "*any"]) -> Float[ndarray, "*any"]:
    """Return the standard deviation along each axis, in units of the crop, that a confidence stands for.

    A confidence is how probable a joint is within NEAR along all three axes; errors are taken as normal.
    """
    one_axis = np.clip(np.cbrt(confidence), 0.0, 1 - 1e-6)
    return np.asarray(np.minimum(NEAR / np.maximum(np.sqrt(2) * erfinv(one_axis), 1e-9), WORST))
