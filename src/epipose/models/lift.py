"""`lift`: 3D joints from the 2D joints that a detector found, by the Refinement Unit.

It sees no picture, so it cannot learn a place or a person by their looks; it is only as good as the detector.
"""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.models.crop_poses import CropPoses
from epipose.models.refinement import RefinementUnit

HIDDEN = 512
DROPOUT = 0.05
SPREAD = 0.2
"""About how far joints are from the middle of their crop and from each other's depth, in units of the crop."""


class LiftNet(nn.Module):
    """The network for `joints` joints.

    What it is fed with is (n, joints, 3): x and y in units of the crop (see `geometry.crop_frames`) and a weight, 0 to
    1. Joints of weight 0 were not found; where they are does not matter.
    """

    joint_axes: ClassVar = {
        "unit.begin.0.weight": 1,
        "unit.again.0.weight": 1,
        **{f"unit.answers.{stage}.{part}": 0 for stage in (0, 1) for part in ("weight", "bias")},
    }
    """By the name of a parameter, the axis along which it has an equal part for each joint."""

    def __init__(self, joints: int, hidden: int = HIDDEN, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.unit = RefinementUnit(3 * joints, 4 * joints, hidden, dropout)
        # It begins by saying that joints are where they were found, and flat: else it learns that first, for long.
        for weights in self.unit.answers.parameters():
            nn.init.normal_(weights, std=0.02 / hidden**0.5)

    def forward(self, joints: Float[Tensor, "n joints 3"]) -> CropPoses:
        """Return the joints in 3D, also those that were not found, and how sure it is of each."""
        answer = self.answers(joints)[1]
        return CropPoses(answer.positions, torch.sigmoid(answer.confidence))

    def answers(self, joints: Float[Tensor, "n joints 3"]) -> tuple[CropPoses, CropPoses]:
        """Return what both stages answer, to be taught; confidences are logits."""
        found = joints[..., 2:] > 0
        across = torch.where(found, joints[..., :2], torch.zeros_like(joints[..., :2]))
        fed = torch.cat([across / SPREAD, joints[..., 2:]], dim=-1)
        # The unit says what to add to where joints were found, and how deep they are.
        begin = torch.cat([across, torch.zeros_like(joints[..., 2:])], dim=-1)
        first, second = (numbers.unflatten(1, (-1, 4)).float() for numbers in self.unit(fed.flatten(1)))
        return _poses(begin, first), _poses(begin, second)


def _poses(begin: Float[Tensor, "n joints 3"], numbers: Float[Tensor, "n joints 4"]) -> CropPoses:
    return CropPoses(begin + SPREAD * numbers[..., :3], numbers[..., 3])
