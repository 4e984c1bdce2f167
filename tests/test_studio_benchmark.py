"""The studio's benchmark measures what it says, on a recording that needs no studio."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import studio
from benchmarks.studio_keypoints import Noise, truly_swapped, write_truth_keypoints

from epipose.io.keypoint_files import read_keypoints
from epipose.io.truth_files import Truth, write_truth
from tests.pipeline.captures import elsewhere, figure
from tests.truths import make_truth

BESIDE = elsewhere(figure, shift=(0.6, 1.4), turn=0.8, later=1.0)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(bodies=(figure, BESIDE), seconds=3.6, late={"cam2": 0.3})


@pytest.fixture
def capture(truth: Truth, tmp_path: Path) -> Path:
    write_truth(tmp_path / "truth", truth)
    return tmp_path


def test_only_the_swapped_second_of_one_view_is_called_swapped(capture: Path, truth: Truth) -> None:
    write_truth_keypoints(capture, truth, Noise(seed=5))
    for number, (name, view) in enumerate(truth.views.items()):
        keypoints = read_keypoints(capture / "keypoints" / "truth" / f"{name}.npz")
        for person in range(2):
            swapped = truly_swapped(keypoints, view, person)
            assert swapped.sum() == pytest.approx(25 if number == 1 else 0, abs=1)


def test_keypoints_follow_from_the_seed_and_are_kept(capture: Path, truth: Truth) -> None:
    write_truth_keypoints(capture, truth, Noise(seed=5))
    path = capture / "keypoints" / "truth" / "cam3.npz"
    first, before = read_keypoints(path), path.stat().st_mtime_ns
    write_truth_keypoints(capture, truth, Noise(seed=5))
    assert path.stat().st_mtime_ns == before
    write_truth_keypoints(capture, truth, Noise(seed=6))
    assert not np.array_equal(read_keypoints(path).pixels, first.pixels)
    write_truth_keypoints(capture, truth, Noise(seed=5))
    np.testing.assert_array_equal(read_keypoints(path).pixels, first.pixels)


def test_a_row_of_the_table(tmp_path: Path) -> None:
    truth = make_truth(seconds=5.0, late={"cam2": 0.3})
    write_truth(tmp_path / "truth", truth)
    cells = dict(zip(studio.HEADER, studio.row(studio.Setting("made", "", 1), tmp_path, "truth"), strict=True))
    assert cells["hidden"] == "0 %"
    assert float(cells["rotation, deg"]) < 0.5
    assert float(cells["centres, mm"]) < 30
    assert float(cells["joints, mm"]) < float(cells["own metres, mm"]) < 80
    assert float(cells["clocks, ms"]) < 5
    assert float(cells["swap F1"]) > 0.8


def test_a_scene_that_is_refused_says_why(capture: Path) -> None:
    cells = studio.row(studio.Setting("refused", "", 1), capture, "nothing")
    assert len(cells) == len(studio.HEADER)
    assert cells[2].startswith("refused: ")


def test_scenes_are_chosen_by_words_and_no_two_are_the_same() -> None:
    assert [setting.name for setting in studio.chosen(["obstacle, 30", "8 cam"])] == [
        "8 cameras",
        "round obstacle, 30 %",
    ]
    assert studio.chosen([]) == studio.SETTINGS
    assert len({(setting.seed, setting.arguments) for setting in studio.SETTINGS}) == len(studio.SETTINGS)
