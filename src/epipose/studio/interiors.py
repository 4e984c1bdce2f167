"""What stands along the walls of a room and hangs on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from epipose.studio.finishes import (
    bright_colour,
    muted_colour,
    near_grey,
    random_object,
    random_picture,
    scaled,
    sky_picture,
    wood_colour,
)
from epipose.studio.surfaces import Material
from epipose.studio.textures import Colour, Laid, Mottled, Stripes

Vector = tuple[float, float, float]

NEAR_CORNER = 0.75
"""Metres of each end of a wall that are kept free."""
FACES = ((0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1))
"""Which way the surfaces of rooms and blocks face: an axis, and towards which end of it."""


@dataclass(frozen=True, eq=False)
class Panel:
    """A framed rectangle on a surface: a door, a window, a picture, a lamp.

    It lies from `low` to `high` in metres to the right and up, as seen by who looks at the surface; for floor and
    ceiling in X and Y.
    """

    face: int
    """Which way it faces, as an index of FACES."""
    low: tuple[float, float]
    high: tuple[float, float]
    material: Material
    """Its coordinates begin at `low`."""
    frame: float
    """Metres of frame inside the rectangle."""
    frame_colour: Colour
    glow: float = 0.0
    """How bright the panel itself is, where 1 is a white wall in the room's light."""


@dataclass(frozen=True, eq=False)
class Block:
    """A box with sides along the axes (metres); its front has a material of its own."""

    low: Vector
    high: Vector
    body: Material
    front: Material
    front_face: int

    def shifted(self, along: float) -> "Block":
        """Return the block moved along X."""
        low, high = ((x + along, y, z) for x, y, z in (self.low, self.high))
        return replace(self, low=low, high=high)


Piece = tuple[Block, ...]
"""A piece of furniture that stands with its back to the wall Y = 0 of a room at negative Y, over the origin."""

BACK_WALL = 2
"""Which way that wall faces: towards -Y."""


@dataclass(frozen=True, eq=False)
class Wall:
    """A furnished wall in its own frame: X to the right from its left end, Y into it, Z up."""

    panels: tuple[Panel, ...]
    pieces: tuple[Piece, ...]


def furnished_wall(rng: np.random.Generator, length: float, height: float) -> Wall:
    """Fill a wall from left to right with doors, windows, pictures and furniture."""
    panels: list[Panel] = []
    pieces: list[Piece] = []
    bare = rng.uniform(0.0, 1.0)
    at = NEAR_CORNER + rng.exponential(0.4)
    while True:
        kind = str(rng.choice(["door", "window", "pictures", "high", "low"], p=[0.12, 0.26, 0.24, 0.2, 0.18]))
        piece = (_high_piece if kind == "high" else _low_piece)(rng)
        width = max(block.high[0] for block in piece) - min(block.low[0] for block in piece)
        extent = {"door": 0.95, "window": rng.uniform(0.8, 2.4), "pictures": rng.uniform(0.4, 1.8)}.get(kind, width)
        if at + extent > length - NEAR_CORNER:
            return Wall(tuple(panels), tuple(pieces))
        if rng.random() > bare * 0.6:
            panels += _panels(rng, kind, (at, at + extent), height)
            if kind in ("high", "low") or (kind in ("window", "pictures") and rng.random() < 0.5 and width < extent):
                pieces.append(tuple(block.shifted(at + extent / 2) for block in piece))
        at += extent + rng.uniform(0.1, 0.9)


def _panels(rng: np.random.Generator, kind: str, span: tuple[float, float], height: float) -> list[Panel]:
    """Return what hangs on the part of a wall from `span[0]` to `span[1]`."""
    left, right = span
    if kind == "door":
        plain = muted_colour(rng, 0.3, 0.9) if rng.random() < 0.6 else wood_colour(rng)
        inset = Laid(plain, plain, scaled(plain, 0.6), (0.4, 0.9), 0.015, 0.0, 0.0, contrast=0.01)
        flat = Mottled(plain, scaled(plain, 0.9), "fibre", 1.5, 0.2)
        door = inset if rng.random() < 0.5 else flat
        return [Panel(BACK_WALL, (left, 0.0), (right, 2.06), door, 0.06, scaled(plain, rng.uniform(0.7, 1.1)))]
    if kind == "window":
        return _window(rng, span, height)
    if kind == "pictures" or (kind == "low" and rng.random() < 0.5):
        return _pictures(rng, span)
    return []


def _window(rng: np.random.Generator, span: tuple[float, float], height: float) -> list[Panel]:
    """Return the panes of a window, and perhaps curtains at its sides or a blind before it."""
    left, right = span
    bottom, top = rng.uniform(0.75, 1.1), float(min(height - 0.25, rng.uniform(1.9, 2.5)))
    frame = near_grey(rng, 0.5, 0.9) if rng.random() < 0.7 else wood_colour(rng)
    panes = 1 + int((right - left) / rng.uniform(0.6, 1.3))
    glow = rng.uniform(0.8, 2.2)
    if rng.random() < 0.25:
        first = muted_colour(rng, 0.5, 0.9)
        blind: Material = Laid(first, first, scaled(first, 0.6), (10.0, 0.05), 0.01, 0.0, 0.0, contrast=0.01)
        return [Panel(BACK_WALL, (left, bottom), (right, top), blind, 0.05, frame, glow=0.25 * glow)]
    edges = np.linspace(left, right, panes + 1).tolist()
    outside = [sky_picture(rng, (edges[1] - edges[0], top - bottom)) for _ in range(panes)]
    panels = [
        Panel(BACK_WALL, (begin, bottom), (end, top), view, 0.05, frame, glow)
        for begin, end, view in zip(edges[:-1], edges[1:], outside, strict=True)
    ]
    if rng.random() < 0.4:
        cloth = muted_colour(rng, 0.15, 0.85)
        curtain = Stripes(cloth, scaled(cloth, 0.65), rng.uniform(0.06, 0.12), 0.5, 0.5)
        end, low = rng.uniform(0.2, 0.4), rng.choice([0.04, bottom - 0.15])
        panels += [
            Panel(BACK_WALL, (x, float(low)), (x + end, top + 0.12), curtain, 0.0, cloth)
            for x in (left - 0.6 * end, right - 0.4 * end)
        ]
    return panels


def _pictures(rng: np.random.Generator, span: tuple[float, float]) -> list[Panel]:
    """Return one or more framed pictures, a poster, a board or a dark screen."""
    left, right = span
    middle, kind = rng.uniform(1.35, 1.7), rng.random()
    if kind < 0.15:
        dark = near_grey(rng, 0.006, 0.03)
        width = min(right - left, rng.uniform(0.9, 1.5))
        low, high = (left, middle - 0.28 * width), (left + width, middle + 0.28 * width)
        return [Panel(BACK_WALL, low, high, Mottled(dark, dark, "cloudy", 1.0, 0.0), 0.015, scaled(dark, 0.5))]
    if kind < 0.25:
        board = near_grey(rng, 0.75, 0.9) if rng.random() < 0.6 else (0.03, 0.07, 0.05)
        low, high = (left, middle - 0.5), (right, middle + 0.5)
        return [Panel(BACK_WALL, low, high, Mottled(board, scaled(board, 0.9), "cloudy", 2.0, 0.3), 0.03, (0.4,) * 3)]
    panels, at = [], left
    while at < right - 0.25:
        width = float(min(right - at, rng.uniform(0.25, 1.1)))
        tall = float(min(1.2, width * rng.uniform(0.6, 1.5)))
        border = float(rng.choice([0.0, 0.02, 0.05]))
        colour = near_grey(rng, 0.01, 0.8) if rng.random() < 0.5 else wood_colour(rng)
        bottom = middle - tall / 2
        painting = random_picture(rng, (width, tall))
        panels.append(Panel(BACK_WALL, (at, bottom), (at + width, bottom + tall), painting, border, colour))
        at += width + rng.uniform(0.08, 0.5)
    return panels


def _high_piece(rng: np.random.Generator) -> Piece:
    """Return a bookcase, a wardrobe or a locker."""
    width, height, material = rng.uniform(0.7, 1.8), rng.uniform(1.5, 2.2), _painted(rng)
    if rng.random() < 0.5:
        shelf, book = rng.uniform(0.28, 0.4), rng.uniform(0.02, 0.045)
        dark, light = muted_colour(rng, 0.02, 0.2), muted_colour(rng, 0.4, 0.8)
        books = Laid(dark, light, scaled(wood_colour(rng), 0.4), (book, shelf), 0.005, -1.0, 1.0, tinted=0.9)
        return (_block((width, 0.3, height), 0.0, material, books),)
    colour = wood_colour(rng) if rng.random() < 0.5 else muted_colour(rng, 0.2, 0.85)
    doors = max(1, round(width / 0.5))
    side = (width / doors, height * rng.choice([1.0, 0.5]))
    front = Laid(colour, scaled(colour, 0.95), scaled(colour, 0.3), side, 0.008, 0.0, 1.0, noise="fibre")
    return (_block((width, rng.uniform(0.4, 0.6), height), 0.0, material, front),)


def _low_piece(rng: np.random.Generator) -> Piece:
    """Return a sideboard, a sofa, a table, a radiator or a stack of boxes."""
    makers: Sequence[Callable[[np.random.Generator], Piece]] = (_sideboard, _sofa, _table, _radiator, _stack)
    return makers[rng.choice(len(makers), p=[0.25, 0.2, 0.2, 0.15, 0.2])](rng)


def _sideboard(rng: np.random.Generator) -> Piece:
    width, height, colour = rng.uniform(0.6, 2.0), rng.uniform(0.5, 1.0), wood_colour(rng)
    rows = height / rng.integers(1, 4)
    columns = width / max(1, round(width / 0.55))
    front = Laid(colour, scaled(colour, 0.9), scaled(colour, 0.3), (columns, rows), 0.008, 0.0, 1.0, noise="fibre")
    body = Mottled(colour, scaled(colour, 0.7), "fibre", 1.0, 0.2)
    return (_block((width, rng.uniform(0.35, 0.5), height), 0.0, body, front),)


def _sofa(rng: np.random.Generator) -> Piece:
    width, seat, back = rng.uniform(1.5, 2.3), rng.uniform(0.38, 0.46), rng.uniform(0.75, 0.95)
    colour = muted_colour(rng, 0.05, 0.6) if rng.random() < 0.7 else scaled(bright_colour(rng), 0.6)
    cloth = Mottled(colour, scaled(colour, 0.75), "rough", 0.5, 0.2)
    cushions = (width - 0.4) / (2 + (width > 1.9))
    front = Laid(colour, scaled(colour, 0.96), scaled(colour, 0.5), (cushions, seat / 2), 0.01, 0.0, 1.0)
    arm = (width - 0.2) / 2
    return (
        _block((width - 0.4, 0.85, seat), 0.0, cloth, front),
        _block((width - 0.4, 0.25, back), 0.0, cloth, front),
        *(_block((0.2, 0.85, seat + 0.18), sign * arm, cloth, cloth) for sign in (-1, 1)),
    )


def _table(rng: np.random.Generator) -> Piece:
    width, depth, height = rng.uniform(0.9, 1.8), rng.uniform(0.5, 0.8), rng.uniform(0.7, 0.78)
    top, leg = random_object(rng), _painted(rng)
    legs = [_block((0.05, depth - 0.06, height), sign * (width / 2 - 0.08), leg, leg) for sign in (-1, 1)]
    pieces = [_block((width, depth, height), 0.0, top, top, bottom=height - 0.035), *legs]
    if rng.random() < 0.6:  # something stands on it
        size = (rng.uniform(0.15, 0.5), rng.uniform(0.1, 0.3), height + rng.uniform(0.1, 0.4))
        thing = random_object(rng)
        pieces.append(_block(size, rng.uniform(-0.3, 0.3) * width, thing, thing, bottom=height))
    return tuple(pieces)


def _radiator(rng: np.random.Generator) -> Piece:
    colour = near_grey(rng, 0.65, 0.85)
    ribs = Stripes(colour, scaled(colour, 0.6), 0.05, 0.3, 0.2)
    return (_block((rng.uniform(0.6, 1.4), 0.1, 0.7), 0.0, ribs, ribs, bottom=0.12),)


def _stack(rng: np.random.Generator) -> Piece:
    pieces, bottom = [], 0.0
    for _ in range(rng.integers(1, 4)):
        size, height = rng.uniform(0.3, 0.7, 2), rng.uniform(0.2, 0.45)
        card = (0.4, 0.26, 0.14) if rng.random() < 0.5 else muted_colour(rng, 0.05, 0.8)
        cover = Mottled(card, scaled(card, 0.85), "cloudy", 0.8, 0.25)
        pieces.append(_block((*size, bottom + height), rng.normal(0, 0.05), cover, cover, bottom=bottom))
        bottom += height
    return tuple(pieces)


def _block(size: Vector, along: float, body: Material, front: Material, *, bottom: float = 0.0) -> Block:
    """Return a block with its back to the wall: width, depth and the height of its top; its middle is at `along`."""
    width, depth, top = size
    low, high = (along - width / 2, -depth, bottom), (along + width / 2, 0.0, top)
    return Block(low, high, body, front, front_face=BACK_WALL)


def _painted(rng: np.random.Generator) -> Material:
    """Return wood or paint, as furniture is made of."""
    colour = wood_colour(rng) if rng.random() < 0.6 else near_grey(rng, 0.02, 0.85)
    return Mottled(colour, scaled(colour, 0.75), "fibre", 1.0, 0.2)
