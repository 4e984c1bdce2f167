"""Patterns of cloth: one or two colours laid out over the body at rest."""

import colorsys
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

KINDS = ("plain", "stripes across", "stripes down", "checks", "dots", "mottled", "panel")


@dataclass(frozen=True)
class Pattern:
    """Cloth of two colours (linear RGB), one of KINDS, repeating every `period` metres."""

    kind: str
    first: tuple[float, float, float]
    second: tuple[float, float, float]
    period: float

    @classmethod
    def random(cls, rng: np.random.Generator, *, plain: float = 0.45) -> "Pattern":
        """Draw a pattern, plain with the given probability."""
        others = (1 - plain) / (len(KINDS) - 1)
        kind = KINDS[rng.choice(len(KINDS), p=[plain] + [others] * (len(KINDS) - 1))]
        return cls(kind, _cloth_colour(rng), _cloth_colour(rng), float(rng.uniform(0.025, 0.14)))

    def colour(self, spot: Float32[Tensor, "points 3"]) -> Float32[Tensor, "points 3"]:
        """Return linear RGB at points of the body at rest (metres on a body of standard height)."""
        first, second = spot.new_tensor(self.first), spot.new_tensor(self.second)
        weave = 1 + 0.05 * torch.sin(spot[:, 2] * 90 + 5 * torch.sin(spot[:, 0] * 41)) * torch.sin(spot[:, 1] * 67)
        if self.kind == "plain":
            return first * weave[:, None]
        return torch.where(self._second(spot)[:, None], second, first) * weave[:, None]

    def _second(self, spot: Tensor) -> Tensor:
        """Return where the second colour is (points,)."""
        x, y, z = (2 * np.pi / self.period * spot).unbind(-1)
        match self.kind:
            case "stripes across":
                return torch.sin(z) > 0.1
            case "stripes down":
                return torch.sin(x + y) > 0.3
            case "checks":
                return (torch.sin(x + y) > 0) ^ (torch.sin(z) > 0)
            case "dots":
                return torch.sin(x) * torch.sin(z) > 0.55
            case "mottled":
                return torch.sin(x / 3 + 2 * torch.sin(z / 2)) + torch.sin(y / 2.3 + 1.7 * torch.sin(x / 2.9)) > 0.5
            case _:
                return (spot[:, 0].abs() < 0.1) & (spot[:, 2] > 1.05) & (spot[:, 2] < 1.05 + 3 * self.period)


def _cloth_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a colour of cloth: black, white and greys often, denim and muted colours, bright ones at times."""
    sort = rng.random()
    if sort < 0.35:
        grey = rng.uniform(0.02, 0.95) ** 2
        return tuple(np.clip(grey * rng.uniform(0.9, 1.1, 3), 0.006, 0.9).tolist())
    hue = rng.normal(0.61, 0.04) % 1 if sort < 0.55 else rng.random()
    strength = rng.uniform(0.2, 0.6) if sort < 0.75 else rng.uniform(0.6, 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue, strength, rng.uniform(0.1, 0.95))
    return red**2.2, green**2.2, blue**2.2
