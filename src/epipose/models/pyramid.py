"""A small trunk for networks that must run on any computer: residual stages, and a way back to a quarter of the size.

Fully convolutional: any size that 32 divides will do.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
"""Pixels of a cell of the features along each side."""


class Features(NamedTuple):
    """What the trunk sees in each picture."""

    cells: Float[Tensor, "pictures neck rows columns"]
    """At 1/STRIDE of its size."""
    whole: Float[Tensor, "pictures channels"]
    """The mean over the picture at 1/32 of its size."""


class Pyramid(nn.Module):
    """The trunk; `widths` are the channels at 1/4, 1/8, 1/16 and 1/32, `depths` the residual blocks there.

    Features as in feature pyramid networks (Lin et al., CVPR 2017), with what the whole picture shows added at the top.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (32, 64, 128, 192),
        depths: tuple[int, int, int, int] = (1, 2, 3, 3),
        neck: int = 48,
    ) -> None:
        super().__init__()
        self.neck, self.channels = neck, widths[-1]
        self.stem = nn.Sequential(_conv(3, widths[0] // 2, stride=2), _conv(widths[0] // 2, widths[0], stride=2))
        self.stages = nn.ModuleList(
            _stage(widths[max(0, i - 1)], width, depth, stride=2 if i else 1)
            for i, (width, depth) in enumerate(zip(widths, depths, strict=True))
        )
        self.laterals = nn.ModuleList(nn.Conv2d(width, neck, 1) for width in widths)
        self.merges = nn.ModuleList(_conv(neck, neck) for _ in widths[1:])
        self.context = nn.Linear(widths[-1], neck)

    def forward(self, pictures: Float[Tensor, "pictures 3 height width"]) -> Features:
        """Return the features of RGB pictures, whose channels have about mean 0 and deviation 1."""
        grown = self.stem(pictures.contiguous(memory_format=torch.channels_last))
        levels = []
        for stage in self.stages:
            grown = stage(grown)
            levels.append(grown)
        whole = grown.mean(dim=(2, 3))
        merged = self.laterals[3](levels[3]) + self.context(whole)[:, :, None, None]
        for level in (2, 1, 0):
            wider = functional.interpolate(merged, scale_factor=2.0, mode="nearest")
            merged = self.merges[level](wider + self.laterals[level](levels[level]))
        return Features(merged, whole)


class _Residual(nn.Module):
    """Two 3x3 convolutions beside the identity (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, stride=stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        same = stride == 1 and inputs == outputs
        self.beside = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )  # fmt: skip

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d i j"]:
        return functional.relu(self.second(self.first(x)) + self.beside(x))


def _stage(inputs: int, outputs: int, depth: int, stride: int) -> nn.Sequential:
    first = _Residual(inputs, outputs, stride)
    return nn.Sequential(first, *(_Residual(outputs, outputs, 1) for _ in range(depth - 1)))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
