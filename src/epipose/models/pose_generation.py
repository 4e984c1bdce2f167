"""The pose-generation network of Tekin et al. (BMVC 2016): from a picture of a person to the code of the pose.

Three convolutions with pooling, three wide layers with dropout, and a linear one that answers with the code of
`models.pose_autoencoder`, which decodes it. How many channels the layers have is drawn in the paper's figure only; a
batch norm after the convolutions is not the paper's, but that of a known reimplementation, whose size this network has.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

STORED, SIZE = 128, 112
"""Pixels a side of crops, and of the part of them that the network sees: the middle, or any while it is taught."""
CHANNELS, KERNELS = (36, 72, 72), (9, 5, 5)
WIDE = (512, 2048, 4096)
DROPOUT = 0.5


class PoseGenerationNet(nn.Module):
    """The network for codes of `latent` numbers."""

    size = STORED

    def __init__(self, latent: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, side = 3, SIZE
        for more, kernel in zip(CHANNELS, KERNELS, strict=True):
            layers += [nn.Conv2d(channels, more, kernel), nn.ReLU(), nn.MaxPool2d(2)]
            channels, side = more, (side - kernel + 1) // 2
        self.seeing = nn.Sequential(*layers, nn.BatchNorm2d(channels))
        wide: list[nn.Module] = []
        inputs = channels * side**2
        for units in WIDE:
            wide += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(dropout)]
            inputs = units
        self.knowing = nn.Sequential(*wide)
        self.answer = nn.Linear(inputs, latent)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        # It begins by saying next to nothing of the pose.
        nn.init.normal_(self.answer.weight, std=0.1 / inputs**0.5)

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n latent"]:
        """Return the codes of RGB pictures of SIZE pixels or more, of which the middle is seen.

        Their channels have ImageNet's mean 0 and deviation 1.
        """
        top, left = ((int(length) - SIZE) // 2 for length in pictures.shape[2:])
        seen = self.seeing(pictures[:, :, top : top + SIZE, left : left + SIZE])
        return self.answer(self.knowing(torch.flatten(seen, 1)))  # type: ignore[no-any-return]
