"""The truth of recordings of real people, and what it shares with that of synthetic ones."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.recorded_truth import person_boxes, read_known_poses, write_recorded_truth
from epipose.io.truth_files import write_truth
from tests.bodies import moving_people, without
from tests.pipeline.captures import CAMERAS
from tests.truths import make_truth


def test_recorded_truth_comes_back(tmp_path: Path) -> None:
    poses = moving_people()
    write_recorded_truth(tmp_path, poses, CAMERAS, "h36m", {"subject": "S1", "take": 2})
    known = read_known_poses(tmp_path)
    np.testing.assert_array_equal(known.poses.positions, poses.positions)
    np.testing.assert_array_equal(known.poses.times, poses.times)
    assert known.poses.skeleton == poses.skeleton
    assert set(known.cameras) == set(CAMERAS)
    assert set(known.time_offsets_s.values()) == {0.0}


def test_synthetic_truth_is_read_all_the_same(tmp_path: Path) -> None:
    truth = make_truth(late={"cam2": 0.3})
    write_truth(tmp_path, truth)
    known = read_known_poses(tmp_path)
    np.testing.assert_array_equal(known.poses.positions, truth.poses.positions)
    assert known.time_offsets_s == {name: 0.3 if name == "cam2" else 0.0 for name in CAMERAS}


def test_a_box_is_around_the_joints_that_are_known_and_before_the_camera() -> None:
    poses = moving_people(people=1)
    camera = next(iter(CAMERAS.values()))
    pixels, valid = camera.project(poses.positions[:, 0].astype(float))
    assert valid.all()
    unknown = np.zeros(poses.weight.shape, bool)
    unknown[0] = True
    unknown[1, :, 3:] = True
    boxes = person_boxes(camera, without(poses, unknown))[:, 0]
    np.testing.assert_array_equal(boxes[0], 0)
    np.testing.assert_allclose(boxes[1], [*pixels[1, :3].min(axis=0), *pixels[1, :3].max(axis=0)], atol=1e-3)
    np.testing.assert_allclose(boxes[2], [*pixels[2].min(axis=0), *pixels[2].max(axis=0)], atol=1e-3)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format_version": 9, "skeleton": "h36m17"}', '{"format_version": 1}',
             '{"format_version": 1, "skeleton": "../h36m17"}', '{"format_version": 1, "skeleton": 3}']
)  # fmt: skip
def test_damaged_descriptions_are_refused(text: str, tmp_path: Path) -> None:
    write_recorded_truth(tmp_path, moving_people(), CAMERAS, "h36m", {})
    (tmp_path / "recorded.json").write_text(text)
    with pytest.raises(InputError, match=r"recorded\.json is .* make it again"):
        read_known_poses(tmp_path)
