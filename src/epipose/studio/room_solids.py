"""Rays among boxes in a box: what they meet, how open a place is, and what the lamp reaches.

Places and directions are rows of coordinates (3, rays), in metres. Boxes that cannot matter to any of the rays that
are cast together are left out, so rays should be cast in bundles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch import Tensor

from epipose.studio.interiors import Block, Vector

CORNER_SHADES = ((0.2, 0.2), (0.16, 1.1))
"""Shares of light that a corner takes, and over how many metres each fades."""
FURNITURE_SHADE = (0.4, 0.12)
"""The same next to furniture."""


@dataclass(frozen=True, eq=False)
class Solids:
    """The walls of a room from corner `low` to `high`, and the blocks in it."""

    low: Vector
    high: Vector
    blocks: Sequence[Block]

    def first_hits(
        self, start: Float32[Tensor, "3 rays"], ahead: Float32[Tensor, "3 rays"]
    ) -> tuple[Float32[Tensor, "rays"], Int[Tensor, "rays"], Int[Tensor, "rays"]]:
        """Return the distance to the first surface, its index in FACES, and that of its block or -1 for the room."""
        inverse = 1 / torch.where(ahead.abs() < 1e-7, 1e-7, ahead)
        backwards = ahead < 0
        low, high = _column(self.low, start), _column(self.high, start)
        distance, axis = ((torch.where(backwards, low, high) - start) * inverse).min(dim=0)
        face = 2 * axis + backwards.gather(0, axis[None])[0]
        block = torch.full_like(face, -1)
        for number in self._ahead(start, ahead):
            near, far = _slabs(self.blocks[number], start, inverse)
            entry, axis = near.max(dim=0)
            hit = torch.nonzero((entry < far.amin(dim=0)) & (entry > 0) & (entry < distance))[:, 0]
            axis = axis[hit]
            distance[hit], block[hit] = entry[hit], number
            face[hit] = 2 * axis + backwards[axis, hit]
        return distance, face, block

    def openness(
        self, points: Float32[Tensor, "3 rays"], face: Int[Tensor, "rays"], block: Int[Tensor, "rays"]
    ) -> Float32[Tensor, "rays"]:
        """Return how much light from everywhere reaches points: less in corners and next to furniture."""
        near = torch.minimum(points - _column(self.low, points), _column(self.high, points) - points).clamp(min=0.0)
        darker = sum(share * torch.exp(near / -reach) for share, reach in CORNER_SHADES)
        own = torch.arange(3, device=face.device)[:, None] == face >> 1
        result: Tensor = torch.where(own & (block < 0), 1.0, 1 - darker).prod(dim=0)
        share, reach = FURNITURE_SHADE
        for number in self._around(points, np.zeros(3), margin=6 * reach):
            low, high = (_column(corner, points) for corner in (self.blocks[number].low, self.blocks[number].high))
            away = torch.maximum(low - points, points - high).clamp(min=0.0).square().sum(dim=0).sqrt()
            result = result * torch.where(block == number, 1.0, 1 - share * torch.exp(away / -reach))
        return result

    def reached(self, points: Float32[Tensor, "3 rays"], towards: Float32[Tensor, "3"]) -> Float32[Tensor, "rays"]:
        """Return 1 where the lamp reaches points, 0 where furniture is between; walls and ceiling let it in."""
        inverse = 1 / torch.where(towards.abs() < 1e-7, 1e-7, towards)[:, None]
        lit = torch.ones_like(points[0])
        longest = float(np.linalg.norm(np.subtract(self.high, self.low)))
        for number in self._around(points, -longest * towards.double().cpu().numpy(), margin=0.0):
            near, far = _slabs(self.blocks[number], points, inverse)
            leaving = far.amin(dim=0)
            lit[(near.amax(dim=0) < leaving) & (leaving > 0)] = 0.0
        return lit

    def _ahead(self, start: Float32[Tensor, "3 rays"], ahead: Float32[Tensor, "3 rays"]) -> list[int]:
        """Return the blocks that lie, with the sphere around them, in the cone of all rays."""
        eye, axis = start.mean(dim=1, keepdim=True), ahead.mean(dim=1, keepdim=True)
        axis = axis / axis.norm().clamp(min=1e-9)
        spread = float((axis * ahead).sum(dim=0).clamp(-1.0, 1.0).min().acos())
        apart = float((start - eye).abs().max()) * 3**0.5
        middle, way = eye[:, 0].double().cpu().numpy(), axis[:, 0].double().cpu().numpy()
        seen = []
        for number, block in enumerate(self.blocks):
            low, high = np.array(block.low), np.array(block.high)
            offset, radius = (low + high) / 2 - middle, float(np.linalg.norm(high - low)) / 2 + apart
            distance = float(np.linalg.norm(offset))
            if distance <= radius:
                seen.append(number)
                continue
            angle = np.arccos(np.clip(offset @ way / distance, -1.0, 1.0))
            if angle <= spread + np.arcsin(radius / distance) + 1e-3:
                seen.append(number)
        return seen

    def _around(self, points: Float32[Tensor, "3 rays"], sweep: np.ndarray, margin: float) -> list[int]:
        """Return the blocks that come within `margin` of the box around all points when moved along `sweep`."""
        begin, end = (corner.double().cpu().numpy() for corner in (points.amin(dim=1), points.amax(dim=1)))
        near = []
        for number, block in enumerate(self.blocks):
            low = np.array(block.low) + np.minimum(sweep, 0.0) - margin
            high = np.array(block.high) + np.maximum(sweep, 0.0) + margin
            if np.all(low <= end) and np.all(begin <= high):
                near.append(number)
        return near


def _slabs(
    block: Block, start: Float32[Tensor, "3 rays"], inverse: Float32[Tensor, "3 #rays"]
) -> tuple[Float32[Tensor, "3 rays"], Float32[Tensor, "3 rays"]]:
    """Return where rays enter and leave the three slabs between opposite sides of a block."""
    low, high = ((_column(corner, start) - start) * inverse for corner in (block.low, block.high))
    return torch.minimum(low, high), torch.maximum(low, high)


def _column(corner: Vector, points: Float32[Tensor, "3 rays"]) -> Float32[Tensor, "3 1"]:
    """Return a corner to be compared with points."""
    return points.new_tensor(corner)[:, None]
