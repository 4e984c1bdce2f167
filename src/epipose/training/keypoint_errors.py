"""The errors of 2D detectors, made up: noise, joints lost or guessed, sides confused, kinds that lack joints."""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray

from epipose.geometry.crop_frames import MARGIN
from epipose.pose.conversion import Conversion, conversion
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.runtime.spotting import SURE
from epipose.training.sights import Sights, squares_around

KINDS = ("coco17", "mediapipe33", "halpe26", "h36m17")
"""Skeletons of detectors, which lack some joints of others."""
FEWEST = 5
"""Joints that are always left."""
_VARIED = 0.4
"""Logarithm, 1 sigma: how much more or less exact a joint is than others."""
_WILD, _GUESS = 6.0, 8.0
"""How many times further off outliers and the joints of a hidden limb are."""
_TELLING = 0.04
"""Of the box's side: how far off a joint is whose score is half of a sure one's."""


@dataclass(frozen=True)
class ErrorLevels:
    """How a detector errs; shares are probabilities."""

    noise: tuple[float, float]
    """Least and most of 1 sigma, as a part of the longer side of the person's box."""
    wild: float
    """Of each joint to be an outlier."""
    lossy: float
    """Of a picture in which joints get lost, each with up to LOST."""
    hidden: float
    """Of a limb to be hidden: half of these are lost, the others guessed."""
    cut: float
    """Of the picture's edge going through the person."""
    limb_swapped: float
    body_swapped: float
    kinds: float
    """Of the detector to be one of KINDS, with its joints only; half of these have the others made of them."""


MADE_UP = ErrorLevels(
    noise=(0.003, 0.03), wild=0.03, lossy=0.35, hidden=0.15, cut=0.1, limb_swapped=0.05, body_swapped=0.02, kinds=0.8
)
"""For joints that are exact."""
ADDED = ErrorLevels(
    noise=(0.002, 0.01), wild=0.01, lossy=0.2, hidden=0.1, cut=0.05, limb_swapped=0.01, body_swapped=0.0, kinds=0.0
)
"""For joints that a detector found, whose errors are their own."""
USUAL = ErrorLevels(
    noise=(0.01, 0.01), wild=0.01, lossy=0.0, hidden=0.0, cut=0.0, limb_swapped=0.0, body_swapped=0.0, kinds=1.0
)
"""For exams."""
LOST = 0.25


class KeypointErrors:
    """Makes errors of some `levels` for a skeleton."""

    def __init__(self, skeleton: Skeleton, levels: ErrorLevels) -> None:
        self._levels = levels
        self._kinds = _kinds(skeleton)
        self._limbs = _limbs(skeleton)
        self._swaps = _swaps(skeleton, self._limbs)

    def __call__(self, sights: Sights, rng: np.random.Generator) -> Sights:
        """Return `sights` with joints found elsewhere, or not at all."""
        size, (least, most) = sights.score.shape, self._levels.noise
        lost, guessed = self._hidden(len(sights), rng)
        factor = np.exp(_VARIED * rng.standard_normal(size)) * np.where(rng.random(size) < self._levels.wild, _WILD, 1)
        factor *= np.exp(rng.uniform(math.log(least), math.log(most), (size[0], 1))) * np.where(guessed, _GUESS, 1)
        off = factor[..., None] * rng.standard_normal((*size, 2))
        side = squares_around(sights).side / MARGIN
        moved = replace(
            sights,
            found=(sights.found + off * side[:, None, None]).astype(np.float32),
            score=_scored(sights.score * _told(np.linalg.norm(off, axis=-1), rng), sights.score > 0),
        )
        swapped = self._swapped(moved, rng)
        rate = LOST * rng.random((size[0], 1)) * (rng.random((size[0], 1)) < self._levels.lossy)
        gone = lost | (rng.random(size) < rate) | self._cut(swapped, rng)
        return self._as_kinds(_without(swapped, gone), rng)

    def _hidden(
        self, count: int, rng: np.random.Generator
    ) -> tuple[Bool[ndarray, "n joints"], Bool[ndarray, "n joints"]]:
        """Return which joints are lost and which are guessed because their limb is hidden."""
        limb = self._limbs[rng.integers(len(self._limbs), size=count)]
        draw = rng.random((count, 1)) / max(self._levels.hidden, 1e-9)
        return limb & (draw < 0.5), limb & (draw >= 0.5) & (draw < 1)

    def _cut(self, sights: Sights, rng: np.random.Generator) -> Bool[ndarray, "n joints"]:
        """Return which joints are out of the picture: mostly what is below its lower edge."""
        count, joints = sights.score.shape
        angle = np.pi / 2 * rng.choice(4, size=(count, 1), p=[0.6, 0.15, 0.1, 0.15])
        along = np.cos(angle) * sights.found[..., 1] + np.sin(angle) * sights.found[..., 0]
        kept = rng.integers(joints // 3, joints, size=(count, 1))
        edge = np.take_along_axis(np.sort(along, axis=1), kept, axis=1)
        return np.asarray((along >= edge) & (rng.random((count, 1)) < self._levels.cut))

    def _swapped(self, sights: Sights, rng: np.random.Generator) -> Sights:
        """Return them with the sides of a limb, or of the whole body, confused at times."""
        draw = rng.random(len(sights))
        limb = draw < self._levels.limb_swapped
        body = ~limb & (draw > 1 - self._levels.body_swapped)
        which = np.where(limb, rng.integers(1, len(self._swaps), size=len(sights)), 0)
        order = self._swaps[np.where(body, len(self._swaps) - 1, which)]
        found = np.take_along_axis(sights.found, order[..., None], axis=1)
        return replace(sights, found=found, score=np.take_along_axis(sights.score, order, axis=1))

    def _as_kinds(self, sights: Sights, rng: np.random.Generator) -> Sights:
        """Return them as kinds of detectors give them, the joints that these lack made of others or not found."""
        found, score = sights.found.copy(), sights.score.copy()
        kind = rng.integers(max(len(self._kinds), 1), size=len(sights))
        kind[rng.random(len(sights)) >= self._levels.kinds] = -1
        for number, (known, made) in enumerate(self._kinds):
            rows = np.flatnonzero((kind == number) & ((score[:, known] > 0).sum(axis=1) >= FEWEST))
            found[rows], score[rows] = made.apply(found[rows][:, known], score[rows][:, known])
            plain = rows[rng.random(len(rows)) < 0.5]
            score[np.ix_(plain, np.setdiff1d(np.arange(score.shape[1]), known))] = 0
        return replace(sights, found=found, score=score)


def _scored(score: Float[ndarray, "n joints"], seen: Bool[ndarray, "n joints"]) -> Float32[ndarray, "n joints"]:
    """Return scores, those of joints that are `seen` high enough for the runtime, the others 0."""
    return np.where(seen, np.clip(score, SURE, 1.0), 0).astype(np.float32)


def _told(off: Float[ndarray, "n joints"], rng: np.random.Generator) -> Float[ndarray, "n joints"]:
    """Return scores, 0 to 1, that tell of errors `off` (parts of the box's side): some well, some hardly."""
    telling = np.maximum(rng.uniform(-0.5, 1.0, (len(off), 1)), 0.0)
    sure = 1 / (1 + (off / _TELLING) ** 2) + 0.15 * rng.standard_normal(off.shape)
    base = 1 - 0.5 * rng.random((len(off), 1)) ** 2
    return np.asarray(base * (1 - telling + telling * sure))


def _without(sights: Sights, gone: Bool[ndarray, "n joints"]) -> Sights:
    """Return them without joints that are gone, unless too few were left."""
    score = np.where(gone, 0, sights.score)
    few = (score > 0).sum(axis=1) < FEWEST
    return replace(sights, score=np.where(few[:, None], sights.score, score))


def _kinds(skeleton: Skeleton) -> list[tuple[Int[ndarray, "known"], Conversion]]:
    """Return which joints each kind of detector finds, and how the others are made of them, as the runtime does.

    A kind that shares few joints with the skeleton is no use for it.
    """
    kinds = []
    for kind in KINDS:
        names = load_skeleton(kind).joint_names
        known = [joint for joint in skeleton.joint_names if joint in names]
        if len(known) >= len(skeleton) / 2:
            kinds.append((np.array([*map(skeleton.index, known)]), conversion(skeleton.subset(known), skeleton)))
    return kinds


def _limbs(skeleton: Skeleton) -> Bool[ndarray, "limbs joints"]:
    """Return limbs: a joint and all that hangs on it, at most half of the body."""
    hanging = np.eye(len(skeleton), dtype=bool)
    for _ in skeleton.joint_names:
        for parent, joint in skeleton.bones:
            hanging[parent] |= hanging[joint]
    return np.asarray(hanging[hanging.sum(axis=1) <= len(skeleton) / 2])


def _swaps(skeleton: Skeleton, limbs: Bool[ndarray, "limbs joints"]) -> Int[ndarray, "swaps joints"]:
    """Return orders of joints: as they are, with a limb's sides exchanged, ..., with the body's exchanged."""
    mirror, own = np.array(skeleton.mirror), np.arange(len(skeleton))
    orders = [np.where(limb | limb[mirror], mirror, own) for limb in limbs]
    changed = [order for order in orders if np.any(order != own)]
    return np.array([own, *changed, mirror])
