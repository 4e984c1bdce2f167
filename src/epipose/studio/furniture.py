"""Things that stand in the way: closed meshes of tables, discs, boxes, chairs and screens, still or moving.

Edges are at most EDGE long, so that a lens may bend them, and parts have corners of their own wherever light breaks,
so that all are drawn smooth. Coordinates are metres on each face, and the number of the part's material.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.finishes import near_grey, random_object
from epipose.studio.surfaces import Material, Mesh
from epipose.studio.textures import Mottled, Parts

EDGE = 0.25
"""Metres that no edge of a triangle is longer than."""
CELL = 0.17
"""Metres along each side of the squares and rings that are cut into triangles of such edges."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Path:
    """Where something that moves is: straight between the given times, still before and after them."""

    times: Float[ndarray, "stops"]
    """Seconds, increasing."""
    places: Float[ndarray, "stops 2"]
    """Metres on the floor."""
    headings: Float[ndarray, "stops"]
    """Radians about Z."""

    @classmethod
    def random(cls, rng: np.random.Generator, *, seconds: float, aside: float, reach: float) -> "Path":
        """Draw a path to and fro at a walk, `aside` metres from the origin and up to `reach` along."""
        bearing, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.0)
        stops = 2 + int(np.ceil(seconds * speed / (1.2 * reach)))
        along = reach * np.where(np.arange(stops) % 2, 1.0, -1.0) * rng.uniform(0.6, 1.0, stops)
        sideways = aside * rng.uniform(0.9, 1.1, stops)
        out, across = (np.array([np.cos(angle), np.sin(angle)]) for angle in (bearing, bearing + np.pi / 2))
        times = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(along)) / speed)])
        return cls(times, sideways[:, None] * out + along[:, None] * across, np.full(stops, bearing + np.pi / 2))

    def at(self, time: float) -> tuple[tuple[float, float], float]:
        """Return place and heading at `time` (seconds)."""
        x, y, heading = (float(np.interp(time, self.times, v)) for v in (*self.places.T, self.headings))
        return (x, y), heading


@dataclass(frozen=True, eq=False)
class Mover:
    """A thing that stands over the origin, carried along a path."""

    mesh: Mesh
    path: Path

    def at(self, time: float) -> Mesh:
        """Return the thing where it is at `time` (seconds)."""
        return moved(self.mesh, *self.path.at(time))


def moved(mesh: Mesh, place: tuple[float, float], heading: float) -> Mesh:
    """Return a mesh turned by `heading` (radians about Z), then shifted by `place` (metres on the floor)."""
    turned = mesh.vertices @ rotation_from_rotvec(np.array([0.0, 0.0, heading])).T
    return replace(mesh, vertices=turned + np.array([*place, 0.0]))


def box(size: Vector, material: Material) -> Mesh:
    """Return a box of `size` (metres along x, y, z) that stands on the floor over the origin."""
    return _joined([_block(size, (0.0, 0.0, size[2] / 2))], [material])


def disc(radius: float, centre: Vector, normal: Vector, material: Material, *, thickness: float = 0.03) -> Mesh:
    """Return a round plate (metres) about `centre`, square to `normal`."""
    return _joined([_plate(radius, thickness).about(centre, normal)], [material])


def round_table(radius: float, height: float, rng: np.random.Generator) -> Mesh:
    """Return a round table over the origin, on one central leg with a foot or on four legs."""
    top, legs = 0.03, near_grey(rng, 0.02, 0.5)
    materials: list[Material] = [random_object(rng), Mottled(legs, legs, "cloudy", 1.0, 0.0)]
    parts = [_plate(radius, top).about((0.0, 0.0, height - top / 2), (0.0, 0.0, 1.0))]
    if rng.random() < 0.5:
        foot = 0.025
        parts.append(_plate(0.55 * radius, foot, part=1).about((0.0, 0.0, foot / 2), (0.0, 0.0, 1.0)))
        parts.append(_pole(0.04, foot, height - top))
    else:
        angle, out = rng.uniform(0, np.pi), 0.75 * radius
        corners = angle + np.arange(4) * np.pi / 2
        places = [(float(out * np.cos(corner)), float(out * np.sin(corner))) for corner in corners]
        parts += [_pole(0.025, 0.0, height - top, place) for place in places]
    return _joined(parts, materials)


def desk(rng: np.random.Generator) -> Mesh:
    """Return a desk over the origin: a top on two sides, with a panel along its back (towards +Y)."""
    width, depth, height, thick = rng.uniform(1.1, 1.7), rng.uniform(0.55, 0.8), rng.uniform(0.7, 0.78), 0.03
    under, side = height - thick, 0.5 * (width - thick)
    parts = [_block((width, depth, thick), (0.0, 0.0, height - thick / 2))]
    parts += [_block((thick, depth, under), (sign * side, 0.0, under / 2), part=1) for sign in (-1, 1)]
    panel = rng.uniform(0.4, 1.0) * under
    parts.append(_block((width - 2 * thick, thick, panel), (0.0, (depth - thick) / 2, under - panel / 2), part=1))
    top = random_object(rng)
    return _joined(parts, [top, top if rng.random() < 0.5 else random_object(rng)])


def chair(rng: np.random.Generator) -> Mesh:
    """Return a chair over the origin that one sits on facing -Y."""
    side, seat, thick, back = rng.uniform(0.38, 0.46), rng.uniform(0.42, 0.48), 0.04, rng.uniform(0.35, 0.5)
    leg = 0.03
    out, under = (side - leg) / 2, seat - thick
    parts = [_block((side, side, thick), (0.0, 0.0, seat - thick / 2))]
    parts += [_block((leg, leg, under), (x * out, y * out, under / 2), part=1) for x in (-1, 1) for y in (-1, 1)]
    parts += [_block((leg, leg, back), (x * out, out, seat + back / 2), part=1) for x in (-1, 1)]
    rest = side - 2 * leg
    parts.append(_block((rest, 0.02, back * 0.6), (0.0, out, seat + back * 0.7)))
    return _joined(parts, [random_object(rng), random_object(rng)])


def screen(rng: np.random.Generator) -> Mesh:
    """Return a partition over the origin, along x: a panel on two feet."""
    width, height, thick, lift = rng.uniform(0.6, 1.4), rng.uniform(0.9, 1.6), 0.03, rng.uniform(0.05, 0.3)
    parts = [_block((width, thick, height - lift), (0.0, 0.0, (height + lift) / 2))]
    for sign in (-1, 1):
        x = sign * (width / 2 - 0.1)
        parts.append(_block((0.04, 0.04, lift - 0.03), (x, 0.0, (lift + 0.03) / 2), part=1))
        parts.append(_block((0.05, 0.4, 0.03), (x, 0.0, 0.015), part=1))
    legs = near_grey(rng, 0.02, 0.5)
    return _joined(parts, [random_object(rng), Mottled(legs, legs, "cloudy", 1.0, 0.0)])


@dataclass(frozen=True, eq=False)
class _Patch:
    """Part of a mesh before it has a material."""

    vertices: Float[ndarray, "vertices 3"]
    faces: Int[ndarray, "triangles 3"]
    coordinates: Float[ndarray, "vertices 3"]

    def about(self, centre: Vector, normal: Vector) -> "_Patch":
        """Return a patch that lies about the origin, square to Z, moved to `centre` and turned square to `normal`."""
        up = np.array(normal) / np.linalg.norm(normal)
        axis = np.cross([0.0, 0.0, 1.0], up)
        sine = np.linalg.norm(axis)
        axis = axis / sine if sine > 1e-9 else np.array([1.0, 0.0, 0.0])
        rotation = rotation_from_rotvec(axis * np.arctan2(sine, up[2]))
        return replace(self, vertices=self.vertices @ rotation.T + centre)


def _joined(patches: Sequence[_Patch], materials: Sequence[Material]) -> Mesh:
    """Return patches as one mesh."""
    first = np.cumsum([0] + [len(patch.vertices) for patch in patches[:-1]])
    return Mesh(
        np.concatenate([patch.vertices for patch in patches]),
        np.concatenate([patch.faces + begin for patch, begin in zip(patches, first, strict=True)]),
        np.concatenate([patch.coordinates for patch in patches]),
        Parts(tuple(materials)),
    )


def _together(patches: Sequence[_Patch]) -> _Patch:
    """Return patches as one."""
    mesh = _joined(patches, ())
    return _Patch(mesh.vertices, mesh.faces, mesh.coordinates)


def _grid(across: Float[ndarray, "rows columns 3"], coordinates: Float[ndarray, "rows columns 2"], part: int) -> _Patch:
    """Return a net of points as triangles; its rows, then its columns, turn counter-clockwise seen from outside."""
    rows, columns = across.shape[:2]
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    near, far = first + columns, first + columns + 1
    faces = np.concatenate([np.stack([first, near, far], axis=1), np.stack([first, far, first + 1], axis=1)])
    numbered = np.concatenate([coordinates, np.full((rows, columns, 1), float(part))], axis=-1)
    return _Patch(across.reshape(-1, 3), faces, numbered.reshape(-1, 3))


def _block(size: Vector, centre: Vector, part: int = 0) -> _Patch:
    """Return a box about `centre`."""
    patches = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            steps = [np.linspace(-0.5, 0.5, 1 + int(np.ceil(size[k] / CELL))) * size[k] for k in (u, v)]
            net = np.zeros((len(steps[0]), len(steps[1]), 3))
            net[..., axis] = sign * size[axis] / 2
            net[..., u], net[..., v] = steps[0][:, None], steps[1]
            # Sides show the height upwards, so that stripes stand and pictures hang straight.
            flat = net[..., [v, u]] if u == 2 else net[..., [u, v]]
            patches.append(_grid(net if sign > 0 else net[:, ::-1], flat if sign > 0 else flat[:, ::-1], part))
    block = _together(patches)
    return replace(block, vertices=block.vertices + centre)


def _plate(radius: float, thickness: float, part: int = 0) -> _Patch:
    """Return a round plate about the origin, square to Z."""
    return _cylinder(radius, -thickness / 2, thickness / 2, part)


def _pole(radius: float, bottom: float, top: float, place: tuple[float, float] = (0.0, 0.0)) -> _Patch:
    """Return an upright pole of the second material."""
    pole = _cylinder(radius, bottom, top, part=1)
    return replace(pole, vertices=pole.vertices + np.array([*place, 0.0]))


def _cylinder(radius: float, bottom: float, top: float, part: int) -> _Patch:
    """Return an upright cylinder about the Z axis."""
    corners = max(24 if radius < 0.1 else 48, int(np.ceil(2 * np.pi * radius / CELL)))
    angle = np.linspace(0, 2 * np.pi, 1 + corners)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    heights = np.linspace(bottom, top, 1 + int(np.ceil((top - bottom) / CELL)))
    side = np.empty((len(circle), len(heights), 3))
    side[..., :2], side[..., 2] = radius * circle[:, None], heights
    around = np.stack(np.broadcast_arrays(radius * angle[:, None], heights), axis=-1)
    rings = np.linspace(0, radius, 1 + int(np.ceil(radius / CELL)))[:, None, None] * circle
    patches = [_grid(side, around, part)]
    for height, order in ((bottom, np.s_[:, ::-1]), (top, np.s_[:, :])):
        net = np.concatenate([rings, np.full((*rings.shape[:2], 1), height)], axis=-1)
        cap = _grid(net[order], rings[order], part)
        middle = np.linalg.norm(cap.vertices[cap.faces][..., :2], axis=-1) == 0
        patches.append(replace(cap, faces=cap.faces[middle.sum(axis=1) < 2]))
    return _together(patches)
