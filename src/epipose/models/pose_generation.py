"""What sees in the pose-generation network of Tekin et al. (BMVC 2016): three convolutions and three wide layers.

Convolutions are followed by pooling, wide layers by dropout. How many channels and units they have is drawn in the
paper's figure only; a batch norm after the convolutions is not the paper's, but that of a known reimplementation, whose
size this trunk has.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epipose.models.trunks import Trunk

STORED, SIZE = 128, 112
"""Pixels a side of the published crops, and of the part of them that is seen: the middle, or any while it is taught."""
CHANNELS, KERNELS = (36, 72, 72), (9, 5, 5)
WIDE = (512, 2048, 4096)
DROPOUT = 0.5


class PoseGenerationTrunk(Trunk):
    """Represents a picture by 4096 numbers."""

    size = SIZE
    width = WIDE[-1]

    def __init__(self, dropout: float = DROPOUT) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, side = 3, SIZE
        for more, kernel in zip(CHANNELS, KERNELS, strict=True):
            # Pooled first, the same comes of it, and there is a quarter to cut.
            layers += [nn.Conv2d(channels, more, kernel), nn.MaxPool2d(2), nn.ReLU()]
            channels, side = more, (side - kernel + 1) // 2
        self.seeing = nn.Sequential(*layers, nn.BatchNorm2d(channels))
        wide: list[nn.Module] = []
        inputs = channels * side**2
        for units in WIDE:
            wide += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(dropout)]
            inputs = units
        self.knowing = nn.Sequential(*wide)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n numbers"]:
        """Represent RGB pictures of SIZE pixels or more, of which the middle is seen."""
        top, left = ((int(length) - SIZE) // 2 for length in pictures.shape[2:])
        seen = self.seeing(pictures[:, :, top : top + SIZE, left : left + SIZE])
        return self.knowing(torch.flatten(seen, 1))  # type: ignore[no-any-return]
