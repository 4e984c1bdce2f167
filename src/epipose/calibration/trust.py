"""How far calibrated cameras can be trusted, when neighbouring frames repeat the same detector error."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.calibration.adjust import Adjusted
from epipose.geometry.bundle_covariance import BundleCovariance
from epipose.pose.observations import Observations


def honest_covariance(adjusted: Adjusted, observations: Observations) -> BundleCovariance:
    """Return the covariance of the cameras as if only independent observations had been counted.

    Bundle adjustment takes every observation for independent. A detector's error lasts for many frames, so n frames
    are worth n / repetition(...) independent ones.
    """
    return adjusted.bundle.covariance.scaled(repetition(adjusted.residual, observations))


def repetition(residual: Float[ndarray, "views frames joints 2"], observations: Observations) -> float:
    """Return the integrated autocorrelation time of the residuals in frames, at least 1.

    1 + 2 sum of autocorrelations, up to the lag from which on they are noise (Sokal 1997, window of 5 times). The
    residuals' mean is not taken away: an error that never changes repeats in all frames.
    """
    kept = np.any(residual != 0, axis=-1)
    if not kept.any():
        return 1.0
    variance = float(np.sum(residual[kept] ** 2, axis=-1).mean())
    frames = residual.shape[1]
    total = 1.0
    for lag in range(1, frames):
        together = observations.stretch[lag:] == observations.stretch[:-lag]
        both = (kept[:, :-lag] & kept[:, lag:])[:, together]
        if not both.any() or lag > 5 * total:
            break
        product = np.sum(residual[:, :-lag] * residual[:, lag:], axis=-1)[:, together]
        total += 2 * float(product[both].mean()) / variance * (1 - lag / frames)
    return max(total, 1.0)
