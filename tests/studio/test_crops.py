from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from epipose.io.truth_files import HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, VISIBLE
from epipose.pose.skeletons import load_skeleton
from epipose.studio.backdrops import BackdropPool
from epipose.studio.bodies import JOINTS
from epipose.studio.crops import Crop, CropStudio, write_crops


@pytest.fixture(scope="module")
def crops() -> list[Crop]:
    return list(islice(CropStudio(7, size=96).stream(), 60))


def test_the_seed_decides_everything(crops: list[Crop]) -> None:
    for first, second in zip(crops, islice(CropStudio(7, size=96).stream(), 3), strict=False):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.pixels, second.pixels)
        np.testing.assert_array_equal(first.visibility, second.visibility)


def test_joints_are_where_their_visibility_says(crops: list[Crop]) -> None:
    for crop in crops:
        inside = np.all((crop.pixels > -0.5) & (crop.pixels < 95.5), axis=1)
        np.testing.assert_array_equal(crop.visibility == OUT_OF_FRAME, ~inside)
        # Joints lie inside the body, so within the box around its outline, or a little beyond the sampled one.
        assert np.all(crop.pixels > crop.box[:2] - 3)
        assert np.all(crop.pixels < crop.box[2:] + 3)


def test_depths_are_those_of_bodies(crops: list[Crop]) -> None:
    hips = [JOINTS.index(f"{side}_hip") for side in ("left", "right")]
    for crop in crops:
        assert crop.depth[JOINTS.index("pelvis")] == 0
        # The pelvis is the middle between the hips, in depth as across, but for the perspective.
        assert abs(crop.depth[hips].mean()) < 1e-3
        places = np.column_stack([crop.pixels / 96, crop.depth])
        bones = [np.linalg.norm(places[a] - places[b]) for a, b in load_skeleton("body21").bones]
        assert max(bones) < 1.3 * np.max(crop.box[2:] - crop.box[:2]) / 96


def test_show_people_of_many_sizes_partly_hidden(crops: list[Crop]) -> None:
    side = np.array([np.max(crop.box[2:] - crop.box[:2]) for crop in crops]) / 96
    assert side.min() < 0.45
    assert 0.5 < np.median(side) < 0.85
    assert side.max() > 0.9
    states = np.stack([crop.visibility for crop in crops])
    assert 0.3 < np.mean(states == VISIBLE) < 0.85
    assert 0.01 < np.mean(states == HIDDEN_BY_OCCLUDER) < 0.3


def test_pictures_are_neither_black_nor_white(crops: list[Crop]) -> None:
    means = [crop.image.mean() for crop in crops]
    assert 20 < np.median(means) < 220
    assert np.median([crop.image.std() for crop in crops]) > 15


def test_finished_shards_are_kept(tmp_path: Path) -> None:
    write_crops(tmp_path, count=2, seed=3, size=64)
    image = tmp_path / "shard-000" / "images.npy"
    written = image.stat().st_mtime_ns
    write_crops(tmp_path, count=2, seed=3, size=64)
    assert image.stat().st_mtime_ns == written
    shapes = {path.stem: np.load(path).shape for path in (tmp_path / "shard-000").iterdir()}
    assert shapes == {
        "images": (2, 64, 64, 3),
        "pixels": (2, 21, 2),
        "depth": (2, 21),
        "visibility": (2, 21),
        "box": (2, 4),
    }


def test_backdrops_differ_and_follow_from_the_seed() -> None:
    first, second = (BackdropPool(np.random.default_rng(1), 3) for _ in range(2))
    one, same = (pool.draw(np.random.default_rng(2), (80, 60)) for pool in (first, second))
    assert one.shape == (60, 80, 3)
    np.testing.assert_array_equal(one, same)
    other = first.draw(np.random.default_rng(3), (80, 60))
    assert np.abs(one - other).mean() > 0.02
