"""Pictures as networks want them."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of red, green and blue (0 to 255) over ImageNet."""


def normalised(pictures: UInt8[Tensor, "n height width 3"]) -> Float[Tensor, "n 3 height width"]:
    """Return RGB pictures with channels of ImageNet's mean 0 and deviation 1."""
    mean, deviation = (torch.tensor(values, device=pictures.device) for values in (MEAN, DEVIATION))
    return ((pictures.float() - mean) / deviation).permute(0, 3, 1, 2)
