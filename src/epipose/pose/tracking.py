"""People within one view: which detections of successive frames are the same person, and who matters most.

There is no appearance to go by: a person is recognised by where the joints are, against where they were heading.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.optimize import linear_sum_assignment

from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints
from epipose.pose.skeletons import Skeleton

BRIDGED_SECONDS = 0.5
"""A person not seen for longer than this comes back as somebody new."""
TOLERANCE = 0.1
"""Distance at which a joint counts half as agreeing, in person sizes, at once after it was seen ..."""
TOLERANCE_PER_SECOND = 0.7
"""... and how fast this grows while it is not seen."""
WORST_COST = 0.6
"""Mean disagreement of the joints (0 to 1) above which a detection is somebody else."""
VELOCITY_MEMORY_SECONDS = 0.1
JOINTS_FOR_SIZE = 6


def track(keypoints: Keypoints) -> Keypoints:
    """Return the same detections, in slots that each hold one person over the frames; the most seen person first.

    Every detection is kept. Optimal assignment per frame (Kuhn-Munkres) to positions predicted by constant velocity.
    """
    present = np.any(keypoints.score > 0, axis=-1)
    owner = np.full(present.shape, -1)
    sizes = person_sizes(keypoints)
    tracker = Tracker(keypoints.skeleton)
    for frame in np.flatnonzero(present.any(axis=1)):
        slots = np.flatnonzero(present[frame])
        owner[frame, slots] = tracker.numbers(
            keypoints.pixels[frame, slots].astype(float),
            keypoints.score[frame, slots] > 0,
            sizes[frame, slots],
            float(keypoints.times[frame]),
        )
    return _in_slots(keypoints, owner, tracker.count)


class Tracker:
    """Tells frame by frame who is who."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._live, self._mirror = _Tracks.none(len(skeleton)), list(skeleton.mirror)
        self.count = 0
        """How many people there were so far."""

    def numbers(
        self,
        pixels: Float[ndarray, "n joints 2"],
        seen: Bool[ndarray, "n joints"],
        sizes: Float[ndarray, "n"],
        time: float,
    ) -> Int[ndarray, "n"]:
        """Return the number, counted from 0, of each person found in the next frame; `sizes` see `person_sizes`."""
        found = _Detections(pixels, seen, sizes)
        live = self._live.kept(time - self._live.time <= BRIDGED_SECONDS)
        rows, columns = _matched(live, found, self._mirror, time)
        fresh = np.setdiff1d(np.arange(len(sizes)), columns)
        numbers = np.empty(len(sizes), int)
        numbers[columns] = live.number[rows]
        numbers[fresh] = self.count + np.arange(len(fresh))
        live = live.updated(rows, found.kept(columns), time)
        self._live = live.joined(found.kept(fresh), self.count, time)
        self.count += len(fresh)
        return numbers


def main_person(tracked: Keypoints) -> int:
    """Return the slot most worth calibrating with; raises InputError when nobody is seen at all."""
    salient = salience(tracked)
    if not np.any(salient > 0):
        raise InputError("nobody was found in one of the views; film so that a person is in every view")
    return int(np.argmax(salient))


def salience(tracked: Keypoints) -> Float[ndarray, "people"]:
    """Return how much each slot matters: long in view, large in the picture and moving; 0 for an empty slot.

    A bystander is smaller and stiller than the person whom the cameras are there for.
    """
    seen = (tracked.score > 0)[..., None]
    sizes = person_sizes(tracked)
    present = np.any(seen[..., 0], axis=-1)
    count = np.maximum(seen.sum(axis=0), 1)
    size = sizes.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    centre = np.sum(tracked.pixels * seen, axis=0, dtype=float) / count
    # The mean deviation, unlike the variance, is not ruled by a few joints that a detector threw far off.
    deviation = np.linalg.norm(np.sum(np.abs(tracked.pixels - centre) * seen, axis=0) / count, axis=-1)
    motion = np.minimum(deviation / np.maximum(size, 1e-9)[:, None], 1.0).mean(axis=-1)
    visible = tracked.score.mean(axis=(0, 2), dtype=float) if len(tracked.times) else np.zeros(len(size))
    return np.asarray(visible * size / np.hypot(*tracked.image_size_wh) * (0.1 + motion))


def person_sizes(keypoints: Keypoints) -> Float[ndarray, "frames people"]:
    """Return about the height of each person in pixels (when upright), 0 where nobody is seen.

    Thrice the upper quartile of the joints' distances from their median, so that single joints gone astray change
    nothing. Too few joints say no size: there it is at least the view's median.
    """
    seen = keypoints.score > 0
    centre = _masked_quantile(np.moveaxis(keypoints.pixels, -1, 0).astype(float), np.stack([seen, seen]), 0.5)
    distance = np.linalg.norm(keypoints.pixels - np.moveaxis(centre, 0, -1)[..., None, :], axis=-1)
    size = 3 * _masked_quantile(distance.astype(float), seen, 0.75)
    count = seen.sum(axis=-1)
    enough = count >= JOINTS_FOR_SIZE
    typical = float(np.median(size[enough])) if enough.any() else 0.1 * float(np.hypot(*keypoints.image_size_wh))
    return np.where((count > 0) & ~enough, np.maximum(size, typical), size)


def _masked_quantile(
    values: Float[ndarray, "*batch n"], mask: Bool[ndarray, "*batch n"], share: float
) -> Float[ndarray, "*batch"]:
    """Return the masked-in value below which `share` of them lie, along the last axis; 0 where there are none."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=-1)
    place = (np.maximum(mask.sum(axis=-1) - 1, 0) * share).astype(int)
    quantile = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
    return np.where(mask.any(axis=-1), quantile, 0.0)


@dataclass(frozen=True, eq=False)
class _Detections:
    """The people found in one frame."""

    pixels: Float[ndarray, "n joints 2"]
    seen: Bool[ndarray, "n joints"]
    size: Float[ndarray, "n"]

    def kept(self, which: Int[ndarray, "m"]) -> "_Detections":
        return _Detections(self.pixels[which], self.seen[which], self.size[which])


@dataclass(frozen=True, eq=False)
class _Tracks:
    """People who may be seen again: where each joint was last, and how the whole body moves."""

    number: Int[ndarray, "n"]
    pixels: Float[ndarray, "n joints 2"]
    known: Bool[ndarray, "n joints"]
    velocity: Float[ndarray, "n 2"]
    """Pixels per second."""
    size: Float[ndarray, "n"]
    time: Float[ndarray, "n"]
    """When last seen, in seconds."""

    @classmethod
    def none(cls, joints: int) -> "_Tracks":
        empty = np.zeros(0)
        return cls(
            empty.astype(int), np.zeros((0, joints, 2)), np.zeros((0, joints), bool), np.zeros((0, 2)), empty, empty
        )

    def kept(self, which: Bool[ndarray, "n"]) -> "_Tracks":
        arrays = (self.number, self.pixels, self.known, self.velocity, self.size, self.time)
        return self if which.all() else _Tracks(*(array[which] for array in arrays))

    def joined(self, new: _Detections, number: int, time: float) -> "_Tracks":
        """Return these and new people, numbered on from `number`."""
        count = len(new.size)
        if not count:
            return self
        return _Tracks(
            np.concatenate([self.number, number + np.arange(count)]),
            np.concatenate([self.pixels, new.pixels]),
            np.concatenate([self.known, new.seen]),
            np.concatenate([self.velocity, np.zeros((count, 2))]),
            np.concatenate([self.size, new.size]),
            np.concatenate([self.time, np.full(count, time)]),
        )

    def updated(self, rows: Int[ndarray, "m"], found: _Detections, time: float) -> "_Tracks":
        """Return the people after those in `rows` were found again."""
        step = time - self.time[rows]
        moved = found.pixels - self.pixels[rows]
        both = found.seen & self.known[rows]
        shift = np.moveaxis(_masked_quantile(np.moveaxis(moved, -1, 0), np.stack([both, both]), 0.5), 0, -1)
        gain = 1 - np.exp(-step / VELOCITY_MEMORY_SECONDS)[:, None]
        pixels, known, velocity = self.pixels.copy(), self.known.copy(), self.velocity.copy()
        size, last = self.size.copy(), self.time.copy()
        # A joint that is hidden goes along with the body.
        pixels[rows] = np.where(found.seen[..., None], found.pixels, pixels[rows] + shift[:, None])
        known[rows] |= found.seen
        velocity[rows] += gain * (shift / step[:, None] - velocity[rows])
        # Hidden joints make a person look smaller than it is.
        size[rows] = np.maximum(found.size, 0.9 * size[rows])
        last[rows] = time
        return _Tracks(self.number, pixels, known, velocity, size, last)


def _matched(
    tracks: _Tracks, found: _Detections, mirror: list[int], time: float
) -> tuple[Int[ndarray, "m"], Int[ndarray, "m"]]:
    """Return which tracks (rows) are which detections (columns)."""
    gap = time - tracks.time
    predicted = tracks.pixels + (tracks.velocity * gap[:, None])[:, None]
    scale = np.maximum(tracks.size[:, None], found.size) * (TOLERANCE + TOLERANCE_PER_SECOND * gap)[:, None]
    cost = _disagreement(predicted, tracks.known, found, scale)
    # A detector that swaps a person's sides has not found somebody else.
    flipped = _disagreement(predicted[:, mirror], tracks.known[:, mirror], found, scale)
    cost = np.minimum(cost, flipped)
    rows, columns = linear_sum_assignment(np.minimum(cost, WORST_COST))
    same = cost[rows, columns] < WORST_COST
    return rows[same], columns[same]


def _disagreement(
    predicted: Float[ndarray, "n joints 2"],
    known: Bool[ndarray, "n joints"],
    found: _Detections,
    scale: Float[ndarray, "n m"],
) -> Float[ndarray, "n m"]:
    """Return the mean over the common joints of d^2 / (d^2 + scale^2) (Geman-McClure), 1 where none is common."""
    squared = np.sum((predicted[:, None] - found.pixels) ** 2, axis=-1)
    common = known[:, None] & found.seen
    share = squared / (squared + np.maximum(scale, 1.0)[..., None] ** 2)
    total = common.sum(axis=-1)
    return np.where(total > 0, np.sum(share * common, axis=-1) / np.maximum(total, 1), 1.0)


def _in_slots(keypoints: Keypoints, owner: Int[ndarray, "frames people"], tracks: int) -> Keypoints:
    frames, slots = np.nonzero(owner >= 0)
    weight = np.bincount(owner[frames, slots], keypoints.score[frames, slots].sum(axis=-1), tracks)
    rank = np.empty(tracks, int)
    rank[np.argsort(-weight, kind="stable")] = np.arange(tracks)
    shape = (len(keypoints.times), tracks, len(keypoints.skeleton))
    pixels, score = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
    pixels[frames, rank[owner[frames, slots]]] = keypoints.pixels[frames, slots]
    score[frames, rank[owner[frames, slots]]] = keypoints.score[frames, slots]
    return replace(keypoints, pixels=pixels, score=score)
