"""Left/right repair: swaps are found frame by frame, whatever the views, and none where there are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.scenes import Corruption, h36m_scene
from numpy import ndarray

from epipose.calibration.left_right import MAX_VIEWS_AT_ONCE, find_swaps
from epipose.io.camera_files import read_cameras
from epipose.pose.observations import Observations
from epipose.pose.resampling import observe
from epipose.pose.skeletons import Skeleton
from tests.geometry.rigs import pictures
from tests.people import STICK
from tests.recordings import balancing_keypoints
from tests.scenes import Scene, dance, dancer, neighbours, studio


def _swapped(scene: Scene, *stretches: tuple[int, int, int]) -> tuple[Scene, ndarray]:
    """Return the scene with the sides of a view exchanged from one frame to before another, and where."""
    swapped = np.zeros(scene.observations.weight.shape[:2], bool)
    for view, start, stop in stretches:
        swapped[view, start:stop] = True
    return replace(scene, observations=scene.observations.mirrored(swapped)), swapped


def _f1(found: ndarray, truth: ndarray) -> float:
    return float(2 * np.sum(found & truth) / (found.sum() + truth.sum()))


@pytest.mark.parametrize("views", [3, 4, 7])
def test_swaps_are_found_frame_by_frame(views: int) -> None:
    scene, truth = _swapped(
        dance(studio(views), frames=120, noise_px=4.0, missing=0.1), (1, 30, 70), (views - 1, 100, 120), (0, 5, 8)
    )
    assert _f1(find_swaps(scene.cameras, scene.observations, 4.0), truth) > 0.97


@pytest.mark.parametrize("degrees", [50.0, 90.0, 130.0])
def test_two_views_are_enough(degrees: float) -> None:
    """Which of two disagreeing views is wrong only its own continuity tells."""
    scene, truth = _swapped(dance(neighbours(degrees), frames=120, noise_px=4.0, missing=0.1), (1, 30, 70))
    found = find_swaps(scene.cameras, scene.observations, 4.0)
    assert _f1(found, truth) > 0.95


@pytest.mark.parametrize("views", [2, 3, 4, 7])
@pytest.mark.parametrize("noise_px", [0.0, 3.0, 10.0])
def test_none_is_found_where_there_is_none(views: int, noise_px: float) -> None:
    for seed in range(3):
        scene = dance(studio(views), frames=80, noise_px=noise_px, missing=0.1, seed=seed)
        found = find_swaps(scene.cameras, scene.observations, max(noise_px, 0.1))
        assert found.mean() <= 0.002


@pytest.mark.parametrize("order", [[2, 0, 3, 1], [3, 2, 1, 0]])
def test_the_order_of_views_does_not_matter(order: list[int]) -> None:
    scene, _ = _swapped(dance(studio(4), frames=80, noise_px=4.0), (1, 20, 50), (2, 40, 60))
    found = find_swaps(scene.cameras, scene.observations, 4.0)
    observations = replace(
        scene.observations, pixels=scene.observations.pixels[order], weight=scene.observations.weight[order]
    )
    again = find_swaps([scene.cameras[view] for view in order], observations, 4.0)
    np.testing.assert_array_equal(again, found[order])


def test_the_order_of_more_views_than_are_compared_at_once_does_not_matter_either() -> None:
    views = MAX_VIEWS_AT_ONCE + 2
    scene, truth = _swapped(dance(studio(views), frames=60, noise_px=4.0), (7, 20, 50), (6, 0, 15), (0, 40, 60))
    order = list(np.random.default_rng(0).permutation(views))
    observations = replace(
        scene.observations, pixels=scene.observations.pixels[order], weight=scene.observations.weight[order]
    )
    found = find_swaps([scene.cameras[view] for view in order], observations, 4.0)
    assert _f1(found, truth[order]) > 0.97


@pytest.mark.parametrize("views", [2, 4, MAX_VIEWS_AT_ONCE + 2])
def test_all_views_swapped_at_once_are_told_by_continuity(views: int) -> None:
    """Views that are swapped together agree with each other; only the jumps of their joints betray them."""
    cameras = neighbours(80.0) if views == 2 else studio(views)
    scene, truth = _swapped(dance(cameras, frames=80, noise_px=3.0), *((view, 40, 60) for view in range(views)))
    assert _f1(find_swaps(scene.cameras, scene.observations, 3.0), truth) > 0.95


def test_a_swap_that_many_views_share_is_repaired_in_the_views_beyond_the_first_too() -> None:
    views = MAX_VIEWS_AT_ONCE + 2
    stretches = [(view, 20, 40) for view in range(4)]
    scene, truth = _swapped(dance(studio(views), frames=80, noise_px=4.0), *stretches, (7, 50, 70))
    assert _f1(find_swaps(scene.cameras, scene.observations, 4.0), truth) > 0.97


def test_repairing_twice_changes_nothing() -> None:
    scene, _ = _swapped(dance(studio(4), frames=80, noise_px=4.0, missing=0.1), (1, 20, 50))
    repaired = scene.observations.mirrored(find_swaps(scene.cameras, scene.observations, 4.0))
    assert not find_swaps(scene.cameras, repaired, 4.0).any()


def test_a_swap_that_lasts_through_a_break_in_time_is_found() -> None:
    scene, truth = _swapped(dance(studio(3), frames=80, noise_px=4.0), (1, 30, 60))
    times = scene.observations.times + np.where(np.arange(80) >= 40, 5.0, 0.0)
    found = find_swaps(scene.cameras, replace(scene.observations, times=times), 4.0)
    assert _f1(found, truth) > 0.97


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_single_frames_are_judged_by_the_other_views(frames: int) -> None:
    scene, truth = _swapped(dance(studio(4), frames=frames, noise_px=2.0), (2, 0, frames))
    np.testing.assert_array_equal(find_swaps(scene.cameras, scene.observations, 2.0), truth)


def test_a_skeleton_without_pairs_has_no_sides() -> None:
    scene = dance(studio(3), frames=20)
    plain = Skeleton("plain", scene.observations.skeleton.joint_names, scene.observations.skeleton.parents, ())
    assert not find_swaps(scene.cameras, replace(scene.observations, skeleton=plain), 1.0).any()


def test_a_view_that_saw_nothing_is_not_swapped() -> None:
    scene, truth = _swapped(dance(studio(4), frames=60, noise_px=3.0), (1, 20, 50))
    weight = scene.observations.weight.copy()
    weight[3] = 0
    found = find_swaps(scene.cameras, replace(scene.observations, weight=weight), 3.0)
    np.testing.assert_array_equal(found[3], False)
    assert _f1(found, truth) > 0.97


@pytest.mark.parametrize("seed", range(3))
def test_motion_capture_with_outliers_and_gaps(shared: Path, seed: int) -> None:
    scene = h36m_scene(Corruption(5.0, 0.05, 0.1, 30), seed, shared)
    assert _f1(find_swaps(scene.cameras, scene.observations, 5.0), scene.swapped) >= 0.95
    clean = h36m_scene(Corruption(5.0, 0.05, 0.1), seed, shared)
    assert not find_swaps(clean.cameras, clean.observations, 5.0).any()


def test_the_swap_in_a_real_recording_is_found(shared: Path) -> None:
    """MediaPipe takes left for right in the second view in 31 frames, mostly 41-73, with scores as high as ever."""
    limbs = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
    joints = tuple(f"{side}_{limb}" for limb in limbs for side in ("left", "right"))
    views = {name: view.select(joints) for name, view in balancing_keypoints(shared).items()}
    cameras = read_cameras(shared / "footage" / "balancing" / "calibration" / "Calib.qca.txt").cameras
    found = find_swaps([cameras[name] for name in views], observe(list(views.values())), 10.0)
    by_view = dict(zip(views, found, strict=True))
    frames = np.flatnonzero(by_view["cam02"])
    assert 28 <= len(frames) <= 34
    assert np.mean((frames >= 41) & (frames <= 73)) > 0.8
    assert sum(swaps.sum() for name, swaps in by_view.items() if name != "cam02") <= 6


def test_a_turn_during_a_break_is_no_swap() -> None:
    """The person has turned about, so that every joint is where its mirror was; the recording had stopped."""
    cameras = neighbours(80.0)
    still = dancer(np.zeros(1))
    positions = np.concatenate([np.repeat(still, 30, axis=0), np.repeat(still[:, list(STICK.mirror)], 10, axis=0)])
    times = np.arange(40) / 25.0 + np.where(np.arange(40) >= 30, 5.0, 0.0)
    pixels = pictures(cameras, positions) + np.random.default_rng(0).normal(0, 1.0, (2, 40, still.shape[1], 2))
    observations = Observations(pixels, np.ones(pixels.shape[:3]), times, STICK)
    assert not find_swaps(cameras, observations, 1.0).any()
