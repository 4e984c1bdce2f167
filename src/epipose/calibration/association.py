"""Which tracks of different views are the same person, once the cameras are known.

Correlation clustering: tracks are cut where the evidence turns, and the pieces merged greedily by their summed
evidence, never two pieces of one view at the same time. So the views of a person agree all with all, and somebody whom
only some views see remains apart. Triangulation from the other views then has the last word on every piece.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.signal import find_peaks

from epipose.calibration.evidence import TrackedView, pair_evidence, person_evidence
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.pose.keypoints import Keypoints
from epipose.pose.tracking import main_person, person_sizes, salience

ENOUGH = 2.0
"""Evidence (log odds) above which pieces are merged."""
TURN = 8.0
"""Evidence on both sides of a frame that cuts a track there."""
CONTINUITY = 10.0
"""Evidence that a track goes on as the same person after a cut, if nobody else is within a person's size."""
SAME_CUT_SECONDS = 0.2
CHECKED_FRAMES = 1000
"""Triangulation checks at most so many frames of a piece, evenly chosen."""
CANDIDATES = 5
"""The most salient tracks of a view that may be the main person."""
AGREEMENT = 8.0
"""What full correlation of two views' motion is worth, against the logarithm of salience."""
MOTION_STEP = 0.1
"""Seconds."""
LARGEST_LAG = 2.0
"""Seconds by which the clocks of two views may differ."""


class _Piece(NamedTuple):
    """Frames start to stop of one track, of one person."""

    view: int
    slot: int
    start: int
    stop: int


def associate(views: Sequence[Keypoints], cameras: Sequence[Camera]) -> list[Keypoints]:
    """Return the views with common slots: slot p is the same person in all views; score 0 where a view does not see it.

    `views` are tracked (see `epipose.pose.tracking.track`) and on one clock. Every detection is kept. People whom two
    views or more saw at once come first, then those of one view only; each group by `salience`, the main person first.
    """
    _check(views, cameras)
    tracked = [TrackedView.of(view, camera) for view, camera in zip(views, cameras, strict=True)]
    evidence = {
        (view, slot, other, other_slot): pair_evidence(tracked[view], tracked[other], slot, other_slot)
        for view, other in combinations(range(len(views)), 2)
        for slot in range(views[view].score.shape[1])
        for other_slot in range(views[other].score.shape[1])
    }
    pieces = _pieces(views, evidence)
    conflict = _conflicts(pieces, views)
    weight = _weights(pieces, evidence, tracked)
    person = _merged(weight, conflict)
    person = _verified(person, pieces, tracked, weight, conflict)
    return _ordered(_arranged(views, pieces, person))


def _check(views: Sequence[Keypoints], cameras: Sequence[Camera]) -> None:
    if len(views) != len(cameras) or not views:
        raise InputError(f"{len(views)} views need as many cameras, not {len(cameras)}")
    if len({len(view.times) for view in views}) > 1:
        counts = ", ".join(str(len(view.times)) for view in views)
        raise InputError(f"the views have {counts} frames; bring them onto one clock before people are associated")
    if len({view.skeleton.joint_names for view in views}) > 1:
        raise InputError("the views have different joints; detect all of them with the same detector")


def _pieces(
    views: Sequence[Keypoints], evidence: dict[tuple[int, int, int, int], Float[ndarray, "frames"]]
) -> list[_Piece]:
    """Cut every track where its evidence with some track of another view turns."""
    cuts: dict[tuple[int, int], list[int]] = {}
    for (view, slot, other, other_slot), odds in evidence.items():
        total = np.cumsum(odds)
        turns = [int(f) + 1 for sign in (1, -1) for f in find_peaks(sign * total, prominence=TURN)[0]]
        cuts.setdefault((view, slot), []).extend(turns)
        cuts.setdefault((other, other_slot), []).extend(turns)
    times = views[0].times
    pieces = []
    for number, keypoints in enumerate(views):
        present = np.any(keypoints.score > 0, axis=-1)
        for slot in range(present.shape[1]):
            inside = np.flatnonzero(present[:, slot])
            if not len(inside):
                continue
            ends = [int(inside[0]), *_grouped(sorted(cuts.get((number, slot), [])), times), int(inside[-1]) + 1]
            ends = [end for end in ends if ends[0] <= end <= ends[-1]]
            ranges = [(a, b) for a, b in pairwise(ends) if np.any(present[a:b, slot])]
            pieces += [_Piece(number, slot, a, b) for a, b in ranges]
    return pieces


def _grouped(cuts: list[int], times: Float[ndarray, "frames"]) -> list[int]:
    """Return one cut, the middle one, for each group of cuts that follow each other closely."""
    groups: list[list[int]] = []
    for cut in cuts:
        if groups and times[cut] - times[groups[-1][-1]] <= SAME_CUT_SECONDS:
            groups[-1].append(cut)
        else:
            groups.append([cut])
    return [group[len(group) // 2] for group in groups]


def _conflicts(pieces: list[_Piece], views: Sequence[Keypoints]) -> Bool[ndarray, "n n"]:
    """Return which pieces are of the same view at the same time, and so of different people."""
    conflict = np.zeros((len(pieces), len(pieces)), bool)
    present = [np.any(view.score > 0, axis=-1) for view in views]
    for (i, a), (j, b) in combinations(enumerate(pieces), 2):
        if a.view == b.view:
            both = slice(max(a.start, b.start), min(a.stop, b.stop))
            conflict[i, j] = conflict[j, i] = np.any(present[a.view][both, a.slot] & present[b.view][both, b.slot])
    return conflict


def _weights(
    pieces: list[_Piece],
    evidence: dict[tuple[int, int, int, int], Float[ndarray, "frames"]],
    tracked: Sequence[TrackedView],
) -> Float[ndarray, "n n"]:
    """Return the summed evidence between pieces."""
    total = {key: np.concatenate([[0.0], np.cumsum(odds)]) for key, odds in evidence.items()}
    weight = np.zeros((len(pieces), len(pieces)))
    for (i, a), (j, b) in combinations(enumerate(pieces), 2):
        start, stop = max(a.start, b.start), min(a.stop, b.stop)
        if a.view != b.view and start < stop:
            sums = total[a.view, a.slot, b.view, b.slot]
            weight[i, j] = weight[j, i] = sums[stop] - sums[start]
        elif (a.view, a.slot) == (b.view, b.slot) and j == i + 1:
            weight[i, j] = weight[j, i] = _continuity(tracked[a.view], a, b)
    return weight


def _continuity(view: TrackedView, before: _Piece, after: _Piece) -> float:
    """Return the evidence that a track goes on as the same person, from how much nearer it goes on than any other."""
    present = view.present
    last = before.start + int(np.flatnonzero(present[before.start : before.stop, before.slot])[-1])
    first = after.start + int(np.flatnonzero(present[after.start : after.stop, after.slot])[0])
    seen = view.seen[first] & view.seen[last, before.slot]
    distance = np.linalg.norm(view.ideal[first] - view.ideal[last, before.slot], axis=-1)
    gap = np.sum(distance * seen, axis=-1) / np.maximum(seen.sum(axis=-1), 1)
    rivals = np.where(np.any(seen, axis=-1), gap, np.inf) / max(float(view.size[last, before.slot]), 1e-6)
    rivals[after.slot] = 1.0
    return CONTINUITY * float(np.clip(rivals.min() - gap[after.slot] / view.size[last, before.slot], 0.0, 1.0))


def _merged(weight: Float[ndarray, "n n"], conflict: Bool[ndarray, "n n"]) -> Int[ndarray, "n"]:
    """Return a person for each piece: the two groups with most evidence are merged as long as there is enough."""
    person = np.arange(len(weight))
    between, barred = weight.copy(), conflict.copy()
    np.fill_diagonal(barred, True)
    while len(person):
        allowed = np.where(barred, -np.inf, between)
        a, b = np.unravel_index(int(np.argmax(allowed)), allowed.shape)
        if allowed[a, b] < ENOUGH:
            break
        person[person == b] = a
        between[a] += between[b]
        between[:, a] += between[:, b]
        barred[a] |= barred[b]
        barred[:, a] |= barred[:, b]
        barred[b] = barred[:, b] = True
    return person


def _verified(
    person: Int[ndarray, "n"],
    pieces: list[_Piece],
    tracked: Sequence[TrackedView],
    weight: Float[ndarray, "n n"],
    conflict: Bool[ndarray, "n n"],
) -> Int[ndarray, "n"]:
    """Return `person` after triangulation has thrown out pieces that do not fit and taken in lonely ones that do."""
    person = person.copy()
    for group in np.unique(person):
        while True:
            members = np.flatnonzero(person == group)
            unfit = [i for i in map(int, members) if _fit(i, members, pieces, tracked) < 0]
            if not unfit:
                break
            worst = max(unfit, key=lambda i: _without(i, np.flatnonzero(person == group), pieces, tracked, weight))
            person[worst] = person.max() + 1
    alone = [i for i in range(len(pieces)) if np.count_nonzero(person == person[i]) == 1]
    for i in alone:
        groups = [g for g in np.unique(person) if g != person[i] and not np.any(conflict[i, person == g])]
        fits = [_fit(i, np.flatnonzero(person == g), pieces, tracked) for g in groups]
        if fits and max(fits) > ENOUGH:
            person[i] = groups[int(np.argmax(fits))]
    return person


def _without(
    index: int,
    members: Int[ndarray, "m"],
    pieces: list[_Piece],
    tracked: Sequence[TrackedView],
    weight: Float[ndarray, "n n"],
) -> tuple[float, float]:
    """Return how well a person fits together without a piece, which may spoil the points that all are checked against.

    Where too few views are left to tell, the piece with less evidence is the better loss.
    """
    rest = members[members != index]
    return sum(_fit(int(i), rest, pieces, tracked) for i in rest), -float(weight[index, rest].sum())


def _fit(index: int, members: Int[ndarray, "m"], pieces: list[_Piece], tracked: Sequence[TrackedView]) -> float:
    """Return the evidence that a piece is the person of `members`, by triangulation from the members in other views."""
    piece = pieces[index]
    view = tracked[piece.view]
    inside = piece.start + np.flatnonzero(view.present[piece.start : piece.stop, piece.slot])
    frames = inside[:: -(-len(inside) // CHECKED_FRAMES)]
    others: dict[int, Int[ndarray, "f"]] = {}
    for member in (pieces[m] for m in members if pieces[m].view != piece.view):
        slots = others.setdefault(member.view, np.full(len(frames), -1))
        inside_member = (frames >= member.start) & (frames < member.stop)
        slots[inside_member & tracked[member.view].present[frames, member.slot]] = member.slot
    if len(others) < 2:
        return 0.0
    evidence = person_evidence(view, piece.slot, frames, [(tracked[v], slots) for v, slots in others.items()])
    return evidence * len(inside) / len(frames)


def _arranged(views: Sequence[Keypoints], pieces: list[_Piece], person: Int[ndarray, "n"]) -> list[Keypoints]:
    people, slots = np.unique(person, return_inverse=True)
    arranged = []
    for number, view in enumerate(views):
        pixels = np.zeros((len(view.times), len(people), *view.pixels.shape[2:]), np.float32)
        score = np.zeros(pixels.shape[:-1], np.float32)
        for piece, slot in zip(pieces, slots, strict=True):
            if piece.view == number:
                found = piece.start + np.flatnonzero(
                    np.any(view.score[piece.start : piece.stop, piece.slot] > 0, axis=-1)
                )
                pixels[found, slot] = view.pixels[found, piece.slot]
                score[found, slot] = view.score[found, piece.slot]
        arranged.append(replace(view, pixels=pixels, score=score))
    return arranged


def _ordered(views: list[Keypoints]) -> list[Keypoints]:
    seen_by = np.sum([np.any(view.score > 0, axis=-1) for view in views], axis=0)
    alone = ~np.any(seen_by >= 2, axis=0)
    order = np.lexsort((-np.sum([salience(view) for view in views], axis=0), alone))
    return [replace(view, pixels=view.pixels[:, order], score=view.score[:, order]) for view in views]


def main_people(views: Sequence[Keypoints]) -> list[int]:
    """Return for each tracked view the slot of the main person, before any camera is known.

    The views may have different frame rates, lengths, and clocks up to two seconds apart. The same person's joints
    speed up and slow down together in all views, whatever the direction of view; of the people who agree, the most
    salient. Raises InputError when a view shows nobody.
    """
    prominence = [salience(view) for view in views]
    best = [main_person(view) for view in views]
    people = [
        (number, int(slot))
        for number, salient in enumerate(prominence)
        for slot in np.argsort(-salient, kind="stable")[:CANDIDATES]
        if salient[slot] > 0
    ]
    agreement = _agreement([_motion(views[number], slot, views) for number, slot in people])
    liking = np.array([np.log(prominence[v][s] / prominence[v][best[v]]) for v, s in people])
    of_view = [[i for i, (v, _) in enumerate(people) if v == number] for number in range(len(views))]
    choices = [
        [max(mine, key=lambda i: liking[i] + AGREEMENT * agreement[seed, i]) for mine in of_view]
        for seed in range(len(people))
    ]
    chosen = max(choices, key=lambda c: liking[c].mean() + AGREEMENT * agreement[np.ix_(c, c)].mean())
    return [people[i][1] for i in chosen]


def _motion(tracked: Keypoints, slot: int, views: Sequence[Keypoints]) -> Float[ndarray, "steps joints"]:
    """Return the standardised quickness of each joint within the body, on clock steps common to the `views`.

    The square root of the distance moved in a fifth of a second, in person sizes; 0 where it is not known.
    """
    clock = np.arange(min(v.times[0] for v in views), max(v.times[-1] for v in views) + MOTION_STEP, MOTION_STEP)
    last = len(tracked.times) - 1
    before, after = (np.clip(np.searchsorted(tracked.times, clock + s), 0, last) for s in (-MOTION_STEP, MOTION_STEP))
    score = tracked.score[:, slot]
    known = (score[before] > 0) & (score[after] > 0) & (before < after)[:, None]
    size = person_sizes(tracked)[:, slot]
    moved = (tracked.pixels[after, slot] - tracked.pixels[before, slot]).astype(float)
    moved -= (np.sum(moved * known[..., None], axis=1) / np.maximum(known.sum(axis=1), 1)[:, None])[:, None]
    quickness = np.sqrt(np.linalg.norm(moved, axis=-1) / np.maximum(size[after], 1e-6)[:, None]) * known
    count = np.maximum(known.sum(axis=0), 1)
    centred = (quickness - quickness.sum(axis=0) / count) * known
    return np.asarray(centred / np.maximum(np.sqrt(np.sum(centred**2, axis=0) / count), 1e-6))


def _agreement(motions: list[Float[ndarray, "steps joints"]]) -> Float[ndarray, "n n"]:
    """Return the correlation of the motions at the lag, within two seconds, at which it is highest."""
    steps = len(motions[0])
    lags = round(LARGEST_LAG / MOTION_STEP)
    spectra = [np.fft.rfft(motion, steps + lags, axis=0) for motion in motions]
    energy = [max(float(np.sum(motion**2)), 1e-12) for motion in motions]
    agreement = np.eye(len(motions))
    for i, j in combinations(range(len(motions)), 2):
        product = np.fft.irfft(np.sum(spectra[i] * spectra[j].conj(), axis=1), steps + lags)
        highest = max(float(product[: lags + 1].max()), float(product[-lags:].max()))
        agreement[i, j] = agreement[j, i] = highest / np.sqrt(energy[i] * energy[j])
    return agreement
