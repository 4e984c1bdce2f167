from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.obstacles import Disc
from epipose.geometry.cameras import Camera
from epipose.io.videos import Frame
from epipose.pose.keypoints import Poses
from epipose.training.examination import Answers
from epipose.training.recorded_examples import Cut, FilmedView, joined, squares, write_examples
from tests.pipeline.captures import CAMERAS, COCO, figure

CUT = Cut(80)
SIZE = CUT.side
TIMES = np.arange(6) / 25


@pytest.fixture
def camera() -> Camera:
    return next(iter(CAMERAS.values()))


@pytest.fixture
def labels() -> Poses:
    positions = figure(TIMES)[:, None].astype(np.float32)
    weight = np.full(positions.shape[:3], 0.8, np.float32)
    return Poses(positions, np.full_like(weight, 0.01), weight, TIMES, COCO)


def filmed(camera: Camera, times: ndarray, **given: object) -> FilmedView:
    """Return a view whose pictures have a white pixel at each joint's place."""
    frames = []
    for index, time in enumerate(times):
        image = np.zeros((camera.size_wh[1], camera.size_wh[0], 3), np.uint8)
        frames.append(Frame(index, float(time), image))
    return FilmedView("cam", camera, frames, **given)  # type: ignore[arg-type]


def test_joints_are_where_the_camera_shows_them_and_as_deep(camera: Camera, labels: Poses) -> None:
    found = list(squares(filmed(camera, TIMES), labels, range(6), CUT))
    assert [square.frame for square in found] == list(range(6))
    for index, square in enumerate(found):
        joints = labels.positions[index, 0].astype(float)
        pixels, _ = camera.project(joints)
        # The square is a similarity of the picture, the same for all joints, ...
        centred, across = (places - places.mean(axis=0) for places in (pixels, square.joints[:, :2].astype(float)))
        scale = np.linalg.norm(across) / np.linalg.norm(centred)
        np.testing.assert_allclose(across, scale * centred, atol=1e-3)
        # ... and its side spans as many metres at the root as z counts in.
        local = camera.cam_from_world.apply(joints)
        hips = local[[COCO.index("left_hip"), COCO.index("right_hip")]].mean(axis=0)
        np.testing.assert_allclose(square.joints[:, 2] * square.side_m, local[:, 2] - hips[2], atol=1e-4)
        assert square.side_m == pytest.approx(SIZE / scale * hips[2] / np.mean(camera.lens.focal), rel=1e-4)


def test_pictures_between_labels_get_what_lies_between(camera: Camera, labels: Poses) -> None:
    (square,) = squares(filmed(camera, np.array([0.3 / 25])), labels, [0], CUT)
    between = 0.7 * labels.positions[0, 0] + 0.3 * labels.positions[1, 0]
    (expected,) = squares(
        filmed(camera, np.array([0.0])), replace(labels, positions=np.stack([between[None]] * 6)), [0], CUT
    )
    np.testing.assert_allclose(square.joints, expected.joints, atol=1e-3)
    late = list(squares(filmed(camera, TIMES, offset_s=2 / 25), labels, range(6), CUT))
    assert [square.frame for square in late] == [0, 1, 2, 3]


def test_what_is_not_known_or_not_in_the_picture_does_not_count(camera: Camera, labels: Poses) -> None:
    labels.weight[0, 0, COCO.index("left_wrist")] = 0
    narrow = camera.cropped(
        0, 0, (camera.size_wh[0], round(camera.project(labels.positions[0, 0].astype(float))[0][:, 1].mean()))
    )
    (square,) = squares(filmed(narrow, TIMES[:1]), labels, [0], CUT)
    assert square.weight[COCO.index("left_wrist")] == 0
    assert square.weight[COCO.index("left_ankle")] == 0, "below the picture"
    assert square.weight[COCO.index("nose")] == pytest.approx(0.8)
    labels.weight[0, 0, COCO.index("left_hip")] = 0
    assert not list(squares(filmed(camera, TIMES[:1]), labels, [0], CUT)), "nobody knows how deep z is without a root"


def test_the_scenes_disc_goes_with_the_square(camera: Camera, labels: Poses) -> None:
    pixels, _ = camera.project(labels.positions[0, 0].astype(float))
    knee = pixels[COCO.index("left_knee")]
    far = Disc((float(knee[0]) + 600, float(knee[1])), 90.0)
    view = filmed(camera, TIMES[:1], discs=[far, Disc((float(knee[0]), float(knee[1])), 20.0)])
    (square,) = squares(view, labels, [0], CUT)
    np.testing.assert_allclose(square.disc[:2], square.joints[COCO.index("left_knee"), :2], atol=1e-3)
    assert 0 < square.disc[2] < 20


def test_examples_of_several_files_are_one(camera: Camera, labels: Poses, tmp_path: Path) -> None:
    found = list(squares(filmed(camera, TIMES), labels, range(6), CUT))
    for number, square in enumerate(found):
        square.picture[:] = 10 * number
    parts = [
        write_examples(found[:2], COCO, "box", tmp_path / "a.npy"),
        write_examples(found[2:], COCO, "box", tmp_path / "b.npy"),
    ]
    together = joined(parts)
    assert [int(together.picture(row)[0, 0, 0]) for row in range(len(together))] == [0, 10, 20, 30, 40, 50]
    assert together.place(3) == "b, frame 3"
    marked = Answers(
        together.joints.astype(float), together.joints.astype(float), together.weight.astype(float),
        together.side_m.astype(float), COCO,
    )  # fmt: skip
    assert marked.errors()["mpjpe_mm"] == pytest.approx(0)
