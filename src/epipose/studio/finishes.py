"""What floors, walls and things are made of, by chance."""

import colorsys

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.studio.surfaces import Material
from epipose.studio.textures import Colour, Laid, Mottled, Picture, Stripes

PICTURE_SIZE = 160
"""Pixels along the longer side of a painted picture."""


def random_floor(rng: np.random.Generator) -> Material:
    """Draw a floor: planks, tiles, carpet, concrete, a chequerboard or sports mats."""
    kind = rng.choice(
        ["planks", "tiles", "carpet", "concrete", "mats", "chequered"], p=[0.34, 0.2, 0.2, 0.14, 0.07, 0.05]
    )
    if kind == "planks":
        wood = wood_colour(rng)
        return Laid(
            wood,
            scaled(wood, rng.uniform(0.55, 0.8)),
            scaled(wood, 0.35),
            (rng.uniform(0.6, 2.0), rng.uniform(0.07, 0.2)),
            gap=rng.uniform(0.001, 0.004),
            shift=-1.0,
            variety=rng.uniform(0.3, 1.0),
            noise="fibre",
            contrast=rng.uniform(0.05, 0.14),
        )
    if kind == "carpet":
        first = muted_colour(rng, 0.08, 0.6)
        noise, period = (("grain", 0.9), ("rough", 0.6))[rng.integers(2)]
        return Mottled(first, scaled(first, rng.uniform(0.55, 0.85)), noise, period, rng.uniform(0.1, 0.3))
    if kind == "concrete":
        first = near_grey(rng, 0.2, 0.6)
        noise = ("cloudy", "rough")[rng.integers(2)]
        return Mottled(first, scaled(first, rng.uniform(0.6, 0.8)), noise, rng.uniform(1.5, 5.0), rng.uniform(0.1, 0.3))
    if kind == "mats":
        first, side = muted_colour(rng, 0.1, 0.5), rng.uniform(0.5, 1.0)
        other = scaled(first, 0.8) if rng.random() < 0.5 else muted_colour(rng, 0.1, 0.5)
        return Laid(first, other, scaled(first, 0.5), (side, side), 0.004, 0.0, 0.0, alternating=True, contrast=0.03)
    first, side = near_grey(rng, 0.15, 0.75), rng.uniform(0.2, 0.7)
    chequered = kind == "chequered"
    other = near_grey(rng, 0.02, 0.15) if chequered else scaled(first, rng.uniform(0.8, 1.0))
    return Laid(first, other, near_grey(rng, 0.1, 0.6), (side, side), rng.uniform(0.003, 0.008), 0.0, 1.0,
                alternating=chequered, noise="cloudy", contrast=rng.uniform(0.02, 0.1))  # fmt: skip


def random_wall(rng: np.random.Generator) -> Material:
    """Draw a wall: painted plaster mostly, wallpaper, bricks, concrete, panelling or tiles."""
    kind = rng.choice(
        ["plaster", "wallpaper", "bricks", "concrete", "panels", "tiles"], p=[0.6, 0.1, 0.1, 0.1, 0.05, 0.05]
    )
    if kind == "plaster":
        first = muted_colour(rng, 0.5, 0.9) if rng.random() < 0.75 else muted_colour(rng, 0.1, 0.5)
        return Mottled(first, scaled(first, 0.9), ("cloudy", "rough")[rng.integers(2)], rng.uniform(2, 6), 0.25)
    if kind == "wallpaper":
        first = muted_colour(rng, 0.3, 0.85)
        other = scaled(first, rng.uniform(0.72, 0.95)) if rng.random() < 0.8 else muted_colour(rng, 0.4, 0.8)
        return Stripes(first, other, rng.uniform(0.06, 0.5), rng.uniform(0.2, 0.6), rng.choice([0.01, 0.1, 0.5]))
    if kind == "bricks":
        grey = rng.random() < 0.35
        first = near_grey(rng, 0.3, 0.85) if grey else (0.36, 0.13, 0.075)
        return Laid(
            first,
            scaled(first, 0.75 if grey else 0.6),
            near_grey(rng, 0.3, 0.6),
            (0.25, 0.077),
            gap=0.012,
            shift=0.5,
            variety=1.0,
            tinted=0.03 if grey else 0.25,
            contrast=0.12,
        )
    if kind == "concrete":
        first = near_grey(rng, 0.25, 0.6)
        return Mottled(first, scaled(first, 0.7), "cloudy", rng.uniform(2, 5), rng.uniform(0.15, 0.3))
    if kind == "panels":
        wood = wood_colour(rng)
        return Stripes(wood, scaled(wood, 0.55), rng.uniform(0.08, 0.2), 0.08, 0.03)
    first, side = muted_colour(rng, 0.3, 0.9), rng.uniform(0.1, 0.35)
    return Laid(first, scaled(first, 0.95), near_grey(rng, 0.3, 0.7), (side * rng.choice([1, 2]), side), 0.004,
                rng.choice([0.0, 0.5]), 1.0, contrast=0.02)  # fmt: skip


def random_object(rng: np.random.Generator) -> Material:
    """Draw what a piece of furniture is made of: wood, paint, cloth, metal or plastic."""
    kind = rng.choice(["wood", "paint", "cloth", "metal"], p=[0.4, 0.3, 0.2, 0.1])
    if kind == "wood":
        wood = wood_colour(rng)
        return Mottled(wood, scaled(wood, rng.uniform(0.5, 0.8)), "fibre", rng.uniform(0.6, 1.2), rng.uniform(0.1, 0.3))
    if kind == "metal":
        first = near_grey(rng, 0.1, 0.6)
        return Mottled(first, scaled(first, 0.85), "fibre", 0.5, 0.2)
    first = muted_colour(rng, 0.03, 0.8) if rng.random() < 0.75 else bright_colour(rng)
    if kind == "paint":
        return Mottled(first, scaled(first, 0.93), "cloudy", 1.0, 0.2)
    if rng.random() < 0.3:
        return Stripes(first, muted_colour(rng, 0.05, 0.8), rng.uniform(0.03, 0.2), 0.5, 0.05)
    return Mottled(first, scaled(first, 0.7), "rough", 0.3, 0.2)


def random_picture(rng: np.random.Generator, size: tuple[float, float]) -> Picture:
    """Paint a picture of `size` (metres): a landscape, bold shapes, or a printed page."""
    scale = PICTURE_SIZE / max(size)
    canvas = np.empty((max(8, round(size[1] * scale)), max(8, round(size[0] * scale)), 3), np.uint8)
    paint = (_paint_landscape, _paint_shapes, _paint_page)[rng.choice(3, p=[0.4, 0.4, 0.2])]
    paint(canvas, rng)
    return Picture.from_stored(canvas, size)


def sky_picture(rng: np.random.Generator, size: tuple[float, float]) -> Picture:
    """Paint what a window of `size` (metres) shows: a bright sky, over houses or trees perhaps."""
    canvas = np.empty((64, max(8, round(64 * size[0] / size[1])), 3), np.uint8)
    height, width = canvas.shape[:2]
    above, horizon = rng.uniform([150, 180, 215], [225, 235, 250]), rng.uniform(215, 255, 3)
    canvas[:] = above + (horizon - above) * np.linspace(0, 1, height)[:, None, None]
    if rng.random() < 0.7:
        for _ in range(rng.integers(2, 8)):
            top, grey = int(rng.uniform(0.45, 0.95) * height), rng.uniform(60, 190)
            x, half = rng.uniform(0, width), rng.uniform(0.1, 0.4) * width
            if rng.random() < 0.5:
                colour = np.clip(grey + rng.normal(0, 14, 3), 0, 255)
                cv2.rectangle(canvas, (int(x - half), top), (int(x + half), height), colour.tolist(), -1)
            else:
                colour = grey * rng.uniform([0.4, 0.6, 0.25], [0.7, 0.85, 0.45])
                cv2.ellipse(canvas, ((x, height), (2 * half, 2.0 * (height - top)), 0.0), colour.tolist(), -1)
    return Picture.from_stored(cv2.GaussianBlur(canvas, (3, 3), 0), size)


def _paint_landscape(canvas: UInt8[ndarray, "height width 3"], rng: np.random.Generator) -> None:
    """Paint a sky that brightens downwards, and ranges of hills that darken towards the viewer."""
    height, width = canvas.shape[:2]
    down = np.linspace(0, 1, height)[:, None, None]
    top, bottom = rng.uniform([40, 80, 130], [140, 180, 250]), rng.uniform([160, 140, 110], [255, 240, 220])
    canvas[:] = top + (bottom - top) * down
    hill = rng.uniform(60, 170, 3)
    for ridge in np.sort(rng.uniform(0.3, 0.95, int(rng.integers(2, 6)))):
        bumps = rng.standard_normal(max(3, int(rng.integers(3, 12))))
        outline = np.interp(np.linspace(0, len(bumps) - 1, width), np.arange(len(bumps)), bumps)
        top_row = np.clip((ridge + 0.05 * outline) * height, 0, height - 1)
        corners = np.concatenate([np.stack([np.arange(width), top_row], axis=1), [[width, height], [0, height]]])
        hill = hill * rng.uniform(0.6, 0.95, 3)
        cv2.fillPoly(canvas, [corners.astype(np.int32)], hill.tolist())


def _paint_shapes(canvas: UInt8[ndarray, "height width 3"], rng: np.random.Generator) -> None:
    """Paint discs, bars and triangles in a few colours."""
    height, width = canvas.shape[:2]
    colours = rng.uniform(15, 245, (int(rng.integers(3, 6)), 3))
    canvas[:] = colours[0]
    for _ in range(rng.integers(3, 25)):
        colour = colours[rng.integers(len(colours))].tolist()
        centre = rng.uniform(0, 1, 2) * (width, height)
        extent = np.maximum(rng.uniform(0.03, 0.4, 2) * min(height, width), 1)
        if rng.random() < 0.5:
            cv2.ellipse(canvas, (centre.tolist(), (2 * extent).tolist(), rng.uniform(0, 180)), colour, -1, cv2.LINE_AA)
        else:
            corners = centre + rng.normal(0, extent.mean(), (int(rng.integers(3, 5)), 2))
            cv2.fillPoly(canvas, [corners.astype(np.int32)], colour, cv2.LINE_AA)


def _paint_page(canvas: UInt8[ndarray, "height width 3"], rng: np.random.Generator) -> None:
    """Paint lines of words, a heading and a block in colour."""
    height, width = canvas.shape[:2]
    canvas[:] = rng.uniform(200, 250)
    ink, accent = rng.uniform(0, 70, 3).tolist(), rng.uniform(20, 220, 3).tolist()
    head = int(rng.uniform(0.1, 0.4) * height)
    cv2.rectangle(canvas, (0, 0), (width, head), accent, -1)
    for row in range(head + height // 12, int(0.93 * height), max(3, height // 18)):
        end = int(rng.uniform(0.5, 0.92) * width)
        cv2.line(canvas, (int(0.08 * width), row), (end, row), ink, max(1, height // 60))


def muted_colour(rng: np.random.Generator, dark: float, light: float) -> Colour:
    """Draw a colour of low saturation, often warm, whose strongest channel is between `dark` and `light`."""
    hue = rng.normal(0.1, 0.04) % 1 if rng.random() < 0.45 else rng.random()
    red, green, blue = colorsys.hsv_to_rgb(hue, min(abs(rng.normal(0, 0.18)), 0.65), rng.uniform(dark, light))
    return red, green, blue


def bright_colour(rng: np.random.Generator) -> Colour:
    """Draw a colour of high saturation."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.7, 0.97), rng.uniform(0.2, 0.8))
    return red, green, blue


def near_grey(rng: np.random.Generator, dark: float, light: float) -> Colour:
    """Draw a grey, a little warm or cold."""
    warmth = rng.normal(0, 0.04)
    return scaled((1 + warmth, 1.0, 1 - warmth), rng.uniform(dark, light))


def wood_colour(rng: np.random.Generator) -> Colour:
    """Draw a wood, from bleached to nearly black, from yellow to red."""
    red = np.exp(rng.uniform(np.log(0.07), np.log(0.65)))
    green = red * rng.uniform(0.5, 0.75)
    return float(red), float(green), float(green * rng.uniform(0.4, 0.72))


def scaled(colour: Colour, factor: float) -> Colour:
    """Return a colour made darker or lighter."""
    red, green, blue = colour
    return red * factor, green * factor, blue * factor
