"""EpipolarPose's network (Kocabas et al., CVPR 2019): a residual network and a volume of 64^3 cells for each joint."""

from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.models.crop_poses import CropNet, Marginals
from epipose.models.resnet import ResNet

CELLS = 64
"""Along each side of a joint's volume."""
WIDTH = 256
"""Channels of the deconvolutions."""
DECONVOLUTIONS = 3
INITIAL_STD = 0.001


class VolumetricNet(CropNet):
    """`joints` volumes from pictures of 256 pixels a side, which are four pixels to a cell.

    Parameters of trunk and head are named as in checkpoints of the published code; see `reference_weights`.
    """

    size = 256
    joint_axes: ClassVar = {"final_layer.weight": 0, "final_layer.bias": 0}

    def __init__(self, joints: int, depth: int = 50) -> None:
        super().__init__()
        self.joints, self.depth = joints, depth
        self.trunk = ResNet(depth)
        channels = [self.trunk.channels, *[WIDTH] * DECONVOLUTIONS]
        self.deconv_layers = nn.Sequential()
        for inputs, outputs in pairwise(channels):
            self.deconv_layers.append(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))
            self.deconv_layers.append(nn.BatchNorm2d(outputs))
            self.deconv_layers.append(nn.ReLU(inplace=True))
        self.final_layer = nn.Conv2d(WIDTH, joints * CELLS, 1)
        for layer in (*self.deconv_layers, self.final_layer):
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, std=INITIAL_STD)
        nn.init.zeros_(self.final_layer.bias)  # type: ignore[arg-type]

    def marginals(self, pictures: Float[Tensor, "n 3 256 256"]) -> Marginals:
        """Return the three distributions of each joint."""
        return marginals(self.volumes(pictures))

    def volumes(self, pictures: Float[Tensor, "n 3 256 256"]) -> Float[Tensor, "n joints z y x"]:
        """Return the logits of every cell; channel joint * CELLS + z of the last convolution."""
        found = self.final_layer(self.deconv_layers(self.trunk(pictures)))
        return torch.unflatten(found, 1, (self.joints, CELLS))


def marginals(volumes: Float[Tensor, "n joints z y x"]) -> Marginals:
    """Return the softmax over each volume, summed over planes."""
    shares = torch.softmax(volumes.flatten(2), dim=2, dtype=torch.promote_types(volumes.dtype, torch.float32))
    shares = shares.view_as(volumes)
    plane = shares.sum(dim=2)
    return Marginals(plane.sum(dim=2), plane.sum(dim=3), shares.sum(dim=(3, 4)))
