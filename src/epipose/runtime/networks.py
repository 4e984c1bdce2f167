"""Model files by name or path, opened with ONNX Runtime."""

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.model_files import KEY, ModelDescription, parse_description, refuse_checkpoint

SUFFIX = ".onnx"
MOST_THREADS = 4
"""More of them gain little on one crop."""

_REMEDY = "use a file that epipose learn wrote"
_INPUTS = {"crop": ("pictures", "tensor(uint8)"), "lift": ("joints", "tensor(float)")}
_OUTPUTS = ["positions", "confidence"]


@dataclass(frozen=True, eq=False)
class Network:
    """A network that is ready to run; several threads may."""

    description: ModelDescription
    session: Any

    def __call__(self, given: ndarray) -> tuple[Float32[ndarray, "n joints 3"], Float32[ndarray, "n joints"]]:
        """Return positions in units of the crop and confidences for `given`, see `ModelDescription`.

        A joint for which the network gives no finite number has confidence 0, in the middle of the crop.
        """
        name, _ = _INPUTS[self.description.kind]
        positions, confidence = self.session.run(_OUTPUTS, {name: given})
        finite = np.isfinite(positions).all(axis=-1) & np.isfinite(confidence)
        return np.where(finite[..., None], positions, 0), np.where(finite, np.clip(confidence, 0, 1), 0)


def network_names(capture: Path | None = None) -> list[str]:
    """Return the names of the models that come with epipose, and of those that `capture` taught, sorted."""
    shipped = _weights()
    names = {file.name.removesuffix(SUFFIX) for file in shipped.iterdir()} if shipped.is_dir() else set()
    names = {name for name in names if (shipped / f"{name}{SUFFIX}").is_file()}
    learned = {file.parent.name for file in capture.glob(f"models/*/*{SUFFIX}")} if capture is not None else set()
    return sorted(names | {name for name in learned if _in_folder(capture, name).is_file()})


def find_network(name: str, capture: Path | None = None) -> Path:
    """Return the model file called `name`: a file, a folder models/NAME, one that `capture` taught, or one of ours.

    Raises InputError, with the names that there are, if there is none.
    """
    path, shipped = Path(name), Path(str(_weights() / f"{name}{SUFFIX}"))
    inside = [path / f"{path.resolve().name}{SUFFIX}"] if path.is_dir() else [path]
    for file in (*inside, _in_folder(capture, name), shipped):
        if file.is_file():
            return file
    names = ", ".join(network_names(capture)) or "none is here"
    raise InputError(f"there is no model {name!r} ({names}); choose one of these, or name a file: {_REMEDY}")


def open_network(path: Path, *, threads: int | None = None) -> Network:
    """Return the network of a model file; raises InputError for a file that is none of ours, or is damaged.

    It runs on `threads` cores, by default all but no more than MOST_THREADS.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {_REMEDY}") from error
    refuse_checkpoint(content, path)
    session = _session(path, content, threads or min(os.cpu_count() or 1, MOST_THREADS))
    description = parse_description(session.get_modelmeta().custom_metadata_map.get(KEY), path)
    if not _keeps(description, session):
        raise InputError(f"{path} does not take or give what it says of itself; {_REMEDY}")
    return Network(description, session)


def _weights() -> Any:
    return resources.files("epipose.runtime") / "weights"


def _in_folder(capture: Path | None, name: str) -> Path:
    return (capture or Path()) / "models" / name / f"{name}{SUFFIX}"


def _session(path: Path, content: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # what it has to say of a damaged file is in the exception
    # Threads that wait busily would take the cores of decoding and drawing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _errors() as error:
        raise InputError(f"{path} is no ONNX file that can be run, or is damaged; {_REMEDY}") from error


def _errors() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NoSuchFile", "NotImplemented")
    own = (getattr(state, name) for name in (*names, "RuntimeException"))
    return *own, RuntimeError, ValueError


def _keeps(described: ModelDescription, session: Any) -> bool:
    """Return whether a network takes and gives what its description says."""
    joints, size = len(described.skeleton), described.size
    if [(one.name, one.type) for one in session.get_inputs()] != [_INPUTS[described.kind]]:
        return False
    # What shapes do not tell, a trial does.
    given = np.zeros((2, size, size, 3), np.uint8) if described.kind == "crop" else np.zeros((2, joints, 3), np.float32)
    try:
        outputs = session.run(_OUTPUTS, {_INPUTS[described.kind][0]: given})
    except _errors():
        return False
    return [(array.shape, array.dtype) for array in outputs] == [
        ((2, joints, 3), np.float32),
        ((2, joints), np.float32),
    ]
