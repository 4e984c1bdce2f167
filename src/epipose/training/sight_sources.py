"""Where examples for `models.lift` come from: poses filmed by made-up cameras, and recordings whose poses are known."""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Int
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.lenses import Lens, Pinhole
from epipose.geometry.rotations import rotation_from_rotvec
from epipose.pose.roots import root, root_joints
from epipose.pose.skeletons import Skeleton
from epipose.runtime.spotting import SURE
from epipose.training.keypoint_errors import ADDED, FEWEST, MADE_UP, KeypointErrors
from epipose.training.sights import Sights, placed

LENS = Pinhole((1000.0, 1000.0), (0.0, 0.0))
"""Of made-up cameras. In units of a crop its focal length makes no difference."""
_NEAREST = 0.4
"""Metres in front of the camera that every joint is at least."""


class Source(ABC):
    """Makes sights of people of `skeleton`."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Sights:
        """Return `count` sights, with the errors of a detector, before pictures are mirrored, turned and cropped."""


class FilmedPoses(Source):
    """Poses in metres, Z up, filmed from anywhere around them, seen by made-up detectors.

    What people did in a recording can so be learned as if it had been seen from everywhere.
    """

    def __init__(
        self,
        positions: Float32[ndarray, "poses joints 3"],
        skeleton: Skeleton,
        weights: Float32[ndarray, "poses joints"] | None = None,
    ) -> None:
        """Take poses whose joints count by `weights`, all alike without; those of weight 0 are not seen at all.

        Poses of fewer than FEWEST joints, or whose root is not known, are left out; raises InputError if none is left.
        """
        super().__init__(skeleton)
        weights = np.ones(positions.shape[:2], np.float32) if weights is None else weights
        kept = _usable(weights, weights, skeleton)
        # Joints that are not known are put where they are in nobody's way.
        middle = root(positions[kept], skeleton)[:, None]
        self._positions = np.where(weights[kept][..., None] > 0, positions[kept], middle)
        self._weights, self._errors = weights[kept], KeypointErrors(skeleton, MADE_UP)

    def draw(self, count: int, rng: np.random.Generator) -> Sights:
        """Return sights of poses and cameras drawn by chance."""
        rows = rng.integers(len(self._positions), size=count)
        sights, weights = filmed(self._positions[rows], self.skeleton, rng)[0], self._weights[rows]
        score = np.where(weights > 0, sights.score, 0).astype(np.float32)
        return self._errors(replace(sights, weight=sights.weight * weights, score=score), rng)


class RecordedPoses(Source):
    """What a detector found in pictures of one lens, and where the joints were: of a recording's pseudo-labels, say."""

    def __init__(
        self,
        skeleton: Skeleton,
        lens: Lens,
        inputs: Float[ndarray, "n joints 3"],
        targets: Float[ndarray, "n joints 3"],
        weights: Float[ndarray, "n joints"],
    ) -> None:
        """Take `inputs` (x, y in pixels, and score; 0 where not found), `targets` (camera axes, metres) and `weights`.

        Joints are those of `skeleton`, and found from a score of SURE on. People with fewer than FEWEST joints
        found, whose root is not known (weight 0) or not in front of the camera are left out; raises InputError if
        nobody is left.
        """
        super().__init__(skeleton)
        self._errors = KeypointErrors(skeleton, ADDED)
        self.sights, self.truth = _recorded(skeleton, lens, inputs, targets, weights)
        self.lens = lens

    def draw(self, count: int, rng: np.random.Generator) -> Sights:
        """Return sights drawn by chance, with a few more errors."""
        return self._errors(self.sights.rows(rng.integers(len(self.sights), size=count)), rng)


def filmed(
    positions: Float[ndarray, "n joints 3"], skeleton: Skeleton, rng: np.random.Generator
) -> tuple[Sights, Float[ndarray, "n joints 3"]]:
    """Return sights without errors of poses (metres, Z up), each by a camera of its own with LENS, and camera axes.

    Cameras stand 1.5 to 10 m away, at heights from the knees to well above the head, and look somewhere near.
    """
    local = from_cameras(positions * rng.uniform(0.85, 1.15, (len(positions), 1, 1)), rng)
    places, seen = placed(LENS, local, skeleton)
    seen_as = seen.astype(np.float32)
    return Sights(places, seen_as, places[..., :2].copy(), seen_as.copy()), local


def from_cameras(positions: Float[ndarray, "n joints 3"], rng: np.random.Generator) -> Float[ndarray, "n joints 3"]:
    """Return poses in the axes of cameras drawn by chance; rolls are left to `Sights.turned`."""
    count = len(positions)
    middle = positions.mean(axis=1)
    bearing, distance = rng.uniform(0, 2 * np.pi, count), np.exp(rng.uniform(np.log(1.5), np.log(10.0), count))
    height = np.where(rng.random(count) < 0.85, rng.uniform(0.2, 2.4, count), rng.uniform(2.4, 4.5, count))
    away = np.stack([distance * np.cos(bearing), distance * np.sin(bearing), height - middle[:, 2]], axis=-1)
    forward = -away / np.linalg.norm(away, axis=-1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    level = np.stack([right, np.cross(forward, right), forward], axis=1)
    aside = rotation_from_rotvec(rng.standard_normal((count, 3)) * [0.15, 0.25, 0.0])
    local = (positions - (middle + away)[:, None]) @ np.swapaxes(aside @ level, 1, 2)
    local[..., 2] += np.maximum(_NEAREST - local[..., 2].min(axis=1), 0.0)[:, None]
    return np.asarray(local)


def _recorded(
    skeleton: Skeleton, lens: Lens, inputs: ndarray, targets: ndarray, weights: ndarray
) -> tuple[Sights, Float[ndarray, "some joints 3"]]:
    """Return those who can be learned from."""
    shape = (len(inputs), len(skeleton))
    if inputs.shape != (*shape, 3) or targets.shape != (*shape, 3) or weights.shape != shape:
        raise InputError(f"examples of shapes {inputs.shape}, {targets.shape} and {weights.shape} do not go together")
    places, seen = placed(lens, targets.astype(float), skeleton)
    score = np.where(inputs[..., 2] >= SURE, np.clip(inputs[..., 2], 0, 1), 0).astype(np.float32)
    kept = _usable(score, weights * seen, skeleton)
    sights = Sights(places, (weights * seen).astype(np.float32), inputs[..., :2].astype(np.float32), score)
    return sights.rows(kept), targets[kept].astype(float)


def _usable(score: ndarray, weights: ndarray, skeleton: Skeleton) -> Int[ndarray, "kept"]:
    """Return who has enough joints found (score not 0) and a root that is known; raises InputError if nobody has."""
    known = np.all(weights[:, list(root_joints(skeleton))] > 0, axis=1)
    kept = np.flatnonzero(known & ((score > 0).sum(axis=1) >= FEWEST))
    if not len(kept):
        raise InputError("nobody has enough joints found, and a root that is known, to be learned from")
    return kept
