"""Light: a lamp or the sun from one side, light from everywhere, and the shadows between them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int32
from torch import Tensor

from epipose.studio.raster import rasterise

SHADOW_SIZE = 256
"""Pixels along each side of a shadow map."""
SHADOW_REACH = 2.2
"""Metres from its middle to the rim of a shadow map."""
BIAS = 0.025
"""Metres by which something must be nearer to the light to shade what is behind it."""
DISTANT = 100.0
"""Metres to the light's plane: far, so that rays are as good as parallel."""


@dataclass(frozen=True)
class Light:
    """Linear RGB of each kind of light; 1 shows a white wall as white."""

    towards: tuple[float, float, float]
    """Unit vector from the scene to the lamp."""
    key: tuple[float, float, float]
    above: tuple[float, float, float]
    """Light from everywhere as it falls on what faces up..."""
    below: tuple[float, float, float]
    """... and down."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> "Light":
        """Draw a light: high lamps mostly, from any side, warm or cold, hard or soft."""
        bearing, height = rng.uniform(0, 2 * np.pi), np.arcsin(rng.uniform(0.35, 0.97))
        towards = np.cos(height) * np.cos(bearing), np.cos(height) * np.sin(bearing), np.sin(height)
        hardness, warmth = rng.uniform(0.15, 1.0), rng.uniform(-0.12, 0.12)
        key = hardness * np.array([1 + warmth, 1.0, 1 - warmth])
        around = (1.05 - 0.6 * hardness) * np.array([1 - warmth / 2, 1.0, 1 + warmth / 2])
        dim = rng.uniform(0.45, 0.75)
        return cls(*(tuple(map(float, c)) for c in (towards, key, around, around * dim)))  # type: ignore[arg-type]

    def shade(
        self,
        albedo: Float32[Tensor, "points 3"],
        normals: Float32[Tensor, "points 3"],
        lit: Float32[Tensor, "points"],
    ) -> Float32[Tensor, "points 3"]:
        """Return linear RGB of matt points with unit `normals`; `lit`: the share of the key light that reaches each."""
        facing = (normals @ normals.new_tensor(self.towards)).clamp(min=0.0) * lit
        up = (0.5 + 0.5 * normals[:, 2:3]).clamp(0.0, 1.0)
        around = up * normals.new_tensor(self.above) + (1 - up) * normals.new_tensor(self.below)
        shaded: Tensor = albedo * (around + facing[:, None] * normals.new_tensor(self.key))
        return shaded


@dataclass(frozen=True, eq=False)
class ShadowMap:
    """How far from the lamp the nearest surface is, along parallel rays through a square around `middle`."""

    axes: Float32[Tensor, "3 3"]
    """Rows: across the map, down the map, from the lamp to the scene."""
    middle: Float32[Tensor, "3"]
    depth: Float32[Tensor, "size size"]

    def lit(self, points: Float32[Tensor, "points 3"], softness: float = 1.5) -> Float32[Tensor, "points"]:
        """Return the share of the lamp that reaches each point (metres), blurred over `softness` pixels of the map."""
        across, down, depth = ((points - self.middle) @ self.axes.T).unbind(-1)
        scale = SHADOW_SIZE / (2 * SHADOW_REACH)
        column, row = (across + SHADOW_REACH) * scale - 0.5, (down + SHADOW_REACH) * scale - 0.5
        outside = (column < 0) | (row < 0) | (column > SHADOW_SIZE - 1) | (row > SHADOW_SIZE - 1)
        total = torch.zeros_like(depth)
        flat = self.depth.reshape(-1)
        for right, lower in ((-1.0, -0.4), (0.4, -1.0), (1.0, 0.4), (-0.4, 1.0)):
            x = (column + right * softness).round().clamp(0, SHADOW_SIZE - 1).long()
            y = (row + lower * softness).round().clamp(0, SHADOW_SIZE - 1).long()
            total += flat[y * SHADOW_SIZE + x] > depth + DISTANT - BIAS
        return torch.where(outside, torch.ones_like(total), total / 4)


def shadow_map(
    vertices: Float32[Tensor, "vertices 3"],
    faces: Int32[Tensor, "triangles 3"],
    light: Light,
    middle: Float32[Tensor, "3"],
) -> ShadowMap:
    """Return the shadows that closed meshes cast, within SHADOW_REACH of `middle`."""
    away = -vertices.new_tensor(light.towards)
    across = torch.linalg.cross(away, vertices.new_tensor([0.0, 0.0, 1.0]))
    across = across / across.norm() if across.norm() > 1e-3 else vertices.new_tensor([1.0, 0.0, 0.0])
    axes = torch.stack([across, torch.linalg.cross(away, across), away])
    local = (vertices - middle) @ axes.T
    scale = SHADOW_SIZE / (2 * SHADOW_REACH)
    corners = torch.cat([(local[:, :2] + SHADOW_REACH) * scale - 0.5, local[:, 2:] + DISTANT], dim=1)
    nothing = vertices.new_zeros((1, len(vertices), 0))
    found = rasterise(corners[None], faces, nothing, (SHADOW_SIZE, SHADOW_SIZE))
    return ShadowMap(axes, middle, found.depth[0])
