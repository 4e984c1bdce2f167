"""Reading checkpoints of the published EpipolarPose code that users bring; none comes with epipose.

The names and shapes in such files are all that is known of them here (see the module's tests); no code of it was used.
"""

import pickle
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from epipose.errors import InputError
from epipose.models.resnet import LAYERS, Bottleneck
from epipose.models.volumetric import CELLS, VolumetricNet

NOTICE = (
    "These weights come from the published EpipolarPose code, whose licence allows non-commercial research only and no "
    "redistribution; that holds for everything learned from them, too."
)
SKELETONS = {16: "mpii16", 17: "h36m17"}
"""By how many there are, which joints, in which order: of networks taught without 3D labels, and with them."""
PREFIX = "module."
"""Before every name in a checkpoint that was saved from several GPUs."""
_DAMAGED = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
)
"""What torch raises for files that are cut short or wrong somewhere."""
_NUMBERS: list[Any] = [np.dtype, type(np.dtype(np.float32)), type(np.dtype(np.float64)), np.float32, np.float64]
"""What such files hold beside tensors: scores of epochs as NumPy's numbers."""


def load_reference_weights(path: Path) -> VolumetricNet:
    """Return the network of a checkpoint, ready to use; joints and depth are inferred, the licence is printed.

    Reads bare weights and training checkpoints, of one GPU or several. Nothing in the file is executed. Raises
    InputError for a file that is missing, damaged, of another architecture, or that would run code.
    """
    weights = {_ours(name.removeprefix(PREFIX)): value for name, value in _weights(path).items()}
    joints, depth = _joints(path, weights), _depth(path, weights)
    net = VolumetricNet(joints, depth)
    expected = net.state_dict()
    wrong = sorted(
        name
        for name in expected.keys() | weights.keys()
        if name not in expected or name not in weights or expected[name].shape != weights[name].shape
    )
    # Counters of batches are missing in files of early versions of torch, and of no use here.
    wrong = [name for name in wrong if not name.endswith("num_batches_tracked")]
    if wrong:
        raise InputError(
            f"{path} is not a ResNet-{depth} with {joints} volumes: {len(wrong)} of its tensors are missing, more or of"
            f" another shape, {wrong[0]} for one; use a checkpoint of the volumetric network"
        )
    net.load_state_dict(weights, strict=False)
    print(NOTICE, file=sys.stderr)
    return net.eval()


def _weights(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a file by name."""
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a checkpoint of the published code")
    try:
        with torch.serialization.safe_globals([_scalar(), *_NUMBERS]):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is damaged, or holds more than numbers and could run code; it was not loaded"
        ) from error
    except _DAMAGED as error:
        raise InputError(f"{path} is no checkpoint of torch, or is damaged; get it again") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{path} holds no weights by name; use model_best.pth.tar of the published code")
    return content


def _scalar() -> Any:
    """Return the function by which NumPy's numbers are pickled."""
    return np.float64(0).__reduce__()[0]


def _ours(name: str) -> str:
    """Return our name of a tensor: trunk and head are one module there."""
    return name if name.startswith(("deconv_layers.", "final_layer.")) else f"trunk.{name}"


def _joints(path: Path, weights: Mapping[str, Tensor]) -> int:
    last = weights.get("final_layer.weight")
    if last is None or last.ndim != 4 or len(last) % CELLS:
        raise InputError(
            f"{path} has no last layer of joints x {CELLS} channels; use a checkpoint of the volumetric network"
        )
    joints = len(last) // CELLS
    if joints not in SKELETONS:
        known = " or ".join(map(str, SKELETONS))
        raise InputError(f"{path} finds {joints} joints, and nothing says which; published networks find {known}")
    return joints


def _depth(path: Path, weights: Mapping[str, Tensor]) -> int:
    """Return the depth of the trunk, by its kind of block and how many blocks there are."""
    counts = tuple(
        len({name.split(".")[2] for name in weights if name.startswith(f"trunk.layer{layer}.")})
        for layer in range(1, 5)
    )
    bottlenecks = "trunk.layer1.0.conv3.weight" in weights
    for depth, (block, blocks) in LAYERS.items():
        if counts == blocks and (block is Bottleneck) == bottlenecks:
            return depth
    known = ", ".join(map(str, LAYERS))
    raise InputError(f"{path} has a trunk of {counts} blocks, which is no ResNet-{known}; use another checkpoint")
