"""Putting furniture where it hides people from some of the cameras, and in nobody's way."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.studio.bodies import JOINTS
from epipose.studio.finishes import random_object
from epipose.studio.furniture import Mover, Path, box, chair, desk, disc, moved, round_table, screen
from epipose.studio.rigs import Rig
from epipose.studio.surfaces import Mesh

USUAL_COVER = 0.3
"""Share of somebody that a disc hides unless asked."""
GAP = 0.12
"""Metres that furniture keeps from where people reach."""
DISC_AT = 0.55
"""Share of the way from the camera to the person at which a disc stands."""

DESK_AT = 0.95
"""Metres from the hips of who sits to the middle of the desk, at which they can also stand up."""
LEFT_HIP, RIGHT_HIP = JOINTS.index("left_hip"), JOINTS.index("right_hip")


@dataclass(frozen=True, eq=False)
class Action:
    """What furniture must know of the people."""

    joints: Float[ndarray, "frames people joints 3"]
    """In the world, in metres."""
    body_points: Float[ndarray, "points 3"]
    """Places all over the first person's body, evenly by area, in the world at some moments."""
    sits: tuple[bool, ...]
    """Who sits down at some moment."""
    seconds: float

    def reach(self, height: float = math.inf) -> float:
        """Return how far from the middle (metres over the floor) anybody gets below `height`."""
        low = self.joints[..., 2] < height + 0.1
        return float(np.linalg.norm(self.joints[..., :2], axis=-1)[low].max(initial=0.25))


@dataclass(frozen=True, eq=False)
class Furniture:
    """What is in the scene besides people."""

    still: tuple[Mesh, ...] = ()
    moving: tuple[Mover, ...] = ()


def place_furniture(
    occluder: str, cover: float | None, action: Action, rig: Rig, rng: np.random.Generator
) -> Furniture:
    """Return furniture of the kind `occluder`, one of OCCLUDERS; one of COVERING can be asked to hide just `cover`.

    That is the share of the first person's body that every other camera cannot see for it. Raises InputError for an
    unknown kind, or a share that cannot be.
    """
    if occluder not in OCCLUDERS:
        raise InputError(f"there is no occluder {occluder!r}; choose from {', '.join(OCCLUDERS)}")
    if cover is not None and occluder not in COVERING:
        raise InputError(f"{occluder} cannot be made to hide a share of somebody; only {', '.join(COVERING)} can")
    if cover is not None and not 0 < cover < 1:
        raise InputError(f"a share of {cover} of somebody cannot be hidden; ask for one between 0 and 1")
    placed = OCCLUDERS[occluder](action, rig, rng) if cover is None else COVERING[occluder](action, rig, rng, cover)
    seats = tuple(moved(chair(rng), *_before(action, person, 0.03)) for person, sits in enumerate(action.sits) if sits)
    return replace(placed, still=(*placed.still, *seats))


def _nothing(_action: Action, _rig: Rig, _rng: np.random.Generator) -> Furniture:
    return Furniture()


def _table(action: Action, rig: Rig, rng: np.random.Generator) -> Furniture:
    """Return a round table before the first camera, a little to one side."""
    radius, height = rng.uniform(0.5, 0.75), rng.uniform(0.72, 0.95)
    bearing = _bearing(next(iter(rig.cameras.values()))) + rng.uniform(-0.4, 0.4)
    away = action.reach(height) + GAP + radius
    return Furniture((moved(round_table(radius, height, rng), _at(bearing, away), 0.0),))


def _covered_tables(action: Action, rig: Rig, rng: np.random.Generator, cover: float) -> Furniture:
    """Return round tables with a cloth down to the floor before every other camera, as high as they must be."""
    tables = []
    for camera in list(rig.cameras.values())[::2]:
        radius = rng.uniform(0.6, 0.75)
        place = _at(_bearing(camera), action.reach(1.2) + GAP + radius)
        height = float(np.quantile(_hiding_heights(camera, action.body_points, place, radius), cover, method="lower"))
        if not 0 < height < 2.5:
            raise InputError(f"no round table can hide {cover:g} of somebody who moves so far; ask for less")
        tables.append(disc(radius, (*place, height / 2), (0.0, 0.0, 1.0), random_object(rng), thickness=height))
    return Furniture(tuple(tables))


def _hiding_heights(
    camera: Camera, points: Float[ndarray, "points 3"], place: tuple[float, float], radius: float
) -> Float[ndarray, "points"]:
    """Return how high a cylinder on the floor must be to hide each point from the camera; infinite if it never does."""
    start, way = camera.centre - np.array([*place, 0.0]), points - camera.centre
    squared = (way[:, :2] ** 2).sum(axis=1)
    middle = -(way[:, :2] @ start[:2]) / squared
    inside = radius**2 - ((start[:2] + middle[:, None] * way[:, :2]) ** 2).sum(axis=1)
    half = np.sqrt(np.maximum(inside, 0) / squared)
    ends = np.clip(np.stack([middle - half, middle + half]), 0.0, 1.0)
    heights = (camera.centre[2] + ends * way[:, 2]).min(axis=0)
    return np.where((inside > 0) & (ends[1] > ends[0]), heights, np.inf)


def _discs(action: Action, rig: Rig, rng: np.random.Generator, cover: float = USUAL_COVER) -> Furniture:
    """Return a standing disc before every other camera."""
    middle = action.body_points.mean(axis=0)
    plates = []
    for camera in list(rig.cameras.values())[::2]:
        target = middle + np.array([0.0, 0.0, rng.uniform(-0.3, 0.1)])
        axis = (target - camera.centre) / np.linalg.norm(target - camera.centre)
        rays = action.body_points - camera.centre
        along = rays @ axis
        off = np.linalg.norm(rays - along[:, None] * axis, axis=1) / along
        away = DISC_AT * float(np.linalg.norm(target - camera.centre))
        radius = away * float(np.quantile(off, cover))
        centre, normal = camera.centre + away * axis, -axis
        plates.append(disc(radius, _vector(centre), _vector(normal), random_object(rng)))
    return Furniture(tuple(plates))


def _desk(action: Action, _rig: Rig, rng: np.random.Generator) -> Furniture:
    """Return a desk before the first person: close if they sit, otherwise out of everybody's reach."""
    place, heading = _before(action, 0, DESK_AT)
    others = np.linalg.norm(hips_of(action.joints[:, 1:]) - place, axis=-1)
    if not action.sits[0]:
        place = _at(heading - np.pi / 2, action.reach(0.8) + GAP + 0.4)
    elif others.min(initial=math.inf) < DESK_AT - GAP:
        raise InputError("the desk of somebody who sits would stand in others; ask for fewer people, or another --seed")
    return Furniture((moved(desk(rng), place, heading + np.pi),))


def _boxes(action: Action, rig: Rig, rng: np.random.Generator) -> Furniture:
    """Return two to four boxes around the people."""
    count = int(rng.integers(2, 5))
    first, boxes = rng.uniform(0, 2 * np.pi), []
    nearest = min(float(np.linalg.norm(camera.centre[:2])) for camera in rig.cameras.values())
    for index in range(count):
        size = rng.uniform(0.35, 0.75), rng.uniform(0.35, 0.75), rng.uniform(0.35, 1.15)
        half = math.hypot(size[0], size[1]) / 2
        least = action.reach(size[2]) + GAP + half
        away = rng.uniform(least, max(least, min(least + 0.6, nearest - 1.0)))
        bearing = first + 2 * np.pi * (index + rng.uniform(-0.3, 0.3)) / count
        boxes.append(moved(box(size, random_object(rng)), _at(bearing, away), rng.uniform(0, 2 * np.pi)))
    return Furniture(tuple(boxes))


def _mover(action: Action, _rig: Rig, rng: np.random.Generator) -> Furniture:
    """Return a screen that is pushed to and fro beside the people."""
    panel = screen(rng)
    aside = action.reach(1.7) + GAP + 0.3
    return Furniture(moving=(Mover(panel, Path.random(rng, seconds=action.seconds, aside=aside, reach=1.2)),))


OCCLUDERS: Mapping[str, Callable[[Action, Rig, np.random.Generator], Furniture]] = {
    "none": _nothing,
    "round_table": _table,
    "disc": _discs,
    "desk": _desk,
    "boxes": _boxes,
    "mover": _mover,
}
"""What may hide people, by name."""

COVERING: Mapping[str, Callable[[Action, Rig, np.random.Generator, float], Furniture]] = {
    "round_table": _covered_tables,
    "disc": _discs,
}
"""What can be made to hide a given share of somebody, by name."""


def _before(action: Action, person: int, away: float) -> tuple[tuple[float, float], float]:
    """Return the place `away` metres before somebody, when lowest, and the heading of something that faces as they do.

    A heading is in radians about Z; 0 faces -Y.
    """
    joints = action.joints[:, person]
    lowest = joints[int(np.argmin(joints[:, LEFT_HIP, 2]))]
    to_left = lowest[LEFT_HIP, :2] - lowest[RIGHT_HIP, :2]
    heading = math.atan2(to_left[1], to_left[0])
    x, y = hips_of(lowest)
    return (float(x + away * math.sin(heading)), float(y - away * math.cos(heading))), heading


def hips_of(joints: Float[ndarray, "*batch joints 3"]) -> Float[ndarray, "*batch 2"]:
    """Return where over the floor the middle of the hips is."""
    return np.asarray(joints[..., [LEFT_HIP, RIGHT_HIP], :2].mean(axis=-2))


def _bearing(camera: Camera) -> float:
    """Return from which side (radians) a camera looks at the middle."""
    return math.atan2(camera.centre[1], camera.centre[0])


def _at(bearing: float, away: float) -> tuple[float, float]:
    """Return the place on the floor that is so far from the middle."""
    return away * math.cos(bearing), away * math.sin(bearing)


def _vector(array: Float[ndarray, "3"]) -> tuple[float, float, float]:
    x, y, z = array.tolist()
    return x, y, z
