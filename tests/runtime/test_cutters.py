"""Crops of 2 m at the root, cut by nothing but what was seen: as large as if distances were known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.geometry.crop_frames import PAPER_METRES, box_frame, paper_frame, root_frame
from epipose.geometry.lenses import BrownConrady, Lens
from epipose.runtime.crops import CropLook
from epipose.runtime.cutters import Cutter, PaperCutter, usual_cutter
from epipose.runtime.found import Found
from epipose.runtime.networks import Network, open_network
from epipose.runtime.placing import Person, Placing
from epipose.runtime.predictor import Predictor
from epipose.runtime.sizes import usual_sizes
from epipose.runtime.spotting import Seen, Spotter
from tests.runtime.discs import (
    LENS,
    SIZE_WH,
    SKELETON,
    DiscDetector,
    bone_lengths,
    disc_description,
    draw,
    person,
    write_disc_model,
)

RATE = 30.0
PAPER = disc_description(frame="paper", bone_lengths_m=bone_lengths(person((0, 0, 4))))
WIDE = BrownConrady((520.0, 520.0), (330.0, 230.0), (-0.15, 0.03, 0.001, 0.0, 0.0))
SURE = np.ones(len(SKELETON))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    file = tmp_path_factory.mktemp("models") / "discs.onnx"
    return open_network(write_disc_model(file, frame="paper", bone_lengths_m=PAPER.bone_lengths_m), threads=1)


def cutter(lens: Lens | None) -> Cutter:
    return usual_cutter(PAPER, Placing(SKELETON, usual_sizes(PAPER, None), lens))


def follow(network: Network, lens: Lens | None, detector: DiscDetector) -> CropLook:
    return CropLook(network, cutter(lens), Spotter(detector, SKELETON), detector.people)


def walk(frames: int) -> list[np.ndarray]:
    """Return somebody who comes from 6 m to 2.8 m while turning."""
    away = np.linspace(6, 2.8, frames)
    return [person((0.3 - 0.01 * k, 0.1, z), 0.02 * k, lift=0.3 * np.sin(k / 9)) for k, z in enumerate(away)]


class Careless(DiscDetector):
    """Sees people larger or smaller than they are, or only some joints of them."""

    def __init__(self, scale: float = 1.0, joints: Sequence[str] = SKELETON.joint_names) -> None:
        super().__init__()
        self.scale, self.known = scale, np.isin(SKELETON.joint_names, list(joints))

    def people(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels, score = super().people(image)
        middle = pixels.mean(axis=1, keepdims=True)
        return middle + np.float32(self.scale) * (pixels - middle), np.where(self.known, score, np.float32(0))


@settings(deadline=None, max_examples=40)
@given(away=st.floats(2.5, 30), angle=st.floats(-3, 3), zoom=st.floats(0.6, 2), off=st.floats(-20, 20))
def test_the_next_crop_is_the_published_one_whatever_the_last_was(
    away: float, angle: float, zoom: float, off: float
) -> None:
    joints = person((0.1, 0.05, away), angle)
    middle = LENS.project(joints[0])[0] + off
    seen_in = root_frame(middle, zoom * PAPER_METRES * LENS.focal[0] / away, 160)
    found = Found(seen_in, seen_in.units(LENS, joints, joints[0])[0], SURE)
    published = paper_frame(LENS, joints[0], 160)
    known, unknown = (cutter(lens).found(found, SIZE_WH) for lens in (LENS, None))
    assert known is not None
    np.testing.assert_allclose(known.crop_from_px, published.crop_from_px, rtol=1e-6, atol=1e-4)
    assert (known.size, known.beyond) == (160, 0)
    assert unknown is not None
    assert unknown.side_px == pytest.approx(published.side_px, rel=0.2 / away), "nearer parts look larger"


@pytest.mark.parametrize(("lens", "off"), [(LENS, 0.03), (WIDE, 0.04), (None, 0.06)])
def test_who_comes_nearer_is_shown_in_2_m_all_along(network: Network, lens: Lens | None, off: float) -> None:
    shown, detector = lens or LENS, DiscDetector()
    look = follow(network, lens, detector)
    for frame, joints in enumerate(walk(48)):
        (found,) = look(draw([joints], shown), frame / RATE)
        assert found.frame.side_m(shown, joints[0, 2]) == pytest.approx(PAPER_METRES, rel=off)
        assert np.linalg.norm(found.frame.pixels(np.zeros(3)) - shown.project(joints[0])[0]) < 12
    assert detector.looks < 8


@pytest.mark.parametrize("lens", [LENS, None])
@pytest.mark.parametrize(
    "detector",
    [
        Careless(1.6),
        Careless(0.6),
        Careless(joints=("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "nose")),
        Careless(joints=("left_hip", "left_knee", "right_hip", "left_ankle")),
    ],
    ids=["large", "small", "arm", "legs"],
)
def test_the_first_frame_is_right_whatever_the_detector_saw(
    network: Network, detector: Careless, lens: Lens | None
) -> None:
    joints = person((0.3, 0.1, 4.0), 0.4)
    (found,) = follow(network, lens, detector)(draw([joints], LENS), 0.0)
    assert found.frame.side_m(LENS, joints[0, 2]) == pytest.approx(PAPER_METRES, rel=0.05)
    assert np.median(np.linalg.norm(found.pixels - LENS.project(joints)[0], axis=-1)) < 1


@pytest.mark.parametrize("adult", [False, True])
def test_a_guess_from_flat_joints_is_some_way_off_at_most(adult: bool) -> None:
    sizes = usual_sizes(disc_description() if adult else PAPER, None)
    rng = np.random.default_rng(0)
    ratios = []
    for angle in np.linspace(-3, 3, 25):
        joints = person((0.2, 0.1, 4.0), angle, lift=0.5)
        pixels = LENS.project(joints)[0] + rng.normal(0, 3, (len(joints), 2))
        ratios.append(sizes.flat_metre(pixels, SURE > 0) * joints[0, 2] / LENS.focal[0])
    assert min(ratios) > 0.85
    assert max(ratios) < 1.2
    bent = person((0.2, 0.1, 4.0))
    knees, ankles = ([SKELETON.index(f"{side}_{name}") for side in ("left", "right")] for name in ("knee", "ankle"))
    bent[ankles] += (bent[knees] - bent[ankles]) + [0, 0.45, 0]
    bent[knees] += [0, -0.42, -0.43]
    bent[ankles] += [0, -0.42, -0.43]
    seated = sizes.flat_metre(LENS.project(bent)[0], SURE > 0) * 4.0 / LENS.focal[0]
    assert 0.8 < seated < 1.2, "thighs that point at the camera tell nothing"


def test_people_of_whom_nothing_tells_the_size_are_not_shown() -> None:
    nose = np.array([name in ("nose", "left_wrist", "right_ankle", "left_knee") for name in SKELETON.joint_names])
    pixels = LENS.project(person((0, 0, 4)))[0]
    paper = cutter(None)
    assert paper.detected(Seen(pixels, nose.astype(float)), SIZE_WH) is None
    assert paper.detected(Seen(pixels, SURE), SIZE_WH) is not None
    assert paper.detected(Seen(pixels + 4000, SURE), SIZE_WH) is None
    frame = box_frame(pixels, 160)
    assert paper.found(Found(frame, np.zeros((17, 3)), np.zeros(17)), SIZE_WH) is None
    assert paper.found(Found(frame, np.zeros((17, 3)), SURE), SIZE_WH) is None


def test_beyond_the_picture_it_is_black_as_published(network: Network) -> None:
    given = []

    class Watching:
        def run(self, outputs: object, inputs: dict[str, np.ndarray]) -> object:
            given.append(inputs["pictures"])
            return network.session.run(outputs, inputs)

    watching = Network(network.description, Watching())
    picture = np.maximum(draw([person((1.6, 0.1, 4.0))], LENS), 1)
    follow(watching, LENS, DiscDetector())(picture, 0.0)
    assert given
    assert all((crops[:, :, -20:] == 0).all() and (crops[:, :, :80] > 0).all() for crops in given)


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Network:
    file: Path = tmp_path_factory.mktemp("models") / "boxes.onnx"
    return open_network(write_disc_model(file, bone_lengths_m=PAPER.bone_lengths_m), threads=1)


def watch(network: Network, lens: Lens | None, frames: Sequence[np.ndarray]) -> list[Person]:
    found = []
    with Predictor(network, Careless(1.3), lens=lens).stream() as stream:
        for number, joints in enumerate(frames):
            (one,) = stream.look(draw([joints], lens or LENS), number / RATE)
            found.append(one)
    return found


@pytest.mark.parametrize("lens", [LENS, WIDE, None])
def test_positions_are_metres_as_those_of_other_networks_are(
    network: Network, boxes: Network, lens: Lens | None
) -> None:
    standing = [person((0.4, 0.1, 4.5), 0.3)] * 8
    paper, box = (watch(each, lens, standing)[-1] for each in (network, boxes))
    np.testing.assert_allclose(paper.joints, box.joints, atol=0.05)
    np.testing.assert_allclose(paper.sigma, box.sigma, rtol=0.25)
    if lens is not None:
        assert np.abs(paper.joints - standing[0]).max() < 0.08
        assert abs(paper.joints[0, 2] / 4.5 - 1) < 0.01


def test_a_person_who_comes_is_placed_all_along(network: Network) -> None:
    truth = walk(60)
    found = watch(network, LENS, truth)
    off = np.array([one.joints[0, 2] / joints[0, 2] - 1 for one, joints in zip(found, truth, strict=True)])
    assert np.abs(off).max() < 0.04, "with what smoothing lags behind at 1.6 m/s"


def test_a_height_that_is_told_scales_what_is_shown() -> None:
    joints = person((0.1, 0.05, 5.0))
    frame = paper_frame(LENS, joints[0], 160)
    found = Found(frame, frame.units(LENS, joints, joints[0])[0], SURE)
    cutters = [PaperCutter(160, Placing(SKELETON, usual_sizes(PAPER, height), LENS)) for height in (1.2, 1.8)]
    child, adult = (each.found(found, SIZE_WH) for each in cutters)
    assert child is not None
    assert adult is not None
    assert child.side_px / adult.side_px == pytest.approx(1.5, rel=1e-6)
