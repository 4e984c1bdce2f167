"""MediaPipe Pose (BlazePose, 33 joints, one person) by its legacy API, whose package carries the model: no download."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose import plugins
from epipose.detectors import Detector, Look, People
from epipose.errors import InputError
from epipose.native_output import native_stderr_muted
from epipose.pose.skeletons import Skeleton, load_skeleton

FIRST, LAST = (0, 10, 14), (0, 10, 21)


@dataclass(frozen=True)
class MediaPipePose(Detector):
    """Follows one person from frame to frame; unsmoothed, because its smoothing delays fast joints."""

    uses_all_cores = False

    model_complexity: int = 1
    """0 is faster and 2 more accurate; the package carries 1 only and downloads the others on first use."""

    @property
    def skeleton(self) -> Skeleton:
        """The 33 landmarks of BlazePose."""
        return load_skeleton("mediapipe33")

    @property
    def version(self) -> str:
        """Package version and model."""
        return f"mediapipe {_installed_version()}, model complexity {self.model_complexity}, unsmoothed"

    @contextmanager
    def session(self) -> Iterator[Look]:
        """Start a tracker for one video; the score of a joint is MediaPipe's visibility."""
        _installed_version()
        import mediapipe

        # Of mediapipe's own making, and once per picture; catching it there would not be safe in threads.
        warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype", category=UserWarning)
        with mediapipe.solutions.pose.Pose(model_complexity=self.model_complexity, smooth_landmarks=False) as pose:
            # A first look at nothing draws out what the native library has to say when its models start.
            with native_stderr_muted():
                pose.process(np.zeros((64, 64, 3), np.uint8))
            yield lambda image: _person(pose.process(image).pose_landmarks, image)


def _installed_version() -> str:
    """Return the version of the installed package; raises InputError unless it has the legacy API and its model."""
    try:
        version = metadata.version("mediapipe")
    except metadata.PackageNotFoundError as error:
        raise plugins.missing_extra("the detector 'mediapipe'", "mediapipe") from error
    numbers = tuple(int(number) for number in version.split(".")[:3] if number.isdigit())
    if not FIRST <= numbers <= LAST:
        raise InputError(
            f"mediapipe {version} does not carry the pose model that epipose uses (0.10.14 to 0.10.21 do); "
            "install a fitting one with: pip install 'epipose[mediapipe]'"
        )
    return version


def _person(landmarks: Any, image: UInt8[ndarray, "height width 3"]) -> People:
    """Convert from parts of the picture, measured from its outer edge, to pixels."""
    joints = [] if landmarks is None else [(mark.x, mark.y, mark.visibility) for mark in landmarks.landmark]
    table = np.array(joints, np.float64).reshape(-1, 33, 3)
    size_wh = np.array(image.shape[1::-1])
    return (table[..., :2] * size_wh - 0.5).astype(np.float32), table[..., 2].astype(np.float32)


PLUGIN = MediaPipePose()
