"""Where cameras stand, from a board that several of them see at the same moment; its squares give the metres.

Each view sees the board's pose up to what a flat pattern leaves open: its symmetries, and when it is small or seen head
on, its two possible tilts (Collins and Bartoli 2014). Pairs of views choose the motion that most moments agree on,
a spanning tree joins the pairs, and all corners together refine all poses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.calibration.board_refinement import Sighting, refine
from epipose.calibration.boards import Board, Corners, board_kind, find_corners, picture_size
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between

OPEN_TILT = 1.5
"""The second tilt stays possible while it fits no worse than this many times the first."""
AGREEMENT = 0.05
"""Radians, and part of the board's distance, up to which two moments mean the same motion."""
LARGEST_RMS = 0.002
"""Of the longer side of the picture."""
WORLD_FROM_BOARD = Rigid(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
"""A board's z goes into it; the world's comes out towards the cameras, so a board on the floor makes it Z up."""

Poses = dict[tuple[str, int], tuple[Rigid, ...]]
"""The possible `cam_from_board` of each view and moment."""


@dataclass(frozen=True, eq=False)
class _Edge:
    """The motion between two views that most moments agree on; `open` if another motion is as good."""

    first: str
    second: str
    second_from_first: Rigid
    votes: int
    moments: int
    cost: float
    open: bool


class _Candidate(NamedTuple):
    moment: int
    second_from_first: Rigid
    distance_m: float


def rig_from_board(
    pictures_by_view: Mapping[str, Sequence[UInt8[ndarray, "height width *rgb"]]],
    lenses: Mapping[str, Lens],
    board: Board,
) -> dict[str, Camera]:
    """Return the cameras of all views; picture number n of every view is taken at the same moment.

    The world's origin is the first corner of the board at the moment when most views see it, x along its rows, z out of
    its front. Raises InputError, with what to film next, when a view shares no moment with the others, when the
    symmetry of the board leaves its turn open, or when the views contradict each other.
    """
    _check_pictures(pictures_by_view, lenses)
    seen = {
        (view, moment): corners
        for view, pictures in pictures_by_view.items()
        for moment, picture in enumerate(pictures)
        if (corners := find_corners(picture, board)) is not None
    }
    poses = {key: _poses(corners, lenses[key[0]]) for key, corners in seen.items()}
    views = list(pictures_by_view)
    rig = _joined(views, _edges(views, poses, board), board)
    sightings, boards = _sightings(views, rig, seen, poses, lenses, board)
    refined, boards, rms_px = refine([rig[view] for view in views], boards, sightings)
    sizes = {view: picture_size(pictures[0]) for view, pictures in pictures_by_view.items()}
    _check_agreement(views, sightings, rms_px, sizes)
    moments = [sighting.board for sighting in sightings]
    reference = max(range(len(boards)), key=moments.count)
    world_from_first = WORLD_FROM_BOARD @ boards[reference].inverse()
    return {
        view: Camera(lenses[view], pose @ world_from_first.inverse(), sizes[view])
        for view, pose in zip(views, refined, strict=True)
    }


def _check_agreement(
    views: list[str], sightings: list[Sighting], rms_px: list[float], sizes: dict[str, tuple[int, int]]
) -> None:
    for index, view in enumerate(views):
        error = np.median([rms for rms, sighting in zip(rms_px, sightings, strict=True) if sighting.camera == index])
        if not error < LARGEST_RMS * max(sizes[view]):
            raise _contradiction(view)


def _check_pictures(pictures_by_view: Mapping[str, Sequence[ndarray]], lenses: Mapping[str, Lens]) -> None:
    if len(pictures_by_view) < 2:
        raise InputError("a rig needs pictures of the board from at least two views")
    counts = {view: len(pictures) for view, pictures in pictures_by_view.items()}
    if len(set(counts.values())) > 1 or not all(counts.values()):
        words = ", ".join(f"{view}: {count}" for view, count in counts.items())
        raise InputError(f"each view needs one picture of the board for every moment ({words})")
    if without := [view for view in pictures_by_view if view not in lenses]:
        raise InputError(f"there is no lens for {', '.join(without)}; calibrate it with pictures of a board first")


def _poses(corners: Corners, lens: Lens) -> tuple[Rigid, ...]:
    """Return the possible `cam_from_board` of one picture, the best first."""
    ideal, valid = lens.undistort(corners.pixels)
    if valid.sum() < 4:
        return ()
    points, ideal = corners.points[valid], ideal[valid]
    _, rvecs, tvecs, _ = cv2.solvePnPGeneric(points, ideal, np.eye(3), np.zeros(4), flags=cv2.SOLVEPNP_IPPE)
    found = []
    for start in zip(rvecs, tvecs, strict=True):
        rvec, tvec = cv2.solvePnPRefineLM(points, ideal, np.eye(3), np.zeros(4), *start)
        pose = Rigid.from_rotvec(np.asarray(rvec, float).ravel(), np.asarray(tvec, float).ravel())
        in_camera = pose.apply(points)
        error = np.linalg.norm(in_camera[:, :2] / in_camera[:, 2:] - ideal, axis=-1).mean()
        if np.all(in_camera[:, 2] > 0):
            found.append((float(error), pose))
    found.sort(key=lambda pair: pair[0])
    return tuple(pose for error, pose in found if error <= OPEN_TILT * found[0][0])


def _edges(views: list[str], poses: Poses, board: Board) -> list[_Edge]:
    moments = sorted({moment for _, moment in poses})
    edges = []
    for first, second in combinations(views, 2):
        candidates = [
            _Candidate(moment, b @ symmetry @ a.inverse(), float(np.linalg.norm(a.translation)))
            for moment in moments
            for a in poses.get((first, moment), ())
            for b in poses.get((second, moment), ())
            for symmetry in board.symmetries
        ]
        if candidates:
            edges.append(_edge(first, second, candidates))
    return edges


def _edge(first: str, second: str, candidates: list[_Candidate]) -> _Edge:
    motions = Rigid.stack([candidate.second_from_first for candidate in candidates])
    distance = np.array([candidate.distance_m for candidate in candidates])
    square = np.broadcast_to(motions.rotation, (len(candidates), *motions.rotation.shape))
    turn = angle_between(square.swapaxes(0, 1), square)
    shift = np.linalg.norm(motions.translation[:, None] - motions.translation, axis=-1) / distance
    apart = turn + shift
    moments = np.array([candidate.moment for candidate in candidates])
    # How far each candidate is from the nearest one of every moment.
    by_moment = np.stack([apart[:, moments == moment].min(axis=1) for moment in np.unique(moments)], axis=1)
    votes = np.sum(by_moment < AGREEMENT, axis=1)
    cost = np.minimum(by_moment, AGREEMENT).sum(axis=1)
    best = int(np.lexsort((cost, -votes))[0])
    rivals = (votes == votes[best]) & (apart[best] > 2 * AGREEMENT)
    return _Edge(
        first, second, motions[best], int(votes[best]), by_moment.shape[1], float(cost[best]), bool(np.any(rivals))
    )


def _joined(views: list[str], edges: list[_Edge], board: Board) -> dict[str, Rigid]:
    """Return `cam_from_first` of every view along the most agreed edges, the first view at the identity."""
    group = {view: {view} for view in views}
    chosen = []
    for edge in sorted((e for e in edges if not e.open), key=lambda e: (-e.votes, e.cost)):
        if group[edge.first] is not group[edge.second]:
            merged = group[edge.first] | group[edge.second]
            group.update(dict.fromkeys(merged, merged))
            chosen.append(edge)
    if apart := [view for view in views if view not in group[views[0]]]:
        raise _not_joined(apart, edges, board)
    rig = {views[0]: Rigid.identity()}
    while len(rig) < len(views):
        for edge in chosen:
            if edge.first in rig and edge.second not in rig:
                rig[edge.second] = edge.second_from_first @ rig[edge.first]
            elif edge.second in rig and edge.first not in rig:
                rig[edge.first] = edge.second_from_first.inverse() @ rig[edge.second]
    return rig


def _not_joined(apart: list[str], edges: list[_Edge], board: Board) -> InputError:
    names = ", ".join(apart)
    blocked = [edge for edge in edges if (edge.first in apart) != (edge.second in apart)]
    if not blocked:
        return InputError(
            f"{names} never sees the {board_kind(board)} together with the other views; hold it where two or more views"
            " see it at once, for every view"
        )
    if any(2 * edge.votes <= edge.moments for edge in blocked):
        return _contradiction(names)
    if len(board.symmetries) > 1:
        return InputError(
            f"the {board_kind(board)} looks the same turned by half, so where {names} stands is not certain; show it at"
            " several places and tilts, or use a board with an odd and an even number of corners"
        )
    return InputError(f"the board looks too small or too flat-on to place {names}; show it nearer and tilted")


def _contradiction(names: str) -> InputError:
    return InputError(
        f"what {names} sees of the board contradicts the other views; check that the pictures of a moment were taken"
        " together, and that each lens belongs to its view"
    )


def _sightings(
    views: list[str],
    rig: dict[str, Rigid],
    seen: dict[tuple[str, int], Corners],
    poses: Poses,
    lenses: Mapping[str, Lens],
    board: Board,
) -> tuple[list[Sighting], list[Rigid]]:
    """Return what to refine: each picture's corners with the symmetry that fits the rig, and the boards' poses."""
    sightings: list[Sighting] = []
    boards: list[Rigid] = []
    for moment in sorted({moment for _, moment in poses}):
        shown = [view for view in views if poses.get((view, moment))]
        if len(shown) < 2:
            continue
        options = [
            [_best_symmetry(pose, rig[view], seen[view, moment], lenses[view], board) for view in shown]
            for pose in _board_poses(shown, rig, poses, moment)
        ]
        chosen = min(range(len(options)), key=lambda index: sum(error for error, _ in options[index]))
        for view, (_, symmetry) in zip(shown, options[chosen], strict=True):
            corners = seen[view, moment]
            points = symmetry.apply(corners.points)
            sightings.append(Sighting(views.index(view), len(boards), lenses[view], points, corners.pixels))
        boards.append(list(_board_poses(shown, rig, poses, moment))[chosen])
    return sightings, boards


def _board_poses(shown: list[str], rig: dict[str, Rigid], poses: Poses, moment: int) -> Iterator[Rigid]:
    for view in shown:
        for pose in poses[view, moment]:
            yield rig[view].inverse() @ pose


def _best_symmetry(
    first_from_board: Rigid, cam_from_first: Rigid, corners: Corners, lens: Lens, board: Board
) -> tuple[float, Rigid]:
    options = []
    for symmetry in board.symmetries:
        pixels, valid = lens.project((cam_from_first @ first_from_board @ symmetry).apply(corners.points))
        error = np.linalg.norm(pixels - corners.pixels, axis=-1).mean() if valid.all() else np.inf
        options.append((float(error), symmetry))
    return min(options, key=lambda option: option[0])
