"""RTMPose through rtmlib: several people, ONNX Runtime; it downloads its models on first use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose import plugins
from epipose.detectors import Detector, Look, People
from epipose.errors import InputError
from epipose.pose.skeletons import Skeleton, load_skeleton


@dataclass(frozen=True)
class RtmlibBody(Detector):
    """Looks at every frame afresh; the order of people may change from frame to frame."""

    uses_all_cores = True

    feet: bool = True
    """Halpe's 26 joints with toes and heels, or COCO's 17 without."""
    mode: Literal["lightweight", "balanced", "performance"] = "balanced"
    device: Literal["cpu", "cuda", "mps"] = "cpu"

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the chosen model."""
        return load_skeleton("halpe26" if self.feet else "coco17")

    @property
    def version(self) -> str:
        """Package version and model; not the device, whose results agree to rounding."""
        try:
            installed = metadata.version("rtmlib")
        except metadata.PackageNotFoundError as error:
            raise _missing() from error
        return f"rtmlib {installed}, {'halpe26' if self.feet else 'coco17'}, {self.mode}"

    @contextmanager
    def session(self) -> Iterator[Look]:
        """Load the person detector and the pose model, fetching them if they were never used before."""
        try:
            import rtmlib
        except ImportError as error:
            raise _missing() from error
        solution = rtmlib.BodyWithFeet if self.feet else rtmlib.Body
        try:
            with redirect_stdout(sys.stderr):  # it prints where its models are
                model = solution(mode=self.mode, backend="onnxruntime", device=self.device, to_openpose=False)
        except OSError as error:
            raise InputError(
                f"the models of rtmlib could not be fetched ({error}); connect to the internet for the first use"
            ) from error
        yield lambda image: _people(model, image, len(self.skeleton))


def _missing() -> InputError:
    return plugins.missing_extra("the detector 'rtmlib'", "rtmlib")


def _people(model: Any, image: UInt8[ndarray, "height width 3"], joints: int) -> People:
    """Show the model BGR, as it wants; its pixels count from the first pixel's centre already (warpAffine's)."""
    pixels, scores = model(np.ascontiguousarray(image[..., ::-1]))
    return (
        np.asarray(pixels, np.float32).reshape(-1, joints, 2),
        np.asarray(scores, np.float32).reshape(-1, joints),
    )


PLUGIN = RtmlibBody()
