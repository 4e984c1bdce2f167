"""Structured prediction of poses (Tekin et al., BMVC 2016): a trunk says the code of a pose, and a decoder decodes it.

Poses are in mm from the root, as the crop shows them: across and down along the picture, away along its camera's axis,
with what perspective does to them undone. A few numbers more say where in the crop the root is and how long the crop's
side is there, so that joints get a place in the picture, too; those are ours, the published network has the person's
box from the answer.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from epipose.models.crop_poses import CropPoses, PictureNet
from epipose.models.pose_autoencoder import CodingLayer, PoseAutoencoder
from epipose.models.trunks import Trunk
from epipose.pose.roots import root_joints
from epipose.pose.skeletons import Skeleton

NEAREST = 0.2
"""Depth of a joint over its root's, at least: nearer ones are in no picture that shows the person."""
PLACING = 4
"""Numbers that place a pose."""
STEP = 0.2
"""Units of the crop, or logarithms of lengths, by which places differ that the network's numbers say are 1 apart."""


class Placed(NamedTuple):
    """Where in each crop a pose is."""

    root: Float[Tensor, "n 2"]
    """Units of the crop."""
    side_mm: Float[Tensor, "n"]
    """Of the crop, at the root's depth."""
    span: Float[Tensor, "n"]
    """The side over the root's depth."""


class Structured(NamedTuple):
    """What the network says of each crop."""

    code: Float[Tensor, "n latent"]
    pose: Float[Tensor, "n joints 3"]
    """From the root, in mm."""
    placed: Placed
    sureness: Float[Tensor, "n joints"]
    """Logits of being near."""


class PoseDecoder(nn.Module):
    """From codes to poses of some joints in mm: linear layers of `sizes` numbers, the code first.

    A code that is `cut` is one of a hidden layer and loses what is negative. With one size a code is the pose itself.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, sizes: Sequence[int], *, cut: bool = False) -> None:
        super().__init__()
        self.latent, self.cut = sizes[0], cut
        self.layers = nn.Sequential(*(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes)))
        self.register_buffer("mean", torch.zeros(sizes[-1]))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, code: Float[Tensor, "n latent"]) -> Float[Tensor, "n joints 3"]:
        """Return the poses."""
        return self._poses(self.layers(torch.relu(code) if self.cut else code))

    def after(self, coding: nn.Linear, seen: Float[Tensor, "n width"]) -> Float[Tensor, "n joints 3"]:
        """Return the poses whose codes `coding` says, by one linear map instead of several where that is the same.

        In an exported network it is a constant, so wide codes cost nothing: most of the time goes by reading weights.
        """
        if self.cut:
            return self(coding(seen))  # type: ignore[no-any-return]
        weight, bias = coding.weight, coding.bias
        for linear in self.layers:
            assert isinstance(linear, nn.Linear)
            weight, bias = linear.weight @ weight, linear(bias)
        return self._poses(functional.linear(seen, weight, bias))

    def _poses(self, numbers: Float[Tensor, "n numbers"]) -> Float[Tensor, "n joints 3"]:
        return torch.unflatten(numbers * self.scale + self.mean, 1, (-1, 3))


def decoder_of(autoencoder: PoseAutoencoder) -> PoseDecoder:
    """Return what decodes as an autoencoder does, with weights of its own."""
    decoder = direct_decoder(autoencoder.mean, autoencoder.scale, autoencoder.hidden[::-1])
    for linear, layer in zip(decoder.layers, reversed(autoencoder.coder.layers), strict=True):
        assert isinstance(linear, nn.Linear)
        assert isinstance(layer, CodingLayer)
        linear.weight.data.copy_(layer.weight.T if layer.back is None else layer.back)
        linear.bias.data.copy_(layer.back_bias)
    return decoder


def direct_decoder(
    mean: Float[Tensor, "numbers"], scale: Float[Tensor, ""], hidden: Sequence[int] = (), *, cut: bool = False
) -> PoseDecoder:
    """Return an untaught decoder for poses of that mean and scale (mm) from codes of hidden[0] numbers.

    Without `hidden` the code is the pose.
    """
    decoder = PoseDecoder((*hidden, len(mean)), cut=cut)
    decoder.mean.copy_(mean)
    decoder.scale.copy_(scale)
    return decoder


def pca_decoder(poses: Float[Tensor, "n joints 3"], components: int, scale: Float[Tensor, ""]) -> PoseDecoder:
    """Return what decodes the first principal components of poses (mm), each of deviation 1."""
    numbers = poses.flatten(1)
    decoder = direct_decoder(numbers.mean(dim=0), scale, (components,))
    _, deviations, axes = torch.linalg.svd(numbers - decoder.mean, full_matrices=False)
    (linear,) = decoder.layers
    assert isinstance(linear, nn.Linear)
    spread = deviations[:components, None] / len(poses) ** 0.5
    linear.weight.data.copy_((spread * axes[:components]).T / scale)
    nn.init.zeros_(linear.bias)
    return decoder


class StructuredNet(PictureNet):
    """A trunk, the code that it says, and what decodes that into a pose of `skeleton`."""

    usual: Tensor

    def __init__(self, trunk: Trunk, decoder: PoseDecoder, skeleton: Skeleton) -> None:
        super().__init__()
        self.size = trunk.size
        self.trunk, self.decoder = trunk, decoder
        self.code = nn.Linear(trunk.width, decoder.latent)
        self.place = nn.Linear(trunk.width, PLACING + len(skeleton))
        # It begins by saying next to nothing of the pose, or of where it is.
        for linear in (self.code, self.place):
            nn.init.normal_(linear.weight, std=0.1 / trunk.width**0.5)
            nn.init.zeros_(linear.bias)
        self.register_buffer("usual", torch.tensor([1000.0, 0.5]))

    @torch.no_grad()
    def settle(self, side_mm: Float[Tensor, "n"], span: Float[Tensor, "n"]) -> None:
        """Begin with the usual length of crops' sides at the root, and that over the root's depth."""
        self.usual.copy_(torch.stack([side_mm.median(), span.median()]))

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> CropPoses:
        """Return the joints of RGB pictures whose channels have ImageNet's mean 0 and deviation 1."""
        seen = self.trunk(pictures)
        placed, sureness = self._placed(seen)
        return CropPoses(in_crop(self.decoder.after(self.code, seen), placed), torch.sigmoid(sureness))

    def said(self, pictures: Float[Tensor, "n 3 height width"]) -> Structured:
        """Return all that there is to teach."""
        seen = self.trunk(pictures)
        code = self.code(seen)
        return Structured(code, self.decoder(code), *self._placed(seen))

    def _placed(self, seen: Float[Tensor, "n width"]) -> tuple[Placed, Float[Tensor, "n joints"]]:
        numbers = self.place(seen)
        side, span = (self.usual * torch.exp(STEP * numbers[:, 2:PLACING])).unbind(dim=1)
        return Placed(STEP * numbers[:, :2], side, span), numbers[:, PLACING:]


def in_crop(pose: Float[Tensor, "n joints 3"], placed: Placed) -> Float[Tensor, "n joints 3"]:
    """Return poses (mm) in units of the crop."""
    units = pose / placed.side_mm[:, None, None]
    depth = units[..., 2:]
    ahead = (1 + placed.span[:, None, None] * depth).clamp(min=NEAREST)
    return torch.cat([placed.root[:, None] + units[..., :2] / ahead, depth], dim=-1)


def out_of_crop(
    units: Float[Tensor, "n joints 3"], side_mm: Float[Tensor, "n"], span: Float[Tensor, "n"], skeleton: Skeleton
) -> Float[Tensor, "n joints 3"]:
    """Return poses (mm, from the root) of joints in units of the crop, of which side and span are known."""
    around = units - units[:, list(root_joints(skeleton))].mean(dim=1, keepdim=True)
    ahead = 1 + span[:, None, None] * units[..., 2:]
    return side_mm[:, None, None] * torch.cat([around[..., :2] * ahead, around[..., 2:]], dim=-1)
