"""The Refinement Unit of EpipolarPose (Kocabas et al., CVPR 2019), and the lifting network that it is as well.

Two stages of linear layers with residuals; each ends in a whole answer, and both are taught. Fed with a noisy 3D pose
it gives a better one; fed with 2D keypoints it lifts them.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

HIDDEN = 1024
DROPOUT = 0.5


class Refined(NamedTuple):
    """The answers of both stages; the second is the one to use."""

    first: Float[Tensor, "n outputs"]
    second: Float[Tensor, "n outputs"]


class RefinementUnit(nn.Module):
    """From `inputs` to `outputs` numbers, both of mean 0 and deviation 1 over what it is taught on."""

    def __init__(self, inputs: int, outputs: int, hidden: int = HIDDEN, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.begin = _layer(inputs, hidden, dropout)
        self.stages = nn.ModuleList(
            nn.Sequential(_Residual(hidden, dropout), _Residual(hidden, dropout)) for _ in range(2)
        )
        self.answers = nn.ModuleList(nn.Linear(hidden, outputs) for _ in range(2))
        self.again = _layer(outputs, hidden, dropout)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, numbers: Float[Tensor, "n inputs"]) -> Refined:
        """Return both answers."""
        begun = self.begin(numbers)
        staged = self.stages[0](begun)
        first = self.answers[0](staged)
        staged = self.stages[1](staged + self.again(first) + begun) + begun
        return Refined(first, self.answers[1](staged))


class _Residual(nn.Module):
    """Two layers beside the identity."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(_layer(width, width, dropout), _layer(width, width, dropout))

    def forward(self, x: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        changed: Tensor = self.layers(x)
        return x + changed


def _layer(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.LeakyReLU(), nn.Dropout(dropout))
