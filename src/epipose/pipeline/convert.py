"""The stage that makes a model file of a checkpoint that others published and the user brings."""

import re
from dataclasses import dataclass
from pathlib import Path

from epipose.errors import InputError
from epipose.geometry.crop_frames import MARGIN
from epipose.io.files import atomic_write
from epipose.io.model_files import ModelDescription
from epipose.plugins import missing_extra
from epipose.pose.skeletons import load_skeleton

_ENDINGS = re.compile(r"(\.pth|\.pt)?(\.tar)?$")


@dataclass(frozen=True)
class Converted:
    """A model file that was made."""

    file: Path
    model: str
    """The kind of network, as `epipose learn` calls it."""
    description: ModelDescription


def convert(checkpoint: Path, out: Path | None = None) -> Converted:
    """Write the model file of a checkpoint of the published EpipolarPose code; prints the terms of its weights.

    Without `out` it goes beside the checkpoint, with the ending .onnx. Raises InputError for any other file.
    """
    try:
        from epipose.models.reference_weights import NOTICE, SKELETONS, load_reference_weights
        from epipose.training.model_files import model_bytes
    except ImportError as error:
        raise missing_extra("reading checkpoints", "train") from error
    file = out or checkpoint.with_name(f"{_ENDINGS.sub('', checkpoint.name)}.onnx")
    if file.suffix != ".onnx":
        raise InputError(f"{file} does not end in .onnx, as model files do; give --out another name")
    net = load_reference_weights(checkpoint)
    model = f"resnet{net.depth}"
    description = ModelDescription(
        file.stem,
        "crop",
        load_skeleton(SKELETONS[net.joints]),
        net.size,
        MARGIN,
        note=f"{model}, from {checkpoint.name}, a checkpoint of the published EpipolarPose code",
        frame="paper",
        terms=NOTICE,
    )
    with atomic_write(file, "wb") as writing:
        writing.write(model_bytes(net, description))
    return Converted(file, model, description)
