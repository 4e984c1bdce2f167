"""The errors that the published EpipolarPose code prints, quirks and all, so that old numbers can be compared.

They differ from `pose.metrics`, which keeps to the definitions of the literature: every joint counts, the root with its
error of 0 too; the normalised error takes the scale of a fit that turned the pose, then leaves the pose unturned; and
the aligned error shifts the root back onto the true one after the alignment, which undoes a part of it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.pose.metrics import mpjpe, procrustes


class PublishedErrors(NamedTuple):
    """In the unit of the positions given."""

    mpjpe: float
    nmpjpe: float
    pmpjpe: float


def published_errors(
    predicted: Float[ndarray, "poses joints 3"], truth: Float[ndarray, "poses joints 3"], root: int
) -> PublishedErrors:
    """Return the three errors of poses whose joint `root` is the root."""
    predicted, truth = (poses - poses[:, [root]] for poses in (predicted.astype(float), truth.astype(float)))
    aligned, _, scale = procrustes(predicted, truth, np.ones(truth.shape[:-1]))
    return PublishedErrors(
        mpjpe(predicted, truth), mpjpe(scale * predicted, truth), mpjpe(aligned - aligned[:, [root]], truth)
    )
