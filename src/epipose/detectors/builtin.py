"""epipose's own detector: a small network taught on synthetic people alone; several people, nothing to download."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.detectors import Detector, Look, People
from epipose.detectors._following import Follower
from epipose.detectors._network import FILE, SIZE
from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton, load_skeleton

REVISION = 2
"""To be raised with every change of how the network is used: keypoints of an earlier one are then detected anew."""
THREADS = 1
"""Of one session: views are looked at side by side, one a core."""


@dataclass(frozen=True)
class Builtin(Detector):
    """Follows everybody from frame to frame and looks around for newcomers; scores are probabilities."""

    uses_all_cores = False

    @property
    def skeleton(self) -> Skeleton:
        """COCO's joints and Human3.6M's."""
        return load_skeleton("body21")

    @property
    def version(self) -> str:
        """Which network and which way of using it."""
        return f"builtin {hashlib.sha256(_model()).hexdigest()[:16]}, revision {REVISION}"

    @contextmanager
    def session(self) -> Iterator[Look]:
        """Load the network for one video."""
        session = _onnx_session()
        follower = Follower(lambda pictures: _run(session, pictures), SIZE, self.skeleton.bones)
        joints = len(self.skeleton)

        def look(image: UInt8[ndarray, "height width 3"]) -> People:
            people = follower.look(image)
            pixels = [person.pixels for person in people]
            scores = [person.score for person in people]
            return np.reshape(pixels, (-1, joints, 2)).astype(np.float32), np.reshape(scores, (-1, joints)).astype(
                np.float32
            )

        yield look


@cache
def _model() -> bytes:
    """Return the network's file; raises InputError if the installation lacks it."""
    file = resources.files("epipose.detectors") / FILE
    if not file.is_file():
        raise InputError(
            f"{file} is missing; install epipose anew, or export one with: python -m epipose.training.export"
        )
    return file.read_bytes()


@cache
def _onnx_session() -> Any:
    """Return ONNX Runtime with the network in it, which any number of threads may run at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    # Threads that wait busily would take the cores of the video decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(_model(), options, providers=["CPUExecutionProvider"])


def _run(session: Any, pictures: UInt8[ndarray, "pictures size size 3"]) -> tuple[ndarray, ndarray]:
    """Return pixels and scores of the joints in each picture."""
    pixels, scores = session.run(["pixels", "score"], {"pictures": pictures})
    return np.asarray(pixels), np.asarray(scores)


PLUGIN = Builtin()
