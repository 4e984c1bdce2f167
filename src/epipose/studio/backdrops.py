"""Pictures for the background of training crops: rooms and clutter drawn by chance, cut from a pool of larger ones."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.studio.room_views import room_view
from epipose.studio.textures import linear_from_stored

POOL_SIZE = 384
"""Pixels along each side of a picture of the pool."""


class BackdropPool:
    """`count` pictures made in advance, from which backdrops are cut: rooms and clutter in turn.

    Rooms look like what cameras see; clutter is unlike anything, so that nothing can be told from what is around.
    """

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self._pictures = [room_view(rng, POOL_SIZE) if i % 2 else _clutter(rng) for i in range(count)]

    def draw(self, rng: np.random.Generator, size_wh: tuple[int, int]) -> Float32[ndarray, "height width 3"]:
        """Cut a backdrop of `size_wh`, as linear light: another part, size, side and tint each time."""
        picture = self._pictures[int(rng.integers(len(self._pictures)))]
        side = int(rng.uniform(0.3, 1.0) * POOL_SIZE)
        left, top = (int(value) for value in rng.integers(0, POOL_SIZE - side + 1, 2))
        part = picture[top : top + side, left : left + side]
        if rng.random() < 0.5:
            part = part[:, ::-1]
        resized = cv2.resize(np.ascontiguousarray(part), size_wh, interpolation=cv2.INTER_AREA)
        tinted = cv2.convertScaleAbs(resized, alpha=rng.uniform(0.6, 1.25), beta=rng.uniform(-25, 25))
        return linear_from_stored(np.asarray(tinted, np.uint8))


def _clutter(rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Draw a wall and a floor of some texture, with boxes, frames, poles, balls and cloths before them."""
    picture = _texture(rng)
    if rng.random() < 0.75:
        horizon = int(rng.uniform(0.35, 0.8) * POOL_SIZE)
        slope = rng.normal(0, 0.06) * POOL_SIZE
        floor = _boards(rng) if rng.random() < 0.4 else _texture(rng)
        mask = np.zeros((POOL_SIZE, POOL_SIZE), np.uint8)
        corners = np.array([[0, horizon - slope], [POOL_SIZE, horizon + slope], [POOL_SIZE] * 2, [0, POOL_SIZE]])
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
        picture = np.where(mask[..., None] > 0, floor, picture)
    for _ in range(rng.integers(0, 14)):
        _add_object(picture, rng)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3.0))
    return np.ascontiguousarray(picture)


def _texture(rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Return noise of many scales in the shades of one or two colours, from smooth to rough."""
    first, second = _colour(rng), _colour(rng)
    share = np.zeros((POOL_SIZE, POOL_SIZE), np.float32)
    rough = rng.uniform(0.3, 0.75)
    for octave in range(1, 8):
        grid = rng.random((2**octave + 1, 2**octave + 1)).astype(np.float32) - 0.5
        share += rough**octave * cv2.resize(grid, (POOL_SIZE, POOL_SIZE), interpolation=cv2.INTER_CUBIC)
    share = np.clip(0.5 + rng.uniform(0.2, 1.5) * share, 0, 1)
    if rng.random() < 0.6:
        second = np.clip(first + rng.normal(0, 25, 3), 0, 255)
    light = np.linspace(rng.uniform(0.6, 1.1), rng.uniform(0.6, 1.1), POOL_SIZE)[:, None, None]
    mixed = (first + (second - first) * share[..., None]) * light
    return np.asarray(np.clip(mixed, 0, 255).astype(np.uint8))


def _boards(rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Return tiles, planks or stripes, seen aslant."""
    picture = _texture(rng)
    step, mark = int(rng.integers(8, 60)), _colour(rng)
    for line in range(0, 2 * POOL_SIZE, step):
        cv2.line(picture, (line, 0), (line, 2 * POOL_SIZE), mark.tolist(), 1)
        if rng.random() < 0.8:
            cv2.line(picture, (0, line), (2 * POOL_SIZE, line), mark.tolist(), 1)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * POOL_SIZE
    moved = corners + rng.normal(0, 0.25 * POOL_SIZE, (4, 2)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    aslant = cv2.warpPerspective(picture, matrix, (POOL_SIZE, POOL_SIZE), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(aslant, np.uint8)


def _add_object(picture: UInt8[ndarray, "size size 3"], rng: np.random.Generator) -> None:
    """Draw one thing into the picture."""
    colour = _colour(rng).tolist()
    centre = (rng.random(2) * POOL_SIZE).astype(int)
    extent = np.maximum((rng.uniform(0.03, 0.3, 2) * POOL_SIZE).astype(int), 3)
    kind = rng.integers(6)
    if kind == 0:
        cv2.rectangle(picture, (centre - extent // 2).tolist(), (centre + extent // 2).tolist(), colour, -1)
        cv2.rectangle(
            picture, (centre - extent // 2).tolist(), (centre + extent // 2).tolist(), _colour(rng).tolist(), 2
        )
    elif kind == 1:
        cv2.ellipse(picture, centre.tolist(), extent.tolist(), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    elif kind == 2:
        other = (rng.random(2) * POOL_SIZE).astype(int)
        cv2.line(picture, centre.tolist(), other.tolist(), colour, int(rng.integers(1, 14)), cv2.LINE_AA)
    elif kind == 3:
        part = _texture(rng)[: extent[1], : extent[0]]
        top, left = (int(rng.integers(0, POOL_SIZE - length)) for length in part.shape[:2])
        picture[top : top + part.shape[0], left : left + part.shape[1]] = part
    else:
        corners = centre + rng.normal(0, 0.12 * POOL_SIZE, (int(rng.integers(3, 7)), 2))
        cv2.fillPoly(picture, [corners.astype(np.int32)], colour, cv2.LINE_AA)


def _colour(rng: np.random.Generator) -> Float32[ndarray, "3"]:
    """Draw a colour (stored, 0 to 255): mostly near grey, from dark to light, some strong."""
    grey = rng.uniform(10, 245)
    spread = rng.choice([6.0, 25.0, 90.0], p=[0.45, 0.35, 0.2])
    return np.clip(grey + rng.normal(0, spread, 3), 0, 255).astype(np.float32)
