"""A small network that finds the joints of one person in a picture: the builtin detector's.

For each joint it has one distribution over the cells of the trunk's features and "outside the picture".
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from epipose.models.pyramid import STRIDE, Pyramid

WINDOW = 5
"""Cells along each side of the window whose mean is taken as the joint's place."""
COVERING = 0.3
"""How likely the joints of a pair are in one place, against being in two."""
CLEAR = 8.0
"""Pixels across between two joints from which on it is clear which is further right."""


class Joints(NamedTuple):
    """Where joints are in each picture."""

    pixels: Float[Tensor, "pictures joints 2"]
    """The first pixel's centre is (0, 0)."""
    score: Float[Tensor, "pictures joints"]
    """Probability that the joint is in the picture within WINDOW of there."""


class Taught(NamedTuple):
    """What the network is taught by."""

    places: Float[Tensor, "pictures joints places"]
    """Logits of each joint over the cells, row by row, and last of being outside the picture."""
    sides: Float[Tensor, "pictures pairs"]
    """Logits of each left joint being further right in the picture than its twin: a person seen from the front.

    Few joints can be told from their twins by their looks. This is where a network learns which way a body faces, from
    faces, backs and feet, long before heatmaps alone would tell it.
    """


class KeypointNet(nn.Module):
    """The network; `mirror`: joint j of a mirrored body is joint mirror[j]."""

    mirror: Tensor

    def __init__(self, mirror: Sequence[int]) -> None:
        super().__init__()
        joints, pairs = len(mirror), sum(joint < twin for joint, twin in enumerate(mirror))
        self.register_buffer("mirror", torch.tensor(mirror), persistent=False)
        self.trunk = Pyramid()
        self.heatmaps = nn.Conv2d(self.trunk.neck, joints, 1)
        self.outside = nn.Linear(self.trunk.channels, joints)
        self.sides = nn.Linear(self.trunk.channels, pairs)

    def forward(self, pictures: UInt8[Tensor, "pictures height width 3"]) -> Joints:
        """Return the joints of RGB pictures: what is exported and run. Looks at each and at its mirror image."""
        # Numbers, not tensors as they are while the network is traced: the exported size is fixed.
        rows, columns = int(pictures.shape[1]) // STRIDE, int(pictures.shape[2]) // STRIDE
        logits = self.distributions(torch.cat([pictures, pictures.flip(2)]))
        straight, mirrored = probabilities(logits, (rows, columns)).chunk(2)
        return decoded((straight + mirrored.flip(3)[:, self.mirror]) / 2, self.mirror)

    def distributions(
        self, pictures: UInt8[Tensor, "pictures height width 3"]
    ) -> Float[Tensor, "pictures joints places"]:
        """Return logits of each joint over the cells, row by row, and last of being outside the picture."""
        return self.taught(pictures).places

    def taught(self, pictures: UInt8[Tensor, "pictures height width 3"]) -> Taught:
        """Return all that the network is taught by."""
        seen = self.trunk((pictures.permute(0, 3, 1, 2).float() - 127.5) / 64.0)
        logits = torch.cat([self.heatmaps(seen.cells).flatten(2), self.outside(seen.whole)[:, :, None]], dim=2)
        return Taught(logits.float(), self.sides(seen.whole).float())


def probabilities(
    logits: Float[Tensor, "pictures joints places"], grid_hw: tuple[int, int]
) -> Float[Tensor, "pictures joints rows columns"]:
    """Return how probable each joint is in each cell; what is missing to 1 is outside the picture."""
    return torch.softmax(logits, dim=2)[:, :, :-1].reshape(*logits.shape[:2], *grid_hw)


def decoded(inside: Float[Tensor, "pictures joints rows columns"], mirror: Int[Tensor, "joints"]) -> Joints:
    """Return the mean of each joint's probabilities over the window that holds most of them, and how much it holds.

    Where both joints of a pair would be in one place, one of them takes its second best, unless both are surer of the
    first: left and right are often confused, but seldom cover each other.
    """
    rows, columns = int(inside.shape[2]), int(inside.shape[3])
    x = torch.arange(columns, dtype=torch.float32, device=inside.device)
    y = torch.arange(rows, dtype=torch.float32, device=inside.device)[:, None]
    mass, at_x, at_y = (
        functional.avg_pool2d(values, WINDOW, 1, WINDOW // 2).flatten(2) for values in (inside, inside * x, inside * y)
    )
    first = mass.argmax(dim=2, keepdim=True)
    across, down = (first % columns).float(), (first // columns).float()
    # Windows that overlap the first would hold a part of the same joint.
    far = ((x - across[..., None]).abs() >= WINDOW) | ((y - down[..., None]).abs() >= WINDOW)
    second = (mass * far.flatten(2)).argmax(dim=2, keepdim=True)
    best = torch.where(_moves_away(mass, first, second, mirror, columns), second, first)
    held, x_mean, y_mean = (values.gather(2, best)[..., 0] for values in (mass, at_x, at_y))
    cells = torch.stack([x_mean, y_mean], dim=-1) / held[..., None].clamp(min=1e-12)
    return Joints((cells + 0.5) * STRIDE - 0.5, (held * WINDOW**2).clamp(max=1.0))


def _moves_away(
    mass: Float[Tensor, "pictures joints cells"],
    first: Int[Tensor, "pictures joints 1"],
    second: Int[Tensor, "pictures joints 1"],
    mirror: Int[Tensor, "joints"],
    columns: int,
) -> Bool[Tensor, "pictures joints 1"]:
    """Return which joints take their second best place because their twins are in the first."""
    sure, unsure, twin = mass.gather(2, first), mass.gather(2, second), first[:, mirror]
    apart = torch.maximum((first % columns - twin % columns).abs(), (first // columns - twin // columns).abs())
    shared = (apart <= WINDOW // 2) & (mirror != torch.arange(len(mirror), device=mass.device))[:, None]
    moving, staying = unsure * sure[:, mirror], sure * unsure[:, mirror]
    return shared & (moving > staying) & (moving > COVERING * sure * sure[:, mirror])


def cross_entropy(
    logits: Float[Tensor, "pictures joints places"],
    pixels: Float[Tensor, "pictures joints 2"],
    grid_hw: tuple[int, int],
    spread: float,
) -> Float[Tensor, "pictures joints"]:
    """Return the loss of distributions against the truth: a Gaussian of `spread` cells, or outside the picture."""
    rows, columns = grid_hw
    cell = (pixels + 0.5) / STRIDE - 0.5
    out = (cell[..., 0] < -0.5) | (cell[..., 0] > columns - 0.5) | (cell[..., 1] < -0.5) | (cell[..., 1] > rows - 0.5)
    x = torch.exp(-((torch.arange(columns) - cell[..., :1]) ** 2) / (2 * spread**2))
    y = torch.exp(-((torch.arange(rows) - cell[..., 1:]) ** 2) / (2 * spread**2))
    wanted = (y[..., :, None] * x[..., None, :]).flatten(2)
    wanted = wanted / wanted.sum(dim=2, keepdim=True).clamp(min=1e-9) * ~out[..., None]
    wanted = torch.cat([wanted, out[..., None].float()], dim=2)
    return -(wanted * torch.log_softmax(logits, dim=2)).sum(dim=2)


def side_loss(
    logits: Float[Tensor, "pictures pairs"],
    left: Float[Tensor, "pictures pairs 2"],
    right: Float[Tensor, "pictures pairs 2"],
    weights: Float[Tensor, "pictures pairs"],
) -> Float[Tensor, ""]:
    """Return the loss of `Taught.sides` against the truth; pairs nearer than CLEAR pixels count less."""
    apart = left[..., 0] - right[..., 0]
    counted = weights * (apart.abs() / CLEAR).clamp(max=1.0)
    losses = functional.binary_cross_entropy_with_logits(logits, (apart > 0).float(), reduction="none")
    return (losses * counted).sum() / counted.sum().clamp(min=1.0)
