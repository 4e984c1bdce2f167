"""How well a network finds joints in crops that it has not learned from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.geometry.images import framing, mapped, resampled
from epipose.io.truth_files import VISIBLE
from epipose.training.keypoint_crops import CropFolder

SHARE_SEEN = 0.8
"""Of the picture's side that a person's box takes, as when the detector follows somebody."""

Find = Callable[[UInt8[ndarray, "pictures size size 3"]], Float32[ndarray, "pictures joints 2"]]
"""Finds the joints, in pixels of each picture."""


@dataclass(frozen=True)
class Score:
    """Of visible joints; distances are parts of the longer side of the person's box."""

    pck10: float
    """Share of joints nearer than 0.1."""
    pck05: float
    median: float
    """Distance."""


def score(find: Find, crops: CropFolder, size: int, *, count: int = 500) -> Score:
    """Return how well the first `count` crops are understood, each framed at `size` pixels around its person."""
    distances = []
    for first in range(0, min(count, len(crops)), 50):
        rows = range(first, min(first + 50, count, len(crops)))
        maps = [framing(middle, side / SHARE_SEEN, size) for middle, side in map(crops.square, rows)]
        found = find(np.stack([resampled(crops.image(row), at, size) for row, at in zip(rows, maps, strict=True)]))
        for row, net_from_crop, joints in zip(rows, maps, found, strict=True):
            truth = mapped(net_from_crop, crops.pixels[row].astype(np.float64))
            distance = np.linalg.norm(joints - truth, axis=1) / (SHARE_SEEN * size)
            distances.append(distance[crops.visibility[row] == VISIBLE])
    together = np.concatenate(distances)
    return Score(float(np.mean(together < 0.1)), float(np.mean(together < 0.05)), float(np.median(together)))
