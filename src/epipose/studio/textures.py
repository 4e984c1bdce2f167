"""Patterns of floors, walls and furniture: colour from two coordinates on the surface, in metres.

Irregularity comes from one tile of noise and one table of random numbers, both made once by NumPy and only looked up
afterwards, so that a surface is the same on every machine and device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from numpy import ndarray
from torch import Tensor

from epipose.studio.surfaces import Material

Colour = tuple[float, float, float]
"""Linear RGB, 0 to 1."""

TILE = 256
"""Samples along each side of the tile of noise."""
NOISES = {"cloudy": 2.2, "rough": 1.0, "grain": 0.1, "fibre": 1.2}
"""The kinds of noise, and how fast each fades towards fine detail; fibre is drawn out along the first coordinate."""
SHADES = 4096
"""Entries of the table of random numbers."""


@dataclass(frozen=True)
class Mottled:
    """Two colours mixed by noise that repeats every `period` metres: plaster, concrete, carpet, stone, metal."""

    first: Colour
    second: Colour
    noise: str
    """One of NOISES."""
    period: float
    contrast: float
    """How far noise goes towards either colour: 0 leaves the mean of both."""

    def colour(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB."""
        share = (0.5 + self.contrast * _noise(self.noise, coordinates[:, :2] / self.period)).clamp(0.0, 1.0)
        return _mixed(self.first, self.second, share)


@dataclass(frozen=True)
class Laid:
    """Pieces in rows with joints between them: tiles, planks, bricks, a chequerboard, books on shelves."""

    first: Colour
    second: Colour
    joint: Colour
    size: tuple[float, float]
    """Metres from piece to piece along a row and from row to row."""
    gap: float
    """Metres between pieces."""
    shift: float
    """By which share of a piece each row is displaced; below 0 by a random one."""
    variety: float
    """How much pieces differ: 0 all are the mean of both colours, 1 anything between them."""
    tinted: float = 0.0
    """How much the colour of a piece may differ in hue."""
    alternating: bool = False
    """Whether the two colours take turns instead."""
    noise: str = "rough"
    """One of NOISES, within each piece."""
    contrast: float = 0.06

    def colour(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB."""
        along, down = coordinates[:, 0] / self.size[0], coordinates[:, 1] / self.size[1]
        row = torch.floor(down)
        along = along + (_table(along.device)[_cell(row, row), 0] if self.shift < 0 else self.shift * row)
        column = torch.floor(along)
        chance = _table(along.device)[_cell(column, row)]
        turn = torch.remainder(column + row, 2.0) if self.alternating else chance[:, 0]
        share = turn if self.alternating else 0.5 + self.variety * (turn - 0.5)
        piece = _mixed(self.first, self.second, share)
        if self.tinted:
            piece = piece * (1 + self.tinted * (chance - 0.5))
        uneven = 1 + self.contrast * _noise(self.noise, coordinates[:, :2] / 1.7 + chance[:, :2])
        rim = torch.minimum(self._rim(along - column, self.size[0]), self._rim(down - row, self.size[1]))
        return torch.lerp(piece.new_tensor(self.joint), piece * uneven[:, None], rim[:, None])

    def _rim(self, share: Tensor, size: float) -> Tensor:
        """Return 0 in a joint and 1 on a piece, with a soft rim, from the share of the way through a piece."""
        inside = torch.minimum(share, 1 - share) * size - self.gap / 2
        return (inside / max(self.gap, 0.002) + 0.5).clamp(0.0, 1.0)


@dataclass(frozen=True)
class Stripes:
    """Stripes of two colours upwards, over a little noise: wallpaper, panelling, curtains, radiators."""

    first: Colour
    second: Colour
    period: float
    """Metres from one stripe to the next."""
    duty: float
    """How much of a period the second colour takes."""
    softness: float
    """Share of a period over which one colour turns into the other."""

    def colour(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB."""
        phase = torch.remainder(coordinates[:, 0] / self.period, 1.0)
        inside = self.duty / 2 - (phase - 0.5).abs()
        share = (inside / max(self.softness, 0.01) + 0.5).clamp(0.0, 1.0)
        uneven = 1 + 0.03 * _noise("rough", coordinates[:, :2] / 1.3)
        return _mixed(self.first, self.second, share) * uneven[:, None]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture stretched over a rectangle: the first coordinate goes right, the second up, both from 0 to `size`."""

    linear: Float[Tensor, "height width 3"]
    size: tuple[float, float]
    """Width and height in metres."""

    @classmethod
    def from_stored(cls, stored: UInt8[ndarray, "height width 3"], size: tuple[float, float]) -> "Picture":
        """Hang an RGB picture as a camera stores it; large ones are reduced."""
        scale = min(1.0, 384 / max(stored.shape[:2]))
        if scale < 1:
            stored = np.asarray(cv2.resize(stored, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        return cls(torch.from_numpy(linear_from_stored(stored)), size)

    def colour(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB."""
        grid = coordinates[:, :2] / coordinates.new_tensor(self.size) * 2 - 1
        grid = grid * grid.new_tensor([1.0, -1.0])
        image = self.linear.to(coordinates.device).permute(2, 0, 1)[None]
        found = torch.nn.functional.grid_sample(image, grid[None, None], padding_mode="border", align_corners=False)
        return found[0, :, 0].T


@dataclass(frozen=True, eq=False)
class Parts:
    """Several materials on one mesh: the third coordinate says which."""

    materials: Sequence[Material]

    def colour(self, coordinates: Float32[Tensor, "points channels"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB."""
        which = coordinates[:, 2].round()
        result = torch.zeros_like(coordinates[:, :3])
        for number, material in enumerate(self.materials):
            mine = torch.nonzero(which == number)[:, 0]
            if len(mine):
                result[mine] = material.colour(coordinates[mine])
        return result


def linear_from_stored(stored: UInt8[ndarray, "*shape"]) -> Float32[ndarray, "*shape"]:
    """Return linear light from what a picture in sRGB stores."""
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear.astype(np.float32)[stored])


def _mixed(first: Colour, second: Colour, share: Float32[Tensor, "points"]) -> Float32[Tensor, "points 3"]:
    """Return `first` where `share` is 0, `second` where it is 1."""
    return torch.lerp(share.new_tensor(first), share.new_tensor(second), share[:, None])


def _noise(kind: str, places: Float32[Tensor, "points 2"]) -> Float32[Tensor, "points"]:
    """Return noise of mean 0 and spread 1, cut off at 2.5, that repeats every unit of `places`."""
    grid = 2 * (places - places.floor()) - 1
    tile = _tile(kind, places.device)
    return torch.nn.functional.grid_sample(tile, grid[None, None], padding_mode="border", align_corners=True)[0, 0, 0]


def _cell(column: Float32[Tensor, "points"], row: Float32[Tensor, "points"]) -> Int[Tensor, "points"]:
    """Return a number below SHADES for each piece, different from its neighbours'."""
    return (column * 37 + row * 101).long() & (SHADES - 1)


@cache
def _tile(kind: str, device: torch.device) -> Float32[Tensor, "1 1 size size"]:
    """Return a tile of noise whose last row and column repeat the first."""
    white = np.random.default_rng(list(NOISES).index(kind)).standard_normal((TILE, TILE))
    down, along = np.meshgrid(np.fft.fftfreq(TILE), np.fft.rfftfreq(TILE), indexing="ij")
    frequency = np.hypot(down, along * (20 if kind == "fibre" else 1)) * TILE
    faded = np.fft.irfft2(np.fft.rfft2(white) / np.maximum(frequency, 1.0) ** NOISES[kind], s=(TILE, TILE))
    faded = np.clip((faded - faded.mean()) / faded.std(), -2.5, 2.5)
    return torch.from_numpy(np.pad(faded, (0, 1), mode="wrap").astype(np.float32))[None, None].to(device)


@cache
def _table(device: torch.device) -> Float32[Tensor, "shades 3"]:
    """Return random numbers from 0 to 1 to be looked up by `_cell`."""
    return torch.from_numpy(np.random.default_rng(99).random((SHADES, 3)).astype(np.float32)).to(device)
