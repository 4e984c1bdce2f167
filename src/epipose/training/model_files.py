"""Networks as ONNX files that run anywhere and that later training can start from.

Weights keep their names of torch and batch norms stay what they are (ONNX Runtime folds them when it loads a file), so
one file serves both.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from epipose.errors import InputError
from epipose.io.model_files import KEY, ModelDescription, parse_description, refuse_checkpoint
from epipose.models.crop_poses import CropPoses, PictureNet
from epipose.models.pictures import normalised

OPSET = 17
HALVED = "_16"
"""After the name of an array that is stored with 16 bits."""
SMALL = 256
"""Arrays with fewer numbers are not worth halving."""


class _OnPictures(nn.Module):
    """A network for pictures as they are stored."""

    def __init__(self, net: PictureNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> CropPoses:
        found: CropPoses = self.net(normalised(pictures))
        return found


def model_bytes(net: nn.Module, description: ModelDescription) -> bytes:
    """Return the content of a network's file; see ModelDescription for what it takes and gives."""
    net = net.cpu().eval()
    outputs = ["positions", "confidence"]
    if isinstance(net, PictureNet):
        pictures = torch.zeros(1, description.size, description.size, 3, dtype=torch.uint8)
        model = onnx.load_model_from_string(exported(_OnPictures(net), pictures, "pictures", outputs))
        _without_prefix(model.graph, "net.")
    else:
        joints = torch.zeros(1, len(description.skeleton), 3)
        model = onnx.load_model_from_string(exported(net, joints, "joints", outputs))
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, description.to_json()
    return halved(bytes(model.SerializeToString()))


def exported(net: nn.Module, example: Tensor, name: str, outputs: list[str], *, folded: bool = False) -> bytes:
    """Return a network as ONNX; `folded`: batch norms become part of other layers, which loses the weights' names."""
    file = io.BytesIO()
    mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
    with warnings.catch_warnings():
        # The exporter that replaces this one needs another package and writes larger graphs.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (example,),
            file,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            training=mode,
            do_constant_folding=folded,
            input_names=[name],
            output_names=outputs,
            dynamic_axes={each: {0: "n"} for each in (name, *outputs)},
        )
    return file.getvalue()


def halved(model: bytes) -> bytes:
    """Store weights with 16 bits; they are made 32-bit numbers again when the model is loaded."""
    graph = onnx.load_model_from_string(model)
    casts = []
    for array in graph.graph.initializer:
        if array.data_type != TensorProto.FLOAT or np.prod(array.dims) < SMALL:
            continue
        name, values = array.name, numpy_helper.to_array(array)
        if np.abs(values).max() > np.finfo(np.float16).max:
            continue
        array.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}{HALVED}"))
        casts.append(helper.make_node("Cast", [f"{name}{HALVED}"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph)
    return bytes(graph.SerializeToString())


def _without_prefix(graph: Any, prefix: str) -> None:
    """Take a prefix off the names of all weights."""
    for array in graph.initializer:
        array.name = array.name.removeprefix(prefix)
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [name.removeprefix(prefix) for name in names]


def read_model(path: Path) -> tuple[ModelDescription, dict[str, Tensor]]:
    """Return what a model file says of itself, and its weights by name; raises InputError for any other file."""
    try:
        content = path.read_bytes()
        refuse_checkpoint(content, path)
        model = onnx.load_model_from_string(content)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} is no model of epipose, or is damaged; use a file that epipose learn wrote"
        ) from error
    told = {entry.key: entry.value for entry in model.metadata_props}
    description = parse_description(told.get(KEY), path)
    weights = {
        array.name.removesuffix(HALVED): torch.from_numpy(numpy_helper.to_array(array).astype(np.float32))
        for array in model.graph.initializer
    }
    # Arrays of equal numbers are stored once.
    for node in model.graph.node:
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return description, weights
