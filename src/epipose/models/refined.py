"""A network that sees one crop, and behind it the Refinement Unit that turns the poses it finds into better ones."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.models.crop_poses import CropPoses, PictureNet
from epipose.models.refinement import RefinementUnit
from epipose.pose.roots import root_joints
from epipose.pose.skeletons import Skeleton

HIDDEN, DROPOUT = 512, 0.5
LEAST = 1e-3
"""Deviation that numbers are taken to have at least: of those that never differ."""


class Correction(nn.Module):
    """The unit, between poses in units of a crop.

    It sees where joints are from the root, over the mean length of bones, so that a body is as large whatever part of
    the crop it fills, and how sure each is. What it says is added to the pose. Both are of mean 0 and deviation 1 over
    the poses that `settle` is told.
    """

    mean: Tensor
    deviation: Tensor
    usual: Tensor
    spread: Tensor

    def __init__(self, skeleton: Skeleton, hidden: int = HIDDEN, dropout: float = DROPOUT) -> None:
        super().__init__()
        joints = len(skeleton)
        self._root, self._bones = list(root_joints(skeleton)), skeleton.bones
        self.unit = RefinementUnit(4 * joints, 3 * joints, hidden, dropout)
        # It begins by saying next to nothing, which leaves poses as they are.
        for weights in self.unit.answers.parameters():
            nn.init.normal_(weights, std=0.02 / hidden**0.5)
        for name, count in (("mean", 4 * joints), ("usual", 3 * joints)):
            self.register_buffer(name, torch.zeros(count))
        for name, count in (("deviation", 4 * joints), ("spread", 3 * joints)):
            self.register_buffer(name, torch.ones(count))

    def forward(self, found: CropPoses) -> CropPoses:
        """Return better poses, as sure as they were."""
        return CropPoses(self.answers(found)[1], found.confidence)

    def answers(self, found: CropPoses) -> tuple[Float[Tensor, "n joints 3"], Float[Tensor, "n joints 3"]]:
        """Return the positions of joints that both stages answer, to be taught."""
        numbers, size = self._seen(found)
        first, second = (
            found.positions + size * (answer.float() * self.spread + self.usual).unflatten(1, (-1, 3))
            for answer in self.unit((numbers - self.mean) / self.deviation)
        )
        return first, second

    @torch.no_grad()
    def settle(self, found: CropPoses, truth: Float[Tensor, "n joints 3"], weights: Float[Tensor, "n joints"]) -> None:
        """Take the mean and the deviation of what the unit sees, and of what it should say, from these poses."""
        numbers, size = self._seen(found)
        self.mean.copy_(numbers.mean(dim=0))
        self.deviation.copy_(numbers.std(dim=0).clamp(min=LEAST))
        off = ((truth - found.positions) / size).flatten(1)
        known = (weights > 0).float().repeat_interleave(3, dim=1)
        count = known.sum(dim=0).clamp(min=1)
        self.usual.copy_((known * off).sum(dim=0) / count)
        self.spread.copy_(((known * (off - self.usual).square()).sum(dim=0) / count).sqrt().clamp(min=LEAST))

    def _seen(self, found: CropPoses) -> tuple[Float[Tensor, "n numbers"], Float[Tensor, "n 1 1"]]:
        """Return the unit's numbers before they are of mean 0 and deviation 1, and the mean length of bones."""
        around = found.positions - found.positions[:, self._root].mean(dim=1, keepdim=True)
        size = mean_bone(around, self._bones)
        return torch.cat([(around / size).flatten(1), found.confidence], dim=1), size


class RefinedNet(PictureNet):
    """A network that finds poses in crops, which stays as it is, and what corrects them."""

    def __init__(self, finding: PictureNet, correction: Correction) -> None:
        super().__init__()
        self.size = finding.size
        self.finding, self.correction = finding, correction

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> CropPoses:
        """Return the joints of RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""
        corrected: CropPoses = self.correction(self.finding(pictures))
        return corrected


def mean_bone(positions: Float[Tensor, "n joints 3"], bones: Sequence[tuple[int, int]]) -> Float[Tensor, "n 1 1"]:
    """Return the mean length of the `bones` (parent, child) of each pose, never 0."""
    parents, children = (list(ends) for ends in zip(*bones, strict=True))
    lengths: Tensor = (positions[:, parents] - positions[:, children]).norm(dim=-1)
    return lengths.mean(dim=1)[:, None, None].clamp(min=LEAST)
