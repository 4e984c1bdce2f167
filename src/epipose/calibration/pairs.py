"""Relative motion of every two views from the joints both saw: robust essential matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import poselib
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotation_from_quaternion

SHUFFLES, SAMPLE, ITERATIONS = 3, 1000, 5000
"""Robust fits of one pair, the points drawn for each (more change the consensus little), and its longest search."""
QUICK_SAMPLE, QUICK_ITERATIONS = 400, 300
"""The same for a fit that only tells how well two views agree."""
MIN_SHARED = 30


@dataclass(frozen=True, eq=False)
class Pair:
    """How two views stand to each other: `other_from_view` with a baseline of length 1."""

    view: int
    other: int
    other_from_view: Rigid
    inlier: Bool[ndarray, "n"]
    depths: Float[ndarray, "2 n"]
    """Depth of each point in `view` and in `other`, in baselines; meaningful where `inlier`."""
    parallax: float
    """Typical angle between the two rays of an inlier, in radians, folded to at most a right angle."""

    @property
    def trust(self) -> float:
        """Inliers, each worth the squared sine of the parallax: what a chain of motions should be built from."""
        return float(self.inlier.sum() * np.sin(self.parallax) ** 2)


def relative_pairs(
    ideal: Float[ndarray, "views n 2"],
    weights: Float[ndarray, "views n"],
    focals: Sequence[float],
    *,
    threshold_px: float,
) -> list[Pair]:
    """Return every pair of views that shares enough joints and agrees on a motion.

    `ideal` are undistorted image points, `focals` (pixels) tell what the threshold of the epipolar error means.
    """
    pairs = []
    for view, other in combinations(range(len(ideal)), 2):
        shared = (weights[view] > 0) & (weights[other] > 0)
        if shared.sum() < MIN_SHARED:
            continue
        focal = float(np.sqrt(focals[view] * focals[other]))
        found = _best_of_shuffles(ideal[view, shared], ideal[other, shared], focal, threshold_px)
        if found is not None:
            motion, threshold = found, threshold_px / focal
            pairs.append(_measured(view, other, motion, ideal, shared, threshold))
    return [pair for pair in pairs if pair.inlier.sum() >= MIN_SHARED]


def agreement(
    first: Float[ndarray, "n 2"], second: Float[ndarray, "n 2"], focal: float, *, threshold_px: float
) -> float:
    """Return which share of ideal points in two views obeys one epipolar geometry, by a quick robust fit."""
    if len(first) < MIN_SHARED:
        return 0.0
    _, share = _robust_motion(first, second, focal, threshold_px, seed=0, limits=(QUICK_SAMPLE, QUICK_ITERATIONS))
    return share


def _best_of_shuffles(
    first: Float[ndarray, "n 2"], second: Float[ndarray, "n 2"], focal: float, threshold_px: float
) -> Rigid | None:
    """Return the motion with the most inliers of several robust fits.

    One fit depends on the order of its points; several shuffled ones do not get stuck together.
    """
    fits = [
        _robust_motion(first, second, focal, threshold_px, seed=seed, limits=(SAMPLE, ITERATIONS))
        for seed in range(SHUFFLES)
    ]
    motion, _ = max(fits, key=lambda fit: fit[1])
    length = float(np.linalg.norm(motion.translation))
    return Rigid(motion.rotation, motion.translation / length) if length > 0 else None


def _robust_motion(
    first: Float[ndarray, "n 2"],
    second: Float[ndarray, "n 2"],
    focal: float,
    threshold_px: float,
    *,
    seed: int,
    limits: tuple[int, int],
) -> tuple[Rigid, float]:
    """Return `second_from_first` of one robust fit to a random sample, and the sample's share of inliers."""
    sample, iterations = limits
    chosen = np.random.default_rng(seed).permutation(len(first))[:sample]
    camera = {"model": "SIMPLE_PINHOLE", "width": 1, "height": 1, "params": [focal, 0.0, 0.0]}
    options = {"max_epipolar_error": threshold_px, "seed": seed, "min_iterations": 200, "max_iterations": iterations}
    loss = {"loss_type": "CAUCHY", "loss_scale": threshold_px / 2}
    motion, stats = poselib.estimate_relative_pose(
        first[chosen] * focal, second[chosen] * focal, camera, camera, options, loss
    )
    return Rigid(rotation_from_quaternion(np.asarray(motion.q)), np.asarray(motion.t)), float(stats["inlier_ratio"])


def _measured(
    view: int,
    other: int,
    motion: Rigid,
    ideal: Float[ndarray, "views n 2"],
    shared: Bool[ndarray, "n"],
    threshold: float,
) -> Pair:
    """Return the pair with its inliers (epipolar error, in front of both), their depths and parallax."""
    ray = np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1)
    turned = ray[view] @ motion.rotation.T
    target = ray[other]
    normal = np.cross(turned, motion.translation)
    distance = np.abs(np.sum(normal * target, axis=-1)) / np.maximum(np.linalg.norm(normal[:, :2], axis=-1), 1e-12)
    # Depths from  depth_other * target = depth_view * turned + translation, in the least-squares sense.
    cross = np.cross(target, turned)
    squared = np.maximum(np.sum(cross**2, axis=-1), 1e-15)
    depth_view = -np.sum(np.cross(target, motion.translation) * cross, axis=-1) / squared
    depth_other = -np.sum(np.cross(turned, motion.translation) * cross, axis=-1) / squared
    inlier = shared & (distance < threshold) & (depth_view > 0) & (depth_other > 0)
    sine = np.sqrt(squared) / np.linalg.norm(turned, axis=-1) / np.linalg.norm(target, axis=-1)
    parallax = float(np.arcsin(min(1.0, np.median(sine[inlier])))) if inlier.any() else 0.0
    return Pair(view, other, motion, inlier, np.stack([depth_view, depth_other]), parallax)


def chain_motions(pairs: Sequence[Pair], views: int) -> list[Rigid | None]:
    """Return `view_from_first` of every view along the spanning tree of the most trusted pairs.

    The tree starts with its best pair, whose baseline has length 1; every further pair is scaled so that points that
    it shares with the tree have equal depths. The first view is the origin; a view is None if no pair reaches it, or
    only pairs that share too few points with the tree to tell their scale.
    """
    if not pairs:
        return [Rigid.identity(), *[None] * (views - 1)]
    start = max(pairs, key=lambda pair: pair.trust)
    motions: dict[int, Rigid] = {start.view: Rigid.identity()}
    depths: dict[int, Float[ndarray, "n"]] = {}
    remaining = list(pairs)
    while True:
        touching = [p for p in remaining if (p.view in motions) != (p.other in motions)]
        reached = [(pair, scale) for pair in touching if (scale := _scale(pair, depths)) is not None]
        if not reached:
            break
        pair, scale = max(reached, key=lambda found: found[0].trust)
        _attach(pair, scale, motions, depths)
        remaining.remove(pair)
    world = motions.get(0)
    if world is None:
        return [Rigid.identity(), *[None] * (views - 1)]
    return [motions[view] @ world.inverse() if view in motions else None for view in range(views)]


def _scale(pair: Pair, depths: dict[int, Float[ndarray, "n"]]) -> float | None:
    """Return the length of the pair's baseline in the unit of the tree, if enough joints in common tell it."""
    if not depths:
        return 1.0
    known, own = (pair.view, pair.depths[0]) if pair.view in depths else (pair.other, pair.depths[1])
    common = pair.inlier & np.isfinite(depths[known])
    return float(np.median(depths[known][common] / own[common])) if common.sum() >= MIN_SHARED else None


def _attach(pair: Pair, scale: float, motions: dict[int, Rigid], depths: dict[int, Float[ndarray, "n"]]) -> None:
    """Add the view of `pair` that the tree lacks, with a baseline of length `scale`; depths are NaN where unknown."""
    view_from_other = pair.other_from_view.inverse()
    forward = pair.view in motions
    known, new, motion = (
        (pair.view, pair.other, pair.other_from_view) if forward else (pair.other, pair.view, view_from_other)
    )
    motions[new] = Rigid(motion.rotation, motion.translation * scale) @ motions[known]
    scaled = np.where(pair.inlier, scale * pair.depths, np.nan)
    depths[new] = scaled[int(forward)]
    old = depths.get(known, scaled[int(not forward)])
    depths[known] = np.where(np.isfinite(old), old, scaled[int(not forward)])
