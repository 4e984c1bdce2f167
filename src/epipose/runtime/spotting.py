"""People that a 2D detector sees, in the joints of a network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from epipose.detectors import Detector, Look
from epipose.pose.conversion import conversion
from epipose.pose.skeletons import Skeleton

SURE = 0.2
"""Score from which a joint tells where its person is."""
FEWEST_JOINTS = 4
"""That must be sure."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Joints of one person in pixels of the picture, and their scores from 0 to 1."""

    pixels: Float[ndarray, "joints 2"]
    score: Float[ndarray, "joints"]

    @property
    def sure(self) -> Bool[ndarray, "joints"]:
        """Which joints tell where the person is."""
        return self.score >= SURE


class Spotter:
    """A detector for a network of some skeleton; joints that the detector lacks are made of others, or have score 0."""

    def __init__(self, detector: Detector, skeleton: Skeleton) -> None:
        self.detector = detector
        self._conversion = conversion(detector.skeleton, skeleton)

    def people(self, look: Look, picture: UInt8[ndarray, "height width 3"]) -> list[Seen]:
        """Return who is in a picture, by an open session of the detector."""
        pixels, scores = look(picture)
        finite = np.isfinite(pixels).all(axis=-1) & np.isfinite(scores)
        pixels, scores = np.where(finite[..., None], pixels, 0), np.where(finite, np.clip(scores, 0, 1), 0)
        converted, score = self._conversion.apply(pixels.astype(np.float64), scores.astype(np.float64))
        seen = [Seen(*person) for person in zip(converted, score, strict=True)]
        return [person for person in seen if np.count_nonzero(person.sure) >= FEWEST_JOINTS]


def apart(found: Float[ndarray, "joints 2"], other: Seen, mirror: Sequence[int]) -> float:
    """Return the median distance in pixels of the sure joints of `other` from those `found`; sides may be confused."""
    straight, crossed = (np.linalg.norm(points - other.pixels, axis=-1) for points in (found, found[list(mirror)]))
    return float(np.median(np.minimum(straight, crossed)[other.sure]))
