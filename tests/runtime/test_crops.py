"""Following: crops come from the network's own answers; newcomers and lost people are found by the detector."""

import numpy as np
import pytest

from epipose.runtime.crops import CALM_S, LOOK_S, CropLook
from epipose.runtime.cutters import BoxCutter
from epipose.runtime.networks import Network, open_network
from epipose.runtime.spotting import Spotter
from tests.runtime.discs import LENS, SKELETON, DiscDetector, draw, person, write_disc_model

RATE = 30.0


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return open_network(write_disc_model(tmp_path_factory.mktemp("models") / "discs.onnx"), threads=1)


def follow(network: Network, detector: DiscDetector) -> CropLook:
    described = network.description
    cutter = BoxCutter(described.size, described.margin)
    return CropLook(network, cutter, Spotter(detector, SKELETON), detector.people)


def test_somebody_who_walks_is_followed_while_the_detector_looks_now_and_then(network: Network) -> None:
    detector = DiscDetector()
    look = follow(network, detector)
    for frame in range(40):
        joints = person((-1.2 + 0.055 * frame, 0.1, 4.0 - 0.02 * frame), 0.02 * frame)
        (found,) = look(draw([joints], LENS), frame / RATE)
        off = np.linalg.norm(found.pixels - LENS.project(joints)[0], axis=-1)[found.confidence > 0]
        assert len(off) >= 15
        assert np.median(off) < 1
        assert off.max() < 4
    assert detector.looks <= 1 + 40 / RATE / CALM_S


def test_a_crop_fits_its_person_whatever_the_detector_saw(network: Network) -> None:
    class Careless(DiscDetector):
        def people(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            pixels, score = super().people(image)
            middle = pixels.mean(axis=1, keepdims=True)
            return middle + np.float32(1.2) * (pixels - middle), score

    picture = draw([person((0.3, 0.1, 4.0))], LENS)
    (wrong,) = follow(network, Careless())(picture, 0.0)
    (right,) = follow(network, DiscDetector())(picture, 0.0)
    assert wrong.frame.side_px == pytest.approx(right.frame.side_px, rel=0.02)


def test_newcomers_are_found_within_the_time_and_both_are_run_at_once(network: Network) -> None:
    runs = []

    class Counting:
        def run(self, *given: object) -> object:
            runs.append(given)
            return network.session.run(*given)

    detector = DiscDetector()
    look = follow(Network(network.description, Counting()), detector)
    here, late = person((-0.8, 0.1, 4.0)), person((0.9, 0.1, 4.0))
    counts = []
    for frame in range(25):
        people = [here] if frame < 10 else [here, late]
        runs.clear()
        counts.append(len(look(draw(people, LENS), frame / RATE)))
    assert counts[0] == 1
    assert counts[-1] == 2
    assert counts.index(2) - 10 <= RATE * CALM_S + 1
    assert len(runs) == 1


def test_who_leaves_is_lost_and_who_comes_back_is_found_soon(network: Network) -> None:
    look = follow(network, DiscDetector())
    joints = person((0.2, 0.1, 4.0))
    gone = range(20, 30)
    counts = [len(look(draw([] if k in gone else [joints], LENS), k / RATE)) for k in range(45)]
    assert counts[:20] == [1] * 20
    assert counts[20:30] == [0] * 10
    assert counts[30:].index(1) <= RATE * LOOK_S + 1
    assert counts[-1] == 1


def test_two_crops_never_show_one_person_twice(network: Network) -> None:
    class Double(DiscDetector):
        def people(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            pixels, score = super().people(image)
            return np.concatenate([pixels, pixels + 8]), np.concatenate([score, score])

    assert len(follow(network, Double())(draw([person((0.2, 0.1, 4.0))], LENS), 0.0)) == 1


def test_somebody_doubtful_must_be_seen_by_the_detector_too(network: Network) -> None:
    class Doubting:
        """Says the same with a confidence that is nearly none."""

        def run(self, *given: object) -> object:
            positions, confidence = network.session.run(*given)
            return positions, confidence * np.float32(0.15)

    joints = person((0.2, 0.1, 4.0))
    for blind, kept in ((-1.0, 1), (640.0, 0)):
        detector = DiscDetector()
        look = follow(Network(network.description, Doubting()), detector)
        assert len(look(draw([joints], LENS), 0.0)) == 1
        detector.blind = blind
        for frame in range(1, 45):
            found = look(draw([joints], LENS), frame / RATE)
        assert len(found) == kept
    sure = follow(network, detector)
    detector.blind = -1.0
    sure(draw([joints], LENS), 0.0)
    detector.blind = 640.0
    assert all(len(sure(draw([joints], LENS), frame / RATE)) == 1 for frame in range(1, 45))


def test_pictures_without_anybody_and_of_one_pixel(network: Network) -> None:
    for picture in (draw([], LENS), np.zeros((1, 1, 3), np.uint8)):
        assert follow(network, DiscDetector())(picture, 0.0) == []


def test_somebody_half_out_of_the_picture_is_followed(network: Network) -> None:
    look = follow(network, DiscDetector())
    for frame in range(30):
        joints = person((-0.6 - 0.045 * frame, 0.1, 4.0))
        (found,) = look(draw([joints], LENS), frame / RATE)
    inside = LENS.project(joints)[0][:, 0] > 12
    assert 5 <= inside.sum() <= 14
    off = np.linalg.norm(found.pixels - LENS.project(joints)[0], axis=-1)
    assert np.quantile(off[inside], 0.8) < 2, "discs that the edge cuts are off"
