"""The published quirks, against a literal transcription of what `reference/` says of them."""

import numpy as np
import pytest

from epipose.pose.metrics import mpjpe, pa_mpjpe
from epipose.pose.published_metrics import published_errors


def literal(predicted: np.ndarray, truth: np.ndarray, root: int) -> tuple[float, float, float]:
    """Pose by pose, by the textbook's Procrustes analysis."""
    errors: list[tuple[float, float, float]] = []
    for p, g in zip(predicted, truth, strict=True):
        p, g = p - p[root], g - g[root]
        p_mean, g_mean = p.mean(axis=0), g.mean(axis=0)
        p_norm, g_norm = np.linalg.norm(p - p_mean), np.linalg.norm(g - g_mean)
        u, s, vt = np.linalg.svd(((g - g_mean) / g_norm).T @ ((p - p_mean) / p_norm))
        turn = vt.T @ u.T
        if np.linalg.det(turn) < 0:
            vt[-1] *= -1
            s[-1] *= -1
            turn = vt.T @ u.T
        b = s.sum() * g_norm / p_norm
        aligned = b * p @ turn + g_mean - b * p_mean @ turn
        aligned = aligned - aligned[root]
        errors.append(
            tuple(float(np.linalg.norm(one - g, axis=1).mean()) for one in (p, b * p, aligned))  # type: ignore[arg-type]
        )
    return tuple(np.mean(errors, axis=0).tolist())


@pytest.mark.parametrize("root", [0, 6])
def test_equal_the_literal_definitions(root: int) -> None:
    rng = np.random.default_rng(root)
    truth = rng.normal(size=(1000, 17, 3)) * 300
    predicted = truth + rng.normal(size=truth.shape) * rng.uniform(10, 300, (1000, 1, 1))
    np.testing.assert_allclose(published_errors(predicted, truth, root), literal(predicted, truth, root), rtol=1e-9)


def test_equal_them_pose_by_pose_for_mirrored_and_flat_poses_too() -> None:
    """In metres: each of 1,000 poses by itself, so that no errors cancel."""
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(1000, 17, 3)) * 0.3
    predicted = truth + rng.normal(size=truth.shape) * 0.1
    predicted[:100, :, 0] *= -1
    predicted[100:200, :, 2] *= 1e-3
    for pose, true in zip(predicted, truth, strict=True):
        mine, theirs = published_errors(pose[None], true[None], 0), literal(pose[None], true[None], 0)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9)


def test_differ_from_the_standard_where_they_are_known_to() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(200, 17, 3)) * 300
    predicted = truth + rng.normal(size=truth.shape) * 50
    published = published_errors(predicted, truth, 0)
    assert published.mpjpe == pytest.approx(mpjpe(predicted, truth, root=0))
    assert published.pmpjpe > 1.05 * pa_mpjpe(predicted, truth)
