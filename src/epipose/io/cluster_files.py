"""Files of clusters of poses (see `pose.structure_score`), which carry a hash of what they hold."""

from pathlib import Path

import numpy as np

from epipose.errors import InputError
from epipose.io.arrays import read_arrays
from epipose.io.files import atomic_write
from epipose.pose.structure_score import PoseClusters

_REMEDY = "make it again with: epipose evaluate --fit-clusters"


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
    if not {"centres", "joint_names", "root", "hash"} <= set(arrays):
        raise InputError(f"{path} holds no clusters of poses; {_REMEDY}")
    names = tuple(map(str, arrays["joint_names"].tolist()))
    clusters = PoseClusters(arrays["centres"], names, int(arrays["root"]))
    if clusters.hash != str(arrays["hash"]):
        raise InputError(f"{path} was changed after it was written; {_REMEDY}")
    return clusters
