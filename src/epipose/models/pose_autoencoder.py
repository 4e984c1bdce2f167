"""The pose-learning network of Tekin et al. (BMVC 2016): an autoencoder that knows what poses there are.

Its code has more numbers than a pose (2000 for 51, or twice 300), none of them negative: each layer codes linearly and
cuts at 0. Decoding is linear all the way, by the transposed weights of coding (tied) unless it has its own. Poses are
relative to their root, in the camera's axes, in mm. The root stays among the joints as in the paper, where 17 of them
are 51 numbers, though it is always 0.

Inside, the mean pose is taken off and everything is divided by one length, `scale`: one for all numbers, so that noise
stays the same in all directions, codes are in units of it, too, and how a code changes with the pose (mm of code for
mm of pose: what is held small) is the same number as if poses had been fed in mm. The penalty's weight multiplies a
pure number beside squared millimetres; the published 0.1 is so 0.1 mm^2 here.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from epipose.errors import InputError

HIDDEN = (2000,)
"""Units of the published network of one layer; that of two has 300 and 300."""


def usual(poses: Float[Tensor, "n joints 3"]) -> tuple[Float[Tensor, "numbers"], Float[Tensor, ""]]:
    """Return the mean of poses (mm), and the deviation from it over all numbers."""
    numbers = poses.flatten(1)
    mean = numbers.mean(dim=0)
    return mean, (numbers - mean).square().mean().sqrt().clamp(min=1.0)


class CodingLayer(nn.Module):
    """Codes `inputs` numbers by `units` numbers that are not negative, and decodes those linearly."""

    def __init__(self, inputs: int, units: int, *, tied: bool = True) -> None:
        super().__init__()
        # About half of all units answer. So scaled, what they answer gives back about what they were given.
        self.weight = nn.Parameter(torch.randn(units, inputs) * (2 / units) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(units))
        self.back = None if tied else nn.Parameter(self.weight.detach().T.clone())
        self.back_bias = nn.Parameter(torch.zeros(inputs))

    def encode(self, numbers: Float[Tensor, "n inputs"]) -> Float[Tensor, "n units"]:
        """Return the code."""
        return torch.relu(functional.linear(numbers, self.weight, self.bias))

    def decode(self, code: Float[Tensor, "n units"]) -> Float[Tensor, "n inputs"]:
        """Return what a code stands for."""
        return functional.linear(code, self.weight.T if self.back is None else self.back, self.back_bias)


class Coder(nn.Module):
    """Layers on each other; each codes what the one below has coded."""

    def __init__(self, layers: Sequence[CodingLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, numbers: Float[Tensor, "n inputs"]) -> Float[Tensor, "n inputs"]:
        """Return what the code of these numbers stands for."""
        return self.decode(self.encode(numbers))

    def encode(self, numbers: Float[Tensor, "n inputs"]) -> Float[Tensor, "n latent"]:
        """Return the code of the uppermost layer."""
        for layer in self._layers():
            numbers = layer.encode(numbers)
        return numbers

    def decode(self, code: Float[Tensor, "n latent"]) -> Float[Tensor, "n inputs"]:
        """Return what a code stands for."""
        for layer in reversed(self._layers()):
            code = layer.decode(code)
        return code

    def penalty(self, numbers: Float[Tensor, "n inputs"]) -> Float[Tensor, "n"]:
        """Return the squared Frobenius norm of the derivative of each code by what it codes.

        A unit that answers passes changes on by its weights, another one none.
        """
        first, *others = self._layers()
        passed: Tensor = first.weight[None]
        numbers = first.encode(numbers)
        for layer in others:
            passed = layer.weight @ ((numbers > 0)[..., None] * passed)
            numbers = layer.encode(numbers)
        # The uppermost units are cut last: of one layer, nothing as large as pose times code is ever written out.
        return ((numbers > 0) * passed.square().sum(dim=2)).sum(dim=1)

    def _layers(self) -> list[CodingLayer]:
        return [cast(CodingLayer, layer) for layer in self.layers]


class PoseAutoencoder(nn.Module):
    """The network for poses of `joints` joints; of layers of `hidden` units, the lowest first.

    `settle` tells it the poses' mean and scale before it is taught. Raises InputError for layers without units.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, joints: int, hidden: Sequence[int] = HIDDEN, *, tied: bool = True) -> None:
        super().__init__()
        if not hidden or min(hidden) < 1:
            raise InputError(f"an autoencoder of layers of {list(hidden)} units codes nothing; give each one or more")
        self.hidden, self.tied = tuple(hidden), tied
        sizes = pairwise((3 * joints, *hidden))
        self.coder = Coder([CodingLayer(inputs, units, tied=tied) for inputs, units in sizes])
        self.register_buffer("mean", torch.zeros(3 * joints))
        self.register_buffer("scale", torch.ones(()))

    @property
    def latent(self) -> int:
        """How many numbers a code has."""
        return self.hidden[-1]

    def encode(self, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n latent"]:
        """Return the codes of poses (mm), in units of `scale`."""
        return self.coder.encode(self.numbers(poses))

    def decode(self, code: Float[Tensor, "n latent"]) -> Float[Tensor, "n joints 3"]:
        """Return the poses (mm) that codes stand for."""
        return self.poses(self.coder.decode(code))

    def denoise(self, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n joints 3"]:
        """Return the poses (mm) that people could take which these poses mean."""
        return self.decode(self.encode(poses))

    def forward(self, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n joints 3"]:
        """Return what `denoise` does."""
        return self.denoise(poses)

    def penalty(self, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n"]:
        """Return the squared Frobenius norm of the derivative of each code by its pose, both in mm."""
        return self.coder.penalty(self.numbers(poses))

    @torch.no_grad()
    def settle(self, poses: Float[Tensor, "n joints 3"]) -> None:
        """Take the mean, and the deviation from it over all numbers, of these poses (mm)."""
        mean, scale = usual(poses)
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def numbers(self, poses: Float[Tensor, "n joints 3"]) -> Float[Tensor, "n inputs"]:
        """Return poses (mm) as the coder is fed with them."""
        return (poses.flatten(1) - self.mean) / self.scale

    def poses(self, numbers: Float[Tensor, "n inputs"]) -> Float[Tensor, "n joints 3"]:
        """Return the poses (mm) that the coder's numbers are."""
        return (numbers * self.scale + self.mean).reshape(len(numbers), -1, 3)
