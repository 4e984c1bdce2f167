"""A lesson that takes milliseconds: a line through points."""

import torch
from torch import Tensor, nn

from epipose.training.loop import Batch, Lesson


class Line(Lesson):
    """Teaches y = 2 x - 1 to a network that drops out, so that random numbers of steps matter."""

    def __init__(self, width: int = 8) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 1))

    def batch(self, number: int) -> Batch:
        generator = torch.Generator().manual_seed(number)
        x = torch.rand(64, 1, generator=generator) * 4 - 2
        return x, 2 * x - 1

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        x, y = batch
        return (net(x) - y).square().mean()

    def score(self, net: nn.Module) -> dict[str, float]:
        x = torch.linspace(-2, 2, 50)[:, None]
        with torch.inference_mode():
            return {"error": float((net(x) - (2 * x - 1)).abs().mean())}
