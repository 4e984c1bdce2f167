import numpy as np
import pytest

from epipose.pose.skeletons import load_skeleton
from epipose.training.examination import Answers

SKELETON = load_skeleton("coco17")


def answers(predicted: np.ndarray, truth: np.ndarray, side_m: float = 2.0) -> Answers:
    weight = np.ones(truth.shape[:2])
    return Answers(predicted, truth, weight, np.full(len(truth), side_m), SKELETON)


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, (6, 17, 3))


def test_errors_are_metres_of_the_crop_from_the_root(truth: np.ndarray) -> None:
    off = truth.copy()
    off[:, 0, 1] += 0.05  # the nose, 10 cm of a crop of 2 m
    marked = answers(off + 0.1, truth)  # where the root is does not matter
    assert marked.errors()["mpjpe_mm"] == pytest.approx(100 / 17)
    assert marked.joint_errors_mm()["nose"] == pytest.approx(100)
    assert marked.joint_errors_mm()["left_knee"] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(marked.example_errors_mm(), 100 / 17)


def test_scaled_and_turned_errors(truth: np.ndarray) -> None:
    assert answers(1.3 * truth, truth).errors()["n_mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    errors = answers(1.3 * truth @ turn.T, truth).errors()
    assert errors["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert errors["n_mpjpe_mm"] > 50
    assert errors["bone_length_mm"] > 20


def test_what_is_not_known_does_not_count(truth: np.ndarray) -> None:
    off = truth.copy()
    off[:, 3] += 1
    marked = answers(off, truth)
    marked.weight[:, 3] = 0
    errors = marked.errors()
    assert all(errors[key] == pytest.approx(0, abs=1e-6) for key in ("mpjpe_mm", "n_mpjpe_mm", "bone_length_mm"))
    assert errors["pck_150"] == 1
    assert np.isnan(marked.joint_errors_mm()[SKELETON.joint_names[3]])


def test_the_joint_that_is_the_root_does_not_flatter_the_mean() -> None:
    body = load_skeleton("h36m17")
    truth = np.random.default_rng(1).uniform(-0.3, 0.3, (4, 17, 3))
    off = truth + np.array([0.05, 0, 0])
    off[:, body.index("pelvis")] -= [0.05, 0, 0]
    marked = Answers(off, truth, np.ones((4, 17)), np.full(4, 2.0), body)
    assert marked.errors()["mpjpe_mm"] == pytest.approx(100)
    np.testing.assert_allclose(marked.example_errors_mm(), 100)


def test_without_a_size_errors_are_parts_of_the_crop(truth: np.ndarray) -> None:
    errors = answers(1.1 * truth, truth, side_m=float("nan")).errors()
    assert set(errors) == {"mpjpe_crop", "n_mpjpe_crop", "pa_mpjpe_crop"}
