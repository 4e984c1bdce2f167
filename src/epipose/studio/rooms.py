"""Rooms around the action: a furnished box with sides along the axes, seen by casting rays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from numpy import ndarray
from torch import Tensor

from epipose.geometry.cameras import Camera
from epipose.studio.finishes import near_grey, random_floor, random_wall, scaled
from epipose.studio.interiors import FACES, Block, Panel, Vector, furnished_wall
from epipose.studio.light import Light
from epipose.studio.room_solids import Solids
from epipose.studio.scene_view import SAMPLES, Background
from epipose.studio.surfaces import Material
from epipose.studio.textures import Colour, Mottled

CLEAR = 1.9
"""Metres around the origin in which nothing stands..."""
FREE = 1.5
"""... and metres along X and Y from there to the walls, CLEAR_OF_CAMERA not counted."""
CLEAR_OF_CAMERA = 0.4
"""Metres between a camera and the nearest furniture or wall."""
RAYS = 32768
"""Rays that are cast together; more would not fit a processor's cache."""


class Look(NamedTuple):
    """What rays meet."""

    ambient: Float32[Tensor, "rays 3"]
    """Linear RGB without the key light..."""
    key: Float32[Tensor, "rays 3"]
    """... and what it adds, in the shadow of furniture nothing."""
    distance: Float32[Tensor, "rays"]
    """Metres along the ray."""
    normals: Float32[Tensor, "rays 3"]

    @property
    def colour(self) -> Float32[Tensor, "rays 3"]:
        """Linear RGB."""
        return self.ambient + self.key


@dataclass(frozen=True, eq=False)
class Room:
    """A room from corner `low` to corner `high` (metres), the floor at `low[2]`."""

    low: Vector
    high: Vector
    finishes: Sequence[Material]
    """Of the surfaces that face as FACES say: walls, floor, ceiling."""
    panels: Sequence[Panel]
    blocks: Sequence[Block]
    skirting: tuple[float, Colour]
    """Height in metres and colour of the board along the foot of the walls."""
    light: Light

    @classmethod
    def random(cls, rng: np.random.Generator, *, enclosing: Float[ndarray, "points 3"]) -> "Room":
        """Draw a room in which the origin and all of `enclosing` (cameras, metres) are free and see each other."""
        free = np.array([[x, y, 0.0] for x in (-FREE, FREE) for y in (-FREE, FREE)])
        points = np.concatenate([enclosing, free])
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        reach = np.ptp(points, axis=0) / 2 + CLEAR_OF_CAMERA
        half = np.maximum(rng.uniform(3.0, 6.0, 3), reach)
        height = float(max(rng.choice([2.6, 3.2, 4.8]) * rng.uniform(0.97, 1.1), points[:, 2].max() + CLEAR_OF_CAMERA))
        x, y = (middle + (half - reach) * rng.uniform(-1, 1, 3))[:2]
        low, high = (float(x - half[0]), float(y - half[1]), 0.0), (float(x + half[0]), float(y + half[1]), height)
        plain, other = random_wall(rng), random_wall(rng)
        walls = [other if rng.random() < 0.2 else plain for _ in range(4)]
        white = near_grey(rng, 0.6, 0.88)
        ceiling = Mottled(white, scaled(white, 0.95), "cloudy", 4.0, 0.2)
        room = cls(
            low,
            high,
            (*walls, ceiling, random_floor(rng)),
            tuple(_lamps(rng, low, high)),
            (),
            (float(rng.choice([0.0, 0.06, 0.1])), scaled(near_grey(rng, 0.05, 0.9), 1.0)),
            Light.random(rng),
        )
        for face in range(4):
            room = _with_wall(room, rng, face, enclosing)
        return room

    def look(self, origins: Float32[Tensor, "#rays 3"], directions: Float32[Tensor, "rays 3"]) -> Look:
        """Return what rays meet; `origins` (metres) are inside the room."""
        starts = torch.split(origins.expand_as(directions), RAYS)
        parts = [_cast(self, *pair) for pair in zip(starts, torch.split(directions, RAYS), strict=True)]
        return Look(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def background(self, camera: Camera, samples: int = SAMPLES) -> Background:
        """Return what a camera in the room sees; each pixel is the mean of `samples` rays along each side."""
        width, height = camera.size_wh
        fine = camera.resized((width * samples, height * samples))
        start = torch.from_numpy(camera.centre.astype(np.float32))[None]
        side = int((RAYS / samples**2) ** 0.5)
        result = torch.empty((height, width, 9))
        for top in range(0, height, side):
            for left in range(0, width, side):
                tile = result[top : top + side, left : left + side]
                tall, wide = tile.shape[:2]
                ahead = torch.from_numpy(_rays(fine, left * samples, top * samples, (wide * samples, tall * samples)))
                seen = self.look(start, ahead)
                values = torch.cat([seen.ambient, seen.key, start + ahead * seen.distance[:, None]], dim=1)
                tile[:] = values.view(tall, samples, wide, samples, 9).mean(dim=(1, 3))
        return Background(*torch.split(result, 3, dim=2))


def _rays(camera: Camera, left: int, top: int, size_wh: tuple[int, int]) -> Float32[ndarray, "rays 3"]:
    """Return unit directions in the world of the pixels of a part of the picture, row by row."""
    column, row = np.meshgrid(np.arange(size_wh[0], dtype=float) + left, np.arange(size_wh[1], dtype=float) + top)
    return camera.rays(np.stack([column, row], axis=-1).reshape(-1, 2))[0].astype(np.float32)


def _lamps(rng: np.random.Generator, low: Vector, high: Vector) -> list[Panel]:
    """Return rows of lamps in the ceiling, or none."""
    if rng.random() < 0.4:
        return []
    size = np.array([(1.2, 0.3), (0.6, 0.6), (0.25, 0.25)][rng.integers(3)])
    count = rng.integers(2, 5, 2)
    colour, glow = near_grey(rng, 0.9, 1.0), float(rng.uniform(1.0, 2.0))
    panels = []
    for share in np.ndindex(*count):
        middle = np.array(low[:2]) + (np.array(high[:2]) - low[:2]) * (np.array(share) + 0.5) / count
        begin, end = (tuple((middle + sign * size / 2).tolist()) for sign in (-1, 1))
        white = Mottled(colour, colour, "cloudy", 1.0, 0.0)
        panels.append(Panel(FACES.index((2, -1)), begin, end, white, 0.015, (0.5, 0.5, 0.5), glow))
    return panels


def _with_wall(room: Room, rng: np.random.Generator, face: int, cameras: Float[ndarray, "cameras 3"]) -> Room:
    """Return the room with one of its walls furnished, leaving out what would hide the action from a camera."""
    axis, sign = FACES[face]
    across = 1 - axis
    wall = furnished_wall(rng, room.high[across] - room.low[across], room.high[2])
    rightwards = sign if axis == 0 else -sign
    left = room.low[across] if rightwards > 0 else -room.high[across]
    panels = [
        replace(panel, face=face, low=(left + panel.low[0], panel.low[1]), high=(left + panel.high[0], panel.high[1]))
        for panel in wall.panels
    ]
    blocks: list[Block] = []
    for piece in wall.pieces:
        placed = [_placed(block, room, face, left) for block in piece]
        if all(_out_of_the_way(block, cameras) for block in placed):
            blocks += placed
    return replace(room, panels=(*room.panels, *panels), blocks=(*room.blocks, *blocks))


def _placed(block: Block, room: Room, face: int, left: float) -> Block:
    """Return a block at a wall of the room instead of at its own wall."""
    axis, sign = FACES[face]
    corners = np.zeros((2, 3))
    for row, corner in enumerate((block.low, block.high)):
        rightwards = sign if axis == 0 else -sign
        corners[row, 1 - axis] = rightwards * (left + corner[0])
        corners[row, axis] = (room.low if sign > 0 else room.high)[axis] - sign * corner[1]
        corners[row, 2] = corner[2]
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return replace(block, low=tuple(low), high=tuple(high), front_face=face)


def _out_of_the_way(block: Block, cameras: Float[ndarray, "cameras 3"]) -> bool:
    """Return whether a block is off the action and hides none of it from any camera."""
    low, high = np.array(block.low), np.array(block.high)
    if np.linalg.norm(np.clip([0.0, 0.0], low[:2], high[:2])) < CLEAR:
        return False
    targets = np.array([[x, y, z] for x in (-0.8, 0.8) for y in (-0.8, 0.8) for z in (0.0, 1.8)])
    shares = np.linspace(0, 1, 60)[:, None, None, None]
    between = cameras[:, None] + (targets - cameras[:, None]) * shares
    margin = CLEAR_OF_CAMERA * (1 - shares)
    hidden = np.all((between > low - margin) & (between < high + margin), axis=-1)
    return not bool(hidden.any())


def _cast(room: Room, origins: Float32[Tensor, "rays 3"], directions: Float32[Tensor, "rays 3"]) -> Look:
    """Return what a few rays meet."""
    solids = Solids(room.low, room.high, room.blocks)
    start, ahead = origins.T.contiguous(), directions.T.contiguous()
    distance, face, block = solids.first_hits(start, ahead)
    points = start + ahead * distance
    normals = torch.tensor([[sign * (axis == k) for axis, sign in FACES] for k in range(3)], device=points.device)
    normals = normals.float()[:, face]
    albedo, glow = _albedo(room, points, face, block)
    above, below = points.new_tensor(room.light.above), points.new_tensor(room.light.below)
    around = torch.lerp(below, above, (0.5 + 0.5 * normals[2])[:, None])
    ambient = albedo * around * solids.openness(points, face, block)[:, None]
    towards = points.new_tensor(room.light.towards)
    facing = (towards @ normals).clamp(min=0.0) * solids.reached(points + 1e-3 * normals, towards)
    key = albedo * facing[:, None] * points.new_tensor(room.light.key)
    shining = glow > 0
    ambient = torch.where(shining[:, None], albedo * glow[:, None], ambient)
    return Look(ambient, torch.where(shining[:, None], 0.0, key), distance, normals.T)


def _albedo(
    room: Room, points: Float32[Tensor, "3 rays"], face: Int[Tensor, "rays"], block: Int[Tensor, "rays"]
) -> tuple[Float32[Tensor, "rays 3"], Float32[Tensor, "rays"]]:
    """Return albedo, and how bright a surface shines by itself."""
    x, y, z = points
    sign = 2.0 * (face & 1) - 1
    axis = face >> 1
    right = torch.where(axis == 0, sign * y, torch.where(axis == 1, -sign * x, x))
    flat = torch.stack([right, torch.where(axis == 2, y, z)], dim=1)
    albedo, glow = points.new_zeros((len(x), 3)), torch.zeros_like(x)
    for number, finish in enumerate(room.finishes):
        mine = torch.nonzero((face == number) & (block < 0))[:, 0]
        if len(mine):
            albedo[mine], glow[mine] = _on_surface(room, number, finish, flat[mine])
    for number, each in enumerate(room.blocks):
        mine = torch.nonzero(block == number)[:, 0]
        if len(mine):
            albedo[mine] = _on_block(each, face[mine], flat[mine])
    return albedo, glow


def _on_surface(
    room: Room, number: int, finish: Material, flat: Float32[Tensor, "points 2"]
) -> tuple[Float32[Tensor, "points 3"], Float32[Tensor, "points"]]:
    """Return albedo and glow of points of a wall, the floor or the ceiling."""
    albedo, glow = finish.colour(flat), torch.zeros_like(flat[:, 0])
    height, colour = room.skirting
    if number < 4:
        board = flat[:, 1] < height
        albedo = torch.where(board[:, None], albedo.new_tensor(colour), albedo)
    for panel in room.panels:
        if panel.face != number:
            continue
        low, high = flat.new_tensor(panel.low), flat.new_tensor(panel.high)
        mine = torch.nonzero(((flat > low) & (flat < high)).all(dim=1))[:, 0]
        if len(mine):
            inside = torch.minimum(flat[mine] - low, high - flat[mine]).amin(dim=1) > panel.frame
            found = panel.material.colour(flat[mine] - low)
            albedo[mine] = torch.where(inside[:, None], found, found.new_tensor(panel.frame_colour))
            glow[mine] = panel.glow * inside
    return albedo, glow


def _on_block(block: Block, face: Int[Tensor, "points"], flat: Float32[Tensor, "points 2"]) -> Tensor:
    """Return the albedo of points of a block."""
    low, high = block.low, block.high
    lefts = [min(way * low[side], way * high[side]) for side, way in ((1, -1), (1, 1), (0, 1), (0, -1), (0, 1), (0, 1))]
    corners = flat.new_tensor([(left, low[1] if number > 3 else low[2]) for number, left in enumerate(lefts)])
    flat = flat - corners[face]
    front = (face == block.front_face)[:, None]
    return torch.where(front, block.front.colour(flat), block.body.colour(flat))
