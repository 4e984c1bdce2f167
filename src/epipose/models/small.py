"""`small`: 3D joints from one crop on any computer, by three one-dimensional distributions for each joint.

Across and down a joint's distributions are the margins of its heatmap. Away from the camera its distribution is read
from the features under that heatmap and from what the whole crop shows: a depth for each joint costs next to nothing,
where a volume of 64^3 cells costs more than the rest of the network.
"""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.models.crop_poses import CropNet, Marginals
from epipose.models.pyramid import Pyramid

PLANES = 64
"""Cells of a joint's distribution away from the camera."""
HIDDEN = 128
"""Channels between features and planes."""


class SmallNet(CropNet):
    """The network for `joints` joints, for pictures of `size` pixels a side."""

    size = 160
    joint_axes: ClassVar = {"heatmaps.weight": 0, "heatmaps.bias": 0, "planes": 0}

    def __init__(self, joints: int) -> None:
        super().__init__()
        self.trunk = Pyramid()
        self.heatmaps = nn.Conv2d(self.trunk.neck, joints, 1)
        self.under = nn.Linear(self.trunk.neck, HIDDEN)
        self.around = nn.Linear(self.trunk.channels, HIDDEN)
        # Each joint has planes of its own: what a forearm's features say of its depth says nothing of a knee's.
        self.planes = nn.Parameter(torch.randn(joints, HIDDEN, PLANES) * (0.1 / HIDDEN**0.5))

    def marginals(self, pictures: Float[Tensor, "n 3 height width"]) -> Marginals:
        """Return the three distributions of each joint."""
        return self.seen(pictures)[0]

    def seen(self, pictures: Float[Tensor, "n 3 height width"]) -> tuple[Marginals, Float[Tensor, "n channels"]]:
        """Return the three distributions of each joint, and what each whole picture shows."""
        seen = self.trunk(pictures)
        logits = self.heatmaps(seen.cells).float()
        shares = torch.softmax(logits.flatten(2), dim=2)
        under = torch.einsum("njc,nfc->njf", shares, seen.cells.flatten(2).float())
        hidden = torch.relu(self.under(under) + self.around(seen.whole)[:, None])
        planes = torch.softmax(torch.einsum("njh,jhp->njp", hidden, self.planes).float(), dim=2)
        shares = shares.view_as(logits)
        return Marginals(shares.sum(dim=2), shares.sum(dim=3), planes), seen.whole
