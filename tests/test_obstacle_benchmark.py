"""The benchmark of obstacles measures what it says, by a network that is right about all that it sees."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.obstacle_scenes import Shot
from benchmarks.obstacles import (
    ALONE_CLEAR,
    ALONE_HIDDEN,
    CROPPED,
    OCCLUDED,
    SHOWN,
    TUNED,
    TUNED_BEFORE,
    WHOLE,
    Mark,
    draw,
    examined,
    row,
    taken_back,
)  # fmt: skip

from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.io.truth_files import HIDDEN_BY_OCCLUDER, OUT_OF_FRAME, SKELETON, VISIBLE
from epipose.runtime.networks import Network, open_network
from epipose.training.examination import Answers
from tests.runtime import discs

CAMERA = Camera(discs.LENS, Rigid.identity(), (640, 480))
COLUMNS = [SKELETON.index(name) for name in discs.SKELETON.joint_names]
LEG = [SKELETON.index(name) for name in ("left_knee", "left_ankle")]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return open_network(discs.write_disc_model(tmp_path_factory.mktemp("net") / "discs.onnx"))


def shot(angle: float) -> Shot:
    """Return somebody of coloured discs, once with something before a leg."""
    person = discs.person((0.1, 0.0, 3.0), angle)
    joints, visibility = np.zeros((21, 3)), np.full(21, OUT_OF_FRAME, np.uint8)
    joints[COLUMNS], visibility[COLUMNS], visibility[LEG] = person, VISIBLE, HIDDEN_BY_OCCLUDER
    clear = discs.draw([person], discs.LENS)
    hidden = clear.copy()
    for place in discs.LENS.project(joints[LEG])[0]:
        cv2.circle(hidden, np.round(place).astype(int).tolist(), 14, (90, 90, 90), -1)
    return Shot(CAMERA, joints, visibility, clear, hidden)


@pytest.fixture(scope="module")
def seen() -> list[Shot]:
    return [shot(angle) for angle in (-0.3, 0.0, 0.4)]


def test_what_is_seen_is_right_and_what_is_hidden_is_not(network: Network, seen: list[Shot]) -> None:
    clear, hidden, whole = (examined(network, seen, experiment) for experiment in (CROPPED, OCCLUDED, WHOLE))
    assert clear.mpjpe < 25
    assert clear.hidden < 40
    # Two of seventeen joints are guessed to be in the crop's middle.
    assert hidden.hidden > 300
    assert hidden.mpjpe > clear.mpjpe + 1.9 * (hidden.hidden - clear.hidden) / 16
    # The whole picture is 640 pixels wide, of 600 a metre at a metre.
    np.testing.assert_allclose(whole.answers.side_m, 3 * 640 / 600)
    assert (clear.answers.side_m < 2.5).all()
    # What is not in the picture does not count, and lengths are the camera's.
    assert clear.answers.weight.shape == (3, 17)
    assert clear.answers.weight.all()
    _, truth = clear.answers.around_root()
    np.testing.assert_allclose(
        truth[:, :, 2], [s.joints[COLUMNS, 2] - s.joints[COLUMNS[0], 2] for s in seen], atol=1e-6
    )


def mark(error_mm: float) -> Mark:
    """Return a mark of that error: each joint but the root too deep by it."""
    truth = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 17, 3))
    predicted = truth.copy()
    predicted[:, 1:, 2] += error_mm / 2000
    answers = Answers(predicted, truth, np.ones((2, 17)), np.full(2, 2.0), discs.SKELETON)
    return Mark(answers, np.ones((2, 17)))


def test_shares_are_of_what_the_disc_costs() -> None:
    errors = {CROPPED: (50, 60), OCCLUDED: (90, 100), TUNED: (58, 64), TUNED_BEFORE: (70, 88)}
    errors |= {ALONE_CLEAR: (40, 50), ALONE_HIDDEN: (80, 90)}
    rows = taken_back({experiment: [mark(error) for error in both] for experiment, both in errors.items()})
    assert [line[1] for line in rows] == ["85% (80%, 90%)", "60% (55%, 65%)", "40% (50%, 30%)", "15% (25%, 5%)"]
    assert [line[3] for line in rows] == ["met", "", "missed", ""]
    assert row(CROPPED, [mark(50), mark(60)])[1] == "55 ± 5"


def test_the_picture_is_small(network: Network, seen: list[Shot], tmp_path: Path) -> None:
    draw(tmp_path / "seen.png", seen, {experiment: examined(network, seen, experiment) for experiment in SHOWN})
    picture = cv2.imread(str(tmp_path / "seen.png"))
    assert picture is not None
    assert picture.shape[1] > 4 * 180
    assert (tmp_path / "seen.png").stat().st_size < 300_000
