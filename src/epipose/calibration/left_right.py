"""Left/right repair: find the frames in which a detector swapped a person's sides, and exchange them back.

A swap is confident and lasts for stretches of frames, so neither scores nor filters find it; other views do. For
every frame and every choice of swapped views, the paired joints must agree between views (epipolar error), and from
frame to frame the joints of a view must not jump to their mirrors. The most likely choice over time is found exactly
by the Viterbi algorithm, where the states of a frame are all choices of swapped views.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.rotations import skew
from epipose.pose.observations import Observations

MAX_VIEWS_AT_ONCE = 6
"""Up to this many views all choices are compared; more views are repaired in groups against the best-seen ones."""
TRUNCATE_SIGMAS = 3.5
"""A residual above this many standard deviations is an outlier, which speaks neither for nor against a swap."""
CHANGE_COST = 6.0
"""Minus log probability that a detector swaps, or swaps back, between two frames."""
SWAPPED_COST = 0.3
"""Minus log odds that one view is swapped in one frame: a swap without evidence is none."""
JUMP_WEIGHT = 0.4
"""What a joint's jump counts: the joints of a limb move together, so they are not independent witnesses."""


def find_swaps(cameras: Sequence[Camera], observations: Observations, sigma_px: float) -> Bool[ndarray, "views frames"]:
    """Return in which frames each view has left and right exchanged, given roughly right cameras.

    `sigma_px` is the standard deviation of an observation of weight 1, in pixels.
    """
    views, frames = observations.weight.shape[:2]
    swapped = np.zeros((views, frames), bool)
    if not observations.skeleton.pairs:
        return swapped
    order = np.argsort(-observations.weight.sum(axis=(1, 2)), kind="stable")
    anchors = [int(view) for view in order[:MAX_VIEWS_AT_ONCE]]
    swapped[anchors] = _most_likely(cameras, observations, anchors, sigma_px)
    for view in map(int, order[MAX_VIEWS_AT_ONCE:]):
        group = [view, *anchors[: MAX_VIEWS_AT_ONCE - 1]]
        repaired = observations.mirrored(swapped)
        swapped[view] = _most_likely(cameras, repaired, group, sigma_px)[0]
    return swapped


def _most_likely(
    cameras: Sequence[Camera], observations: Observations, group: list[int], sigma: float
) -> Bool[ndarray, "group frames"]:
    """Return the most likely swaps of a few views, by the Viterbi algorithm over all their choices."""
    states = np.array([[(state >> bit) & 1 for bit in range(len(group))] for state in range(2 ** len(group))], bool)
    frame_cost = SWAPPED_COST * states.sum(axis=1) + _disagreement(cameras, observations, group, states, sigma)
    changed = states[:, None, :] != states[None, :, :]
    change_cost = CHANGE_COST + np.stack([_jump_costs(observations, view) for view in group])
    begins = np.diff(observations.stretch, prepend=-1) > 0
    best = frame_cost[0]
    origin = np.zeros((len(frame_cost), len(states)), int)
    for frame in range(1, len(frame_cost)):
        if begins[frame]:
            arriving = np.broadcast_to(best[:, None], changed.shape[:2])
        else:
            arriving = best[:, None] + changed @ change_cost[:, frame]
        origin[frame] = np.argmin(arriving, axis=0)
        best = np.min(arriving, axis=0) + frame_cost[frame]
    path = np.empty(len(frame_cost), int)
    path[-1] = np.argmin(best)
    for frame in range(len(frame_cost) - 1, 0, -1):
        path[frame - 1] = origin[frame, path[frame]]
    return states[path].T


def _disagreement(
    cameras: Sequence[Camera],
    observations: Observations,
    group: list[int],
    states: Bool[ndarray, "states group"],
    sigma_px: float,
) -> Float[ndarray, "frames states"]:
    """Return minus the log likelihood of each frame under each choice, up to a constant."""
    skeleton = observations.skeleton
    left_right = [(skeleton.index(left), skeleton.index(right)) for left, right in skeleton.pairs]
    joints = np.array(left_right).T.ravel()
    mirrored = np.array(left_right)[:, ::-1].T.ravel()
    ideal = {view: cameras[view].lens.undistort(observations.pixels[view])[0] for view in group}
    cost = np.zeros((observations.weight.shape[1], len(states)))
    for (i, view), (j, other) in combinations(enumerate(group), 2):
        same, crossed = (
            _epipolar_cost(cameras, (view, other), ideal, observations.weight, joints, partner, sigma_px)
            for partner in (joints, mirrored)
        )
        exchanged = states[:, i] != states[:, j]
        cost += np.where(exchanged, crossed[:, None], same[:, None])
    # Every view is judged once with each other view; its evidence counts once.
    return cost * 2 / len(group)


def _epipolar_cost(
    cameras: Sequence[Camera],
    pair: tuple[int, int],
    ideal: dict[int, Float[ndarray, "frames joints 2"]],
    weight: Float[ndarray, "views frames joints"],
    joints: ndarray,
    partner: ndarray,
    sigma_px: float,
) -> Float[ndarray, "frames"]:
    """Return half the truncated squared Sampson errors, in sigmas, of `joints` in a view with `partner` in another."""
    view, other = pair
    motion = cameras[other].cam_from_world @ cameras[view].cam_from_world.inverse()
    essential = skew(motion.translation) @ motion.rotation
    first, second = (
        np.concatenate([p, np.ones_like(p[..., :1])], axis=-1)
        for p in (ideal[view][:, joints], ideal[other][:, partner])
    )
    line, back_line = first @ essential.T, second @ essential
    value = np.sum(line * second, axis=-1)
    focals = [cameras[v].lens.focal[0] for v in pair]
    variance = (
        np.sum(line[..., :2] ** 2, axis=-1) / focals[1] ** 2 + np.sum(back_line[..., :2] ** 2, axis=-1) / focals[0] ** 2
    )
    squared = value**2 / np.maximum(variance, 1e-18) / sigma_px**2
    shared = np.sqrt(weight[view][:, joints] * weight[other][:, partner])
    return np.asarray((shared * np.minimum(squared, TRUNCATE_SIGMAS**2)).sum(axis=-1) / 2)


def _jump_costs(observations: Observations, view: int) -> Float[ndarray, "frames"]:
    """Return how much less likely an exchange of sides is than none, from each frame to the one before it.

    Negative where the joints move less if their names are exchanged. In units of the view's usual motion.
    """
    skeleton = observations.skeleton
    paired = [skeleton.index(joint) for pair in skeleton.pairs for joint in pair]
    mirror = [skeleton.mirror[joint] for joint in paired]
    pixels, weight = observations.pixels[view], observations.weight[view]
    cost = np.zeros(len(pixels))
    steps = []
    for partner in (paired, mirror):
        moved = np.sum((pixels[1:, paired] - pixels[:-1, partner]) ** 2, axis=-1)
        shared = np.sqrt(weight[1:, paired] * weight[:-1, partner])
        steps.append((moved, shared))
    usual = steps[0][0][steps[0][1] > 0]
    if usual.size:
        # A two-dimensional step has a median squared length of 2 ln 2 variances.
        variance = np.median(usual) / (2 * np.log(2)) + 1.0
        stay, exchange = (np.sum(s * np.minimum(m / variance, TRUNCATE_SIGMAS**2), axis=-1) / 2 for m, s in steps)
        cost[1:] = JUMP_WEIGHT * (exchange - stay)
    return cost
