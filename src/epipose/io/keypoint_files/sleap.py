"""SLEAP's analysis HDF5 files ("Export Analysis HDF5").

`tracks` is (tracks, 2, nodes, frames), or (frames, tracks, nodes, 2) as newer programs also write it, NaN where a
point is not seen; `point_scores` goes with it; `node_names` are the joints. Tracks become people. A point without a
score (labelled by hand) has score 1. SLEAP counts pixels from the first pixel's centre, as we do; coordinates are
taken as they are.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.io.hdf5 import HDF5_SUFFIXES, hdf5_file, whole
from epipose.io.keypoint_files import Hints, KeypointFormat
from epipose.io.keypoint_files._assembly import named_keypoints
from epipose.pose.keypoints import Keypoints


class _Sleap(KeypointFormat):
    def recognises(self, path: Path) -> bool:
        if path.suffix.lower() not in HDF5_SUFFIXES or not path.is_file():
            return False
        with hdf5_file(path) as file:
            return "tracks" in file and "node_names" in file

    def read(self, path: Path, hints: Hints) -> Keypoints:
        with hdf5_file(path) as file:
            names = [name.decode("utf-8") for name in whole(file["node_names"]).tolist()]
            points = _points(file, len(names))
        return named_keypoints(path, names, points, np.arange(len(points), dtype=float), hints)


def _points(file: Any, nodes: int) -> Float[ndarray, "frames tracks nodes 3"]:
    """Return x, y and score; raises ValueError for another layout."""
    pixels = whole(file["tracks"]).astype(float)
    score = whole(file["point_scores"]).astype(float) if "point_scores" in file else None
    named_tracks = len(file["track_names"]) if "track_names" in file else 0
    if pixels.ndim == 4 and pixels.shape[1:3] == (2, nodes) and named_tracks in (0, pixels.shape[0]):
        pixels = pixels.transpose(3, 0, 2, 1)
        score = None if score is None else score.transpose(2, 0, 1)
    elif pixels.ndim != 4 or pixels.shape[2:] != (nodes, 2):
        raise ValueError(f"tracks of shape {pixels.shape} for {nodes} nodes")
    if score is None:
        score = np.ones(pixels.shape[:-1])
    return np.concatenate([pixels, np.where(np.isnan(score), 1, score)[..., None]], axis=-1)


PLUGIN = _Sleap()
