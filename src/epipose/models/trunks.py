"""Networks that represent a crop by some numbers, for whatever wants to know something of it."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.models.crop_poses import crop_poses
from epipose.models.resnet import ResNet
from epipose.models.small import SmallNet
from epipose.models.volumetric import VolumetricNet

WIDE = 512
"""Units of the layers that combine what `small` finds."""
SPREAD = 0.2
"""About how far joints are from the middle of their crop, in its units."""


class Trunk(nn.Module):
    """Represents crops of `size` pixels a side by `width` numbers each."""

    size: int
    width: int
    seeing: nn.Module
    """Its first layers, those that know what people look like rather than what is asked of them."""

    @abstractmethod
    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n numbers"]:
        """Represent RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""


class SmallTrunk(Trunk):
    """`small`: where it finds each of `joints` joints and how sure it is, the whole crop, and what follows."""

    size = SmallNet.size
    seeing: SmallNet

    def __init__(self, joints: int) -> None:
        super().__init__()
        self.seeing = SmallNet(joints)
        found = 4 * joints + self.seeing.trunk.channels
        self.knowing = nn.Sequential(nn.Linear(found, WIDE), nn.ReLU(), nn.Linear(WIDE, WIDE), nn.ReLU())
        self.width = found + WIDE

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n numbers"]:
        """Represent RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""
        marginals, whole = self.seeing.seen(pictures)
        found = crop_poses(marginals)
        numbers = torch.cat([found.positions.flatten(1) / SPREAD, found.confidence, whole], dim=1)
        return torch.cat([numbers, self.knowing(numbers)], dim=1)


class ResNetTrunk(Trunk):
    """A residual network of some depth: the mean over the picture of what it sees."""

    size = VolumetricNet.size

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.seeing = ResNet(depth)
        self.width = self.seeing.channels

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n numbers"]:
        """Represent RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""
        return self.seeing(pictures).mean(dim=(2, 3))  # type: ignore[no-any-return]
