"""What networks that see one crop say about the person in it: 3D joints in units of the crop, and how sure they are.

Each joint has one distribution along each of x, y and z. Cell i of an axis stands for i / cells - 0.5, which is what
Sun et al. (integral regression, ECCV 2018) and EpipolarPose (CVPR 2019) count in.
"""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.geometry.crop_frames import NEAR as NEAR


class PictureNet(nn.Module):
    """A network that sees one crop of `size` pixels a side."""

    size: int

    @abstractmethod
    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> "CropPoses":
        """Return the joints of RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""


class CropNet(PictureNet):
    """A network that has distributions of joints, by which it is taught."""

    joint_axes: ClassVar[dict[str, int]]
    """By the name of a parameter, the axis along which it has an equal part for each joint."""

    @abstractmethod
    def marginals(self, pictures: Float[Tensor, "n 3 height width"]) -> "Marginals":
        """Return the three distributions of each joint."""

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> "CropPoses":
        """Return the joints of RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""
        return crop_poses(self.marginals(pictures))


class CropPoses(NamedTuple):
    """The person in each crop."""

    positions: Float[Tensor, "n joints 3"]
    """x to the right and y down from the crop's middle, z away from the camera from the root; in units of the crop's
    side, each in [-0.5, 0.5)."""
    confidence: Float[Tensor, "n joints"]
    """How probable it is, 0 to 1, that each joint is within NEAR of there along all axes."""


class Marginals(NamedTuple):
    """How probable each cell is along each axis; every row sums to 1."""

    x: Float[Tensor, "n joints columns"]
    y: Float[Tensor, "n joints rows"]
    z: Float[Tensor, "n joints planes"]


def crop_poses(marginals: Marginals) -> CropPoses:
    """Return the mean of each distribution, and how much of it lies near."""
    places = [_mean(axis) for axis in marginals]
    near = [_near(axis, place) for axis, place in zip(marginals, places, strict=True)]
    return CropPoses(torch.stack(places, dim=-1), near[0] * near[1] * near[2])


def cells(axis: Float[Tensor, "n joints cells"]) -> Float[Tensor, "cells"]:
    """Return what the cells of a distribution stand for."""
    count = int(axis.shape[-1])
    return torch.arange(count, dtype=axis.dtype, device=axis.device) / count - 0.5


def _mean(axis: Float[Tensor, "n joints cells"]) -> Float[Tensor, "n joints"]:
    return axis @ cells(axis)


def _near(axis: Float[Tensor, "n joints cells"], place: Float[Tensor, "n joints"]) -> Float[Tensor, "n joints"]:
    near = (cells(axis) - place[..., None]).abs() <= NEAR
    return (axis * near).sum(dim=-1).clamp(max=1.0)
