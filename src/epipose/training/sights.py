"""People as a detector found them in pictures, with the truth, and how they become examples for `models.lift`.

All work on many at once; their pictures may differ in lens and size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray

from epipose.geometry.crop_frames import MARGIN
from epipose.geometry.lenses import Lens
from epipose.pose.roots import root
from epipose.pose.skeletons import Skeleton

REACH = 2.0
"""Sides of the crop from its middle, or in depth from the root, beyond which nothing is taught."""


@dataclass(frozen=True, eq=False)
class Sights:
    """One person in each of n pictures."""

    places: Float32[ndarray, "n joints 3"]
    """Where joints are: x and y in pixels, then the depth behind the root, in what pixels measure at the root."""
    weight: Float32[ndarray, "n joints"]
    """How much that counts, 0 to 1."""
    found: Float32[ndarray, "n joints 2"]
    """Where a detector found them, in pixels."""
    score: Float32[ndarray, "n joints"]
    """The detector's, 0 to 1; 0 where it found nothing."""

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, which: Int[ndarray, "some"]) -> "Sights":
        """Return some of them."""
        return Sights(self.places[which], self.weight[which], self.found[which], self.score[which])

    def mirrored(self, which: Bool[ndarray, "n"], mirror: Int[ndarray, "joints"]) -> "Sights":
        """Return them with some pictures mirrored; joint j of a mirrored body is joint mirror[j]."""
        rows = which[:, None]
        order = np.where(rows, mirror, np.arange(len(mirror)))
        sign = np.where(rows, -1, 1).astype(np.float32)
        places, found = (np.take_along_axis(a, order[..., None], axis=1) for a in (self.places, self.found))
        places[..., 0] *= sign
        found[..., 0] *= sign
        weight, score = (np.take_along_axis(a, order, axis=1) for a in (self.weight, self.score))
        return Sights(places, weight, found, score)

    def turned(self, angle: Float[ndarray, "n"]) -> "Sights":
        """Return them with pictures turned clockwise (radians) about pixel 0, 0, as by cameras that are rolled."""
        cos, sin = (f(angle).astype(np.float32)[:, None] for f in (np.cos, np.sin))
        places, found = self.places.copy(), self.found.copy()
        for array in (places, found):
            x, y = array[..., 0].copy(), array[..., 1].copy()
            array[..., 0], array[..., 1] = cos * x - sin * y, sin * x + cos * y
        return replace(self, places=places, found=found)


@dataclass(frozen=True, eq=False)
class Squares:
    """Squares of pictures: the crops that people are seen in."""

    middle: Float32[ndarray, "n 2"]
    side: Float32[ndarray, "n"]
    """In pixels."""

    def moved(self, away: Float[ndarray, "n 2"], zoom: Float[ndarray, "n"]) -> "Squares":
        """Return them moved by parts of their sides, then made larger by `zoom`."""
        middle = self.middle + away * self.side[:, None]
        return Squares(middle.astype(np.float32), (self.side * zoom).astype(np.float32))

    def inputs(self, sights: Sights) -> Float32[ndarray, "n joints 3"]:
        """Return what the network is fed with: x, y in units of the crop, and the score; 0 where nothing was found."""
        across = (sights.found - self.middle[:, None]) / self.side[:, None, None]
        seen = sights.score > 0
        return np.concatenate([across * seen[..., None], sights.score[..., None]], axis=-1).astype(np.float32)

    def targets(self, sights: Sights) -> tuple[Float32[ndarray, "n joints 3"], Float32[ndarray, "n joints"]]:
        """Return the joints in units of the crop, and how much they count."""
        units = sights.places.copy()
        units[..., :2] -= self.middle[:, None]
        units /= self.side[:, None, None]
        near = np.all(np.abs(units) < REACH, axis=-1)
        return units * near[..., None], sights.weight * near

    def places(self, units: Float32[ndarray, "n joints 3"]) -> Float32[ndarray, "n joints 3"]:
        """Return joints in units of the crop as `Sights.places` has them."""
        places = units * self.side[:, None, None]
        places[..., :2] += self.middle[:, None]
        return np.asarray(places)


def together(parts: Sequence[Sights]) -> Sights:
    """Return the sights of all parts."""
    return Sights(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sights)))


def squares_around(sights: Sights) -> Squares:
    """Return the usual crop around the joints that were found in each picture (see `crop_frames.box_frame`)."""
    # Joints first: NumPy is several times faster at finding the least along the first axis.
    found, seen = sights.found.transpose(1, 0, 2).copy(), (sights.score > 0).T[..., None]
    begin = np.where(seen, found, np.float32(np.inf)).min(axis=0)
    end = np.where(seen, found, np.float32(-np.inf)).max(axis=0)
    side = np.maximum((end - begin).max(axis=1), 1.0) * MARGIN
    return Squares(((begin + end) / 2).astype(np.float32), side.astype(np.float32))


def placed(
    lens: Lens, joints: Float[ndarray, "n joints 3"], skeleton: Skeleton
) -> tuple[Float32[ndarray, "n joints 3"], Bool[ndarray, "n joints"]]:
    """Return joints (camera axes, metres) as `Sights.places` has them, and which of them the lens can see.

    Who is not in front of the camera is not seen at all.
    """
    pixels, seen = lens.project(joints)
    depth = root(joints, skeleton)[:, None, 2]
    before = depth > 0
    behind = (joints[..., 2] - depth) * float(np.mean(lens.focal)) / np.where(before, depth, 1.0)
    return np.concatenate([pixels, behind[..., None]], axis=-1).astype(np.float32), seen & before


def unplaced(
    lens: Lens, places: Float32[ndarray, "n joints 3"], root_depth: Float[ndarray, "n"]
) -> tuple[Float[ndarray, "n joints 3"], Bool[ndarray, "n joints"]]:
    """Return joints in camera axes (metres) of people whose roots are that deep, and which the lens can invert."""
    ideal, valid = lens.undistort(places[..., :2].astype(float))
    depth = root_depth[:, None] * (1 + places[..., 2] / float(np.mean(lens.focal)))
    return np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1) * depth[..., None], valid
