"""How far calibrated cameras can be trusted, when neighbouring frames repeat the same detector error."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.pose.observations import Observations


def repetition(residual: Float[ndarray, "views frames joints 2"], observations: Observations) -> float:
    """Return how many observations say together what one independent observation would say, at least 1.

    The integrated autocorrelation time of the residuals: 1 + 2 sum of autocorrelations, each times the share of
    observations that have a partner at that lag, up to the lag from which on they are noise (Sokal 1997, window of 5
    times). The residuals' mean is not taken away: an error that never changes repeats in all frames.
    """
    kept = np.any(residual != 0, axis=-1)
    if not kept.any():
        return 1.0
    total_square = float(np.sum(residual[kept] ** 2))
    total = 1.0
    for lag in range(1, residual.shape[1]):
        together = observations.stretch[lag:] == observations.stretch[:-lag]
        if not together.any() or lag > 5 * total:
            break
        # Residuals of what was not kept are zero.
        product = np.sum(residual[:, :-lag] * residual[:, lag:], axis=(0, 2, 3))
        total += 2 * float(product[together].sum()) / total_square
    return max(total, 1.0)
