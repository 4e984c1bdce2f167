"""Bundle adjustment of people: outliers are dropped, the noise is measured, and the cameras are as good as can be."""

from dataclasses import replace

import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.adjust import adjust, noise_px
from epipose.geometry.alignment import similarity
from epipose.geometry.bundle import BundleProblem, Freedom
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from tests.geometry.rigs import pictures
from tests.scenes import Scene, dance, dancer, studio


def _disturbed(cameras: tuple[Camera, ...], size: float) -> list[Camera]:
    rng = np.random.default_rng(3)
    return [
        replace(c, cam_from_world=Rigid.from_rotvec(*rng.normal(0, size, (2, 3))) @ c.cam_from_world) for c in cameras
    ]


def _corrupted(scene: Scene, share: float, seed: int = 0) -> tuple[Scene, ndarray]:
    rng = np.random.default_rng(seed)
    bad = rng.random(scene.observations.weight.shape) < share
    angle = rng.uniform(0, 2 * np.pi, bad.shape)
    leap = rng.uniform(50, 200, bad.shape)[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    pixels = np.where(bad[..., None], scene.observations.pixels + leap, scene.observations.pixels)
    return replace(scene, observations=replace(scene.observations, pixels=pixels)), bad


def _error(cameras: tuple[Camera, ...], truth: tuple[Camera, ...]) -> tuple[float, float]:
    """Return the mean errors of rotations between views (degrees) and of aligned centres (mm)."""
    found, true = (np.stack([c.cam_from_world.rotation for c in rig]) for rig in (cameras, truth))
    turns = [angle_between(found @ found[v].T, true @ true[v].T)[np.arange(len(true)) != v] for v in range(len(true))]
    centres, places = (np.stack([c.centre for c in rig]) for rig in (cameras, truth))
    scale, motion = similarity(centres, places)
    return float(np.rad2deg(np.mean(turns))), 1000 * float(
        np.linalg.norm(motion.apply(scale * centres) - places, axis=-1).mean()
    )


@pytest.mark.parametrize("noise", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("outliers", [0.0, 0.08])
@pytest.mark.parametrize("size", [0.005, 0.03])
def test_the_noise_is_measured_and_outliers_are_dropped(noise: float, outliers: float, size: float) -> None:
    scene, bad = _corrupted(dance(studio(4), frames=60, noise_px=noise, missing=0.1), outliers)
    adjusted = adjust(_disturbed(scene.cameras, size), scene.observations, Freedom(), sigma_px=5.0)
    assert noise_px(adjusted, scene.observations) == pytest.approx(max(noise, 0.01), rel=0.07)
    seen = scene.observations.weight > 0
    assert adjusted.used[seen & ~bad].mean() > 0.97
    if outliers:
        assert adjusted.used[seen & bad].mean() < 0.05
    assert not adjusted.used[~seen].any()
    assert not adjusted.residual[~adjusted.used].any()


def test_the_cameras_are_as_good_as_from_the_truth_with_the_true_inliers() -> None:
    ours, floor = [], []
    for seed in range(4):
        scene, bad = _corrupted(dance(studio(4), frames=100, noise_px=5.0, missing=0.1, seed=seed), 0.05, seed)
        adjusted = adjust(_disturbed(scene.cameras, 0.03), scene.observations, Freedom(), sigma_px=10.0)
        ours.append(_error(adjusted.cameras, scene.cameras))
        weights = (scene.observations.weight * ~bad).reshape(4, -1)
        kept = np.sum(weights > 0, axis=0) >= 2
        best = BundleProblem(scene.observations.pixels.reshape(4, -1, 2)[:, kept], weights[:, kept])
        floor.append(_error(best.solve(scene.cameras, scene.positions.reshape(-1, 3)[kept]).cameras, scene.cameras))
    assert np.all(np.mean(ours, axis=0) < 1.15 * np.mean(floor, axis=0))


def test_weights_are_inverse_variances() -> None:
    rng = np.random.default_rng(0)
    scene = dance(studio(4), frames=100)
    weight = rng.uniform(0.1, 1.0, scene.observations.weight.shape)
    pixels = scene.observations.pixels + 3.0 * rng.normal(size=(*weight.shape, 2)) / np.sqrt(weight)[..., None]
    observations = replace(scene.observations, pixels=pixels, weight=weight)
    adjusted = adjust(scene.cameras, observations, Freedom(), sigma_px=5.0)
    assert noise_px(adjusted, observations) == pytest.approx(3.0, rel=0.05)
    assert adjusted.bundle.sigma_px == pytest.approx(3.0, rel=0.05)


def test_unknown_focal_lengths_are_found() -> None:
    scene = dance(studio(4), frames=100, noise_px=1.0)
    start = [
        replace(c, lens=c.lens.with_parameters(c.lens.parameters * [f, f, 1, 1, 1, 1, 1, 1]))
        for c, f in zip(_disturbed(scene.cameras, 0.01), (1.03, 0.96, 1.05, 0.98), strict=True)
    ]
    adjusted = adjust(start, scene.observations, Freedom(focal="each"), sigma_px=5.0)
    logs = [np.log(f.lens.focal[0] / c.lens.focal[0]) for f, c in zip(adjusted.cameras, scene.cameras, strict=True)]
    stated = np.sqrt(np.diag(adjusted.bundle.covariance.beyond_cameras()))
    assert np.all(np.abs(logs) < 3.5 * stated)
    assert np.all(stated < 0.005)


def test_clocks_are_found() -> None:
    """Each view films the same motion, its clock ahead by its offset."""
    scene = dance(studio(4), frames=150)
    offsets = np.array([0.0, 0.008, -0.012, 0.004])
    pixels = np.concatenate(
        [
            pictures((camera,), dancer(scene.observations.times - offset))
            for camera, offset in zip(scene.cameras, offsets, strict=True)
        ]
    )
    noise = np.random.default_rng(0).normal(0, 0.5, pixels.shape)
    observations = replace(scene.observations, pixels=pixels + noise)
    adjusted = adjust(scene.cameras, observations, Freedom(time_offsets=True), sigma_px=5.0)
    np.testing.assert_allclose(adjusted.bundle.time_offsets, offsets, atol=0.0008)
