"""Files of clusters of poses (see `pose.structure_score`), which carry a hash of what they hold."""

from pathlib import Path

import numpy as np

from epipose.errors import InputError
from epipose.io.arrays import read_arrays
from epipose.io.files import atomic_write
from epipose.pose.structure_score import PoseClusters

_REMEDY = "make it again with: epipose evaluate --fit-clusters"

_SHAPES = {"centres": (3, "f"), "joint_names": (1, "U"), "root": (0, "i"), "hash": (0, "U")}
"""Number of axes and kind of each array."""


def write_clusters(path: Path, clusters: PoseClusters) -> None:
    """Write clusters with their hash."""
    with atomic_write(path, "wb") as file:
        np.savez(
            file,
            centres=clusters.centres,
            joint_names=np.array(clusters.joint_names),
            root=clusters.root,
            hash=clusters.hash,
        )


def read_clusters(path: Path) -> PoseClusters:
    """Return the clusters of a file; raises InputError for any other file, and for one that was changed."""
    arrays = read_arrays(path)
    if not set(_SHAPES) <= set(arrays):
        raise InputError(f"{path} holds no clusters of poses; {_REMEDY}")
    if any(arrays[key].ndim != ndim or arrays[key].dtype.kind != kind for key, (ndim, kind) in _SHAPES.items()):
        raise InputError(f"{path} holds clusters of a wrong type or shape; {_REMEDY}")
    names, root = tuple(map(str, arrays["joint_names"].tolist())), int(arrays["root"])
    if arrays["centres"].shape[1:] != (len(names), 3) or not 0 <= root < len(names):
        raise InputError(f"{path} holds clusters of a wrong type or shape; {_REMEDY}")
    clusters = PoseClusters(arrays["centres"].astype(float), names, root)
    if clusters.hash != str(arrays["hash"]):
        raise InputError(f"{path} was changed after it was written; {_REMEDY}")
    return clusters
