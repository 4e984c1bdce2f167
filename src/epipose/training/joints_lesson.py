"""Teaching a trunk to see: where joints are in the crop, before it learns what pose that is.

Tekin et al. (BMVC 2016) begin with convolutions that were taught to detect joints in 2D, and throw the layers behind
them away. Theirs learned from windows over the picture (Li & Chan, ACCV 2014); here a linear layer says the places.
"""

from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from epipose.models.pictures import normalised
from epipose.models.trunks import Trunk
from epipose.training.loop import Batch, Lesson
from epipose.training.structured_lesson import AT_ONCE, BETA, SCORED, Varying, WholePoses, still_crops


class JointsNet(nn.Module):
    """A trunk, and a layer that says where joints are."""

    def __init__(self, trunk: Trunk, joints: int) -> None:
        super().__init__()
        self.size = trunk.size
        self.trunk = trunk
        self.places = nn.Linear(trunk.width, 2 * joints)
        nn.init.normal_(self.places.weight, std=0.1 / trunk.width**0.5)

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n joints 2"]:
        """Return the joints in units of the crop."""
        return torch.unflatten(self.places(self.trunk(pictures)), 1, (-1, 2))


class JointsLesson(Lesson):
    """Teaches such a network; what it is shown is what structured networks are. Everything follows from the seed."""

    def __init__(self, net: JointsNet, shown: Varying, held_out: WholePoses) -> None:
        self.net: JointsNet = net
        self._shown, self._held_out = shown, held_out

    def batch(self, number: int) -> Batch:
        """Return pictures (uint8) and joints in units of the crop."""
        return self._shown.crops(self.net.size, number)[:2]

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        """Return how far places are from the truth."""
        pictures, units = batch
        return functional.smooth_l1_loss(net(normalised(pictures)), units[..., :2], beta=BETA)

    def score(self, net: nn.Module) -> dict[str, float]:
        """Return the mean distance on crops that are held out, in thousandths of the crop's side."""
        errors = []
        for pictures, units, *_ in still_crops(self._held_out.some(SCORED), self.net.size, AT_ONCE):
            device = next(net.parameters()).device
            with torch.inference_mode():
                found = cast(Tensor, net(normalised(pictures.to(device)))).float().cpu()
            errors.append((found - units[..., :2]).norm(dim=-1).mean(dim=1))
        return {"joints_crop": 1000 * float(np.mean(torch.cat(errors).numpy()))}
