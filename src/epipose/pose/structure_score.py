"""The pose structure score: whether predicted poses are the kind of pose that the true ones are.

Kocabas et al., CVPR 2019: true poses are clustered; a prediction scores 1 if the centre nearest to it is the one
nearest to its truth. The published clusters were never released and how they were fitted was not told, so scores
compare only under the same clusters: ours follow from the poses and a seed, and carry a hash.
"""

import hashlib
import json
import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray
from scipy.cluster.vq import kmeans2, vq

from epipose.errors import InputError

ROUNDS = 100


@dataclass(frozen=True, eq=False)
class PoseClusters:
    """Centres of poses that are shifted to their root and scaled to length 1 as one vector."""

    centres: Float64[ndarray, "clusters joints 3"]
    joint_names: tuple[str, ...]
    root: int

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that tell clusters apart."""
        told = json.dumps([self.joint_names, self.root]).encode()
        return hashlib.sha256(told + np.round(self.centres, 9).tobytes()).hexdigest()[:16]

    def score(self, predicted: Float[ndarray, "poses joints 3"], truth: Float[ndarray, "poses joints 3"]) -> float:
        """Return the share of poses whose nearest centre is their truth's; joints as in `joint_names`."""
        flat = self.centres.reshape(len(self.centres), -1)
        found, wanted = (vq(_normalised(poses, self.root), flat)[0] for poses in (predicted, truth))
        return float(np.mean(found == wanted))


def fit_clusters(
    poses: Float[ndarray, "poses joints 3"], joint_names: tuple[str, ...], root: int, *, count: int, seed: int = 0
) -> PoseClusters:
    """Return `count` clusters by k-means (k-means++ from a seed); 50 and 100 are what was published."""
    if len(poses) < count:
        raise InputError(f"{count} clusters take as many poses or more, not {len(poses)}; give more poses")
    points = _normalised(poses, root)
    if len(np.unique(np.round(points, 6), axis=0)) < count:
        raise InputError(f"{count} clusters take as many different poses or more; give poses with more motion")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster that lost its last pose keeps its place
        centres, _ = kmeans2(points, count, iter=ROUNDS, minit="++", rng=np.random.default_rng(seed))
    return PoseClusters(centres.reshape(count, *poses.shape[1:]), joint_names, root)


def _normalised(poses: Float[ndarray, "poses joints 3"], root: int) -> Float64[ndarray, "poses numbers"]:
    """Return poses around their root, each a vector of length 1."""
    flat = (poses.astype(float) - poses[:, [root]]).reshape(len(poses), -1)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12))
