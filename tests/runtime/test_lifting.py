"""Lifting: a detector's joints go to the network by name, in units of their crop, and come back as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from epipose.detectors import Detector, Look, People
from epipose.io.model_files import ModelDescription
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.runtime.lifting import lift_frame, lift_input
from epipose.runtime.networks import Network, open_network
from epipose.runtime.predictor import Predictor
from epipose.runtime.spotting import SURE, Seen
from tests.runtime.discs import LENS, SKELETON, Straight, model_bytes, person

COCO = load_skeleton("coco17")
PICTURE = np.zeros((480, 640, 3), np.uint8)


class Told(Detector):
    """Finds what it was told."""

    uses_all_cores = False

    def __init__(self, pixels: np.ndarray, score: np.ndarray) -> None:
        self.told = (pixels.astype(np.float32), score.astype(np.float32))

    @property
    def skeleton(self) -> Skeleton:
        return COCO

    @property
    def version(self) -> str:
        return "told"

    @contextmanager
    def session(self) -> Iterator[Look]:
        def look(_: np.ndarray) -> People:
            return self.told

        yield look


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    file = tmp_path_factory.mktemp("models") / "straight.onnx"
    file.write_bytes(model_bytes(Straight(), ModelDescription("straight", "lift", SKELETON, 0, 1.25)))
    return open_network(file, threads=1)


def coco(people: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return joints of COCO as seen by LENS; faces are at the nose."""
    pixels, score = np.zeros((people, 17, 2)), np.full((people, 17), 0.9)
    for number in range(people):
        seen, _ = LENS.project(person((-1.0 + number, 0.1, 4.0)))
        for joint, name in enumerate(COCO.joint_names):
            pixels[number, joint] = seen[SKELETON.index(name if name in SKELETON.joint_names else "nose")]
    return pixels, score


@pytest.mark.parametrize("people", [0, 1, 3])
def test_joints_go_by_name_and_come_back_where_they_were(network: Network, people: int) -> None:
    pixels, score = coco(people)
    ((found),) = Predictor(network, Told(pixels, score)).pictures([PICTURE])
    assert len(found) == people
    for number, one in enumerate(found):
        for name in ("left_wrist", "right_knee", "nose"):
            where = one.pixels[SKELETON.index(name)]
            np.testing.assert_allclose(where, pixels[number, COCO.index(name)], atol=1e-3)
        middle = pixels[number, [COCO.index("left_hip"), COCO.index("right_hip")]].mean(axis=0)
        np.testing.assert_allclose(one.pixels[SKELETON.index("pelvis")], middle, atol=1e-3)
        assert one.weight.min() > 0


def test_joints_that_are_not_sure_are_not_there(network: Network) -> None:
    pixels, score = coco()
    ankle = COCO.index("left_ankle")
    pixels[0, ankle], score[0, ankle] = 3e4, SURE / 2
    ((one,),) = Predictor(network, Told(pixels, score)).pictures([PICTURE])
    assert one.weight[SKELETON.index("left_ankle")] == 0
    assert one.box[2] < 640
    score[0, 3:] = 0
    assert list(Predictor(network, Told(pixels, score)).pictures([PICTURE])) == [()]


def test_pixels_that_are_not_finite_are_not_there(network: Network) -> None:
    pixels, score = coco()
    pixels[0, COCO.index("left_ankle")] = np.nan
    ((one,),) = Predictor(network, Told(pixels, score)).pictures([PICTURE])
    assert one.weight[SKELETON.index("left_ankle")] == 0
    assert np.isfinite(one.joints).all()


def test_the_middle_of_the_box_is_zero_and_its_longer_side_ends_at_the_margin() -> None:
    seen = Seen(np.array([[100.0, 50.0], [300.0, 450.0], [200.0, 250.0], [9999.0, 0.0]]), np.array([1.0, 0.5, 1, 0.1]))
    given = lift_input(seen, lift_frame(seen, 1.25))
    np.testing.assert_allclose(given, [[-0.2, -0.4, 1], [0.2, 0.4, 0.5], [0, 0, 1], [0, 0, 0]], atol=1e-6)
