"""Residual networks without their classifier: what other networks begin with.

He et al., CVPR 2016; bottlenecks have their stride in the 3x3 convolution. Parameters are named as in torchvision, so
that checkpoints of it load.
"""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 32
"""Pixels of the picture for each cell of the features along each side."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs i j"]:
        """Return features."""
        grown = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(grown)) + self.downsample(x), inplace=True)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 beside the identity; four times `width` comes out."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Float[Tensor, "n inputs h w"]) -> Float[Tensor, "n outputs i j"]:
        """Return features."""
        grown = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        grown = functional.relu(self.bn2(self.conv2(grown)), inplace=True)
        return functional.relu(self.bn3(self.conv3(grown)) + self.downsample(x), inplace=True)


LAYERS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
"""By depth: the kind of block, and how many of them at each resolution."""


class ResNet(nn.Module):
    """The trunk of a residual network of some `depth` in LAYERS."""

    def __init__(self, depth: int = 50) -> None:
        super().__init__()
        block, counts = LAYERS[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        widths = [64, 128, 256, 512]
        inputs = [64, *(width * block.expansion for width in widths)]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _layer(block, before, width, count, stride=1 if index == 0 else 2)
            for index, ((before, _), width, count) in enumerate(zip(pairwise(inputs), widths, counts, strict=True))
        )
        self.channels = inputs[-1]
        """Of the features."""

    def forward(self, pictures: Float[Tensor, "n 3 height width"]) -> Float[Tensor, "n channels rows columns"]:
        """Return features at 1/STRIDE of the pictures' size."""
        grown = functional.relu(self.bn1(self.conv1(pictures)), inplace=True)
        grown = functional.max_pool2d(grown, 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            grown = layer(grown)
        return grown


def _layer(
    block: type[BasicBlock] | type[Bottleneck], inputs: int, width: int, count: int, stride: int
) -> nn.Sequential:
    first = block(inputs, width, stride)
    return nn.Sequential(first, *(block(width * block.expansion, width, 1) for _ in range(count - 1)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Return the identity, or what brings the input to the shape of the output."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
