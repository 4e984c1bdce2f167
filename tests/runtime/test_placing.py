"""Laws of metres: what was put into units of a crop comes back, whatever the crop, the lens and the size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.geometry.crop_frames import NEAR, CropFrame, box_frame
from epipose.geometry.images import framing
from epipose.geometry.lenses import BrownConrady, Lens, Pinhole
from epipose.models.crop_poses import Marginals, crop_poses
from epipose.pose.bones import MEAN_STATURE_M, stature_of
from epipose.pose.roots import from_root
from epipose.pose.skeletons import Skeleton
from epipose.runtime.found import Found
from epipose.runtime.placing import Person, Placing, deviation
from epipose.runtime.sizes import usual_sizes
from tests.runtime.discs import SKELETON, bone_lengths, disc_description, person

LENSES = (
    Pinhole((1145.0, 1144.0), (512.5, 515.4)),
    BrownConrady((600.0, 600.0), (640.0, 360.0), (-0.2, 0.1, 0.001, -0.002, 0.0)),
)
TALL = person((0.4, -0.2, 4.5), angle=0.8, height=1.1)
SURE = np.full(len(SKELETON), 0.8)


def seen(joints: np.ndarray, lens: Lens, frame: CropFrame | None = None, confidence: np.ndarray = SURE) -> Found:
    pixels, _ = lens.project(joints)
    frame = frame or box_frame(pixels, 160)
    return Found(frame, frame.units(lens, joints, joints[0])[0], confidence)


def placed(found: Found, lens: Lens | None, **known: object) -> Person:
    height = known.pop("height_m", None)
    sizes = usual_sizes(disc_description(**known), height)  # type: ignore[arg-type]
    placing = Placing(SKELETON, sizes, lens)
    shape = placing.shape(found)
    return placing.person(found, shape, placing.size(shape, found.confidence), 0)


@pytest.mark.parametrize("lens", LENSES)
@settings(deadline=None, max_examples=40)
@given(
    root=st.tuples(st.floats(-1, 1), st.floats(-0.5, 0.5), st.floats(3, 30)),
    angle=st.floats(-3, 3),
    zoom=st.floats(0.7, 3),
    turn=st.floats(-3, 3),
)
def test_people_whose_bones_are_known_are_where_they_are(
    lens: Lens, root: tuple[float, float, float], angle: float, zoom: float, turn: float
) -> None:
    truth = person(root, angle)
    pixels, _ = lens.project(truth)
    frame = CropFrame(framing(pixels[0] + 9, zoom * float(np.ptp(pixels)), 192, turn=turn), 192)
    found = placed(seen(truth, lens, frame), lens, bone_lengths_m=bone_lengths(truth))
    np.testing.assert_allclose(found.joints, truth, atol=1e-5 * root[2])
    np.testing.assert_allclose(found.pixels, pixels, atol=1e-3)
    np.testing.assert_allclose(found.weight, SURE, rtol=1e-6)


@pytest.mark.parametrize("lens", LENSES)
def test_twice_the_size_is_twice_as_far(lens: Lens) -> None:
    found, lengths = seen(TALL, lens), bone_lengths(TALL)
    stature = stature_of(lengths)
    assert stature is not None
    same = placed(found, lens, bone_lengths_m=lengths, height_m=stature[0])
    np.testing.assert_allclose(same.joints, TALL, atol=1e-5)
    double = placed(found, lens, bone_lengths_m=lengths, height_m=1.5 * stature[0])
    np.testing.assert_allclose(double.joints, 1.5 * TALL, atol=1e-4)
    np.testing.assert_allclose(double.sigma, 1.5 * same.sigma, rtol=1e-5)


@pytest.mark.parametrize("lens", [LENSES[0], None])
def test_an_average_adult_has_an_average_adults_stature(lens: Lens | None) -> None:
    found = seen(TALL, LENSES[0])
    average, given = placed(found, lens), placed(found, lens, height_m=MEAN_STATURE_M)
    np.testing.assert_allclose(average.joints, given.joints)
    stature = stature_of(bone_lengths(average.joints.astype(float)))
    assert stature is not None
    assert stature[0] == pytest.approx(MEAN_STATURE_M, rel=0.05)


def test_without_a_lens_people_are_as_from_far_away() -> None:
    lens = Pinhole((20000.0, 20000.0), (512.5, 515.4))
    truth = person((0.4, -0.2, 60.0), angle=0.8)
    for turnless in (box_frame(lens.project(truth)[0], 160), box_frame(lens.project(truth)[0] + 20, 64, margin=1.7)):
        found = placed(seen(truth, lens, turnless), None, bone_lengths_m=bone_lengths(truth))
        np.testing.assert_allclose(found.joints, from_root(truth, SKELETON), atol=0.01)
    near = placed(seen(TALL, LENSES[0]), None, bone_lengths_m=bone_lengths(TALL))
    off = np.linalg.norm(near.joints - from_root(TALL, SKELETON), axis=-1)
    assert np.median(off) < 0.03
    assert off.max() < 0.2, "what is 0.6 m nearer than the root at 4.5 m looks 13 % larger"


@pytest.mark.parametrize("lens", [LENSES[0], None])
def test_joints_that_are_not_known_tell_no_size(lens: Lens | None) -> None:
    lengths = bone_lengths(TALL)
    whole = seen(TALL, LENSES[0])
    wrist = SKELETON.index("left_wrist")
    confidence, units = SURE.copy(), whole.units.copy()
    confidence[wrist], units[wrist] = 0.0, 7.0
    partly = placed(Found(whole.frame, units, confidence), lens, bone_lengths_m=lengths)
    others = np.arange(len(SKELETON)) != wrist
    without = placed(Found(whole.frame, whole.units, confidence), lens, bone_lengths_m=lengths)
    np.testing.assert_array_equal(partly.joints[others], without.joints[others])
    assert partly.weight[wrist] == 0
    nothing = placed(Found(whole.frame, units, np.zeros(len(SKELETON))), lens, bone_lengths_m=lengths)
    assert not nothing.weight.any()
    assert np.isfinite(nothing.joints).all()


@pytest.mark.parametrize("lens", [LENSES[0], None])
def test_jitter_makes_people_hardly_smaller(lens: Lens | None) -> None:
    rng = np.random.default_rng(0)
    whole, lengths = seen(TALL, LENSES[0]), bone_lengths(TALL)
    noise = 0.06 / whole.frame.side_m(LENSES[0], float(TALL[0, 2]))
    sizes = []
    for units in whole.units + rng.normal(0, noise, (200, *whole.units.shape)):
        placed_there = placed(Found(whole.frame, units, SURE), lens, bone_lengths_m=lengths)
        sizes.append(np.linalg.norm(placed_there.joints[0] if lens else np.ptp(placed_there.joints, axis=0)))
    still = placed(whole, lens, bone_lengths_m=lengths)
    truth = np.linalg.norm(still.joints[0] if lens else np.ptp(still.joints, axis=0))
    assert 0.93 < np.mean(sizes) / truth < 1.03, "6 cm along each axis"


def test_what_lies_behind_the_camera_is_not_known() -> None:
    found = seen(TALL, LENSES[0])
    units = found.units.copy()
    units[3, 2] = -1.2 * LENSES[0].focal[0] / found.frame.side_px
    placed_there = placed(Found(found.frame, units, SURE), LENSES[0], bone_lengths_m=bone_lengths(TALL))
    assert np.flatnonzero(placed_there.weight == 0).tolist() == [3]


@pytest.mark.parametrize("sigma", [0.015, 0.03, 0.06, 0.12])
def test_a_deviation_is_that_of_the_distributions_a_confidence_comes_from(sigma: float) -> None:
    cells = torch.arange(640) / 640 - 0.5
    axis = torch.softmax(-(((cells - 0.003) / sigma) ** 2) / 2, dim=-1)[None, None]
    confidence = crop_poses(Marginals(axis, axis, axis)).confidence.double().numpy()
    np.testing.assert_allclose(deviation(confidence), sigma, rtol=0.05)
    assert 0 < deviation(np.ones(1))[0] < NEAR / 3
    assert deviation(np.zeros(1))[0] == 0.5


def test_what_positions_mean_is_said() -> None:
    lengths = {"bone_lengths_m": bone_lengths(TALL)}
    for lens, known, height, measure, source in (
        (LENSES[0], lengths, None, "camera metres", "taught"),
        (LENSES[0], {}, 1.8, "camera metres", "1.80 m"),
        (LENSES[0], lengths, 1.8, "camera metres", "1.80 m"),
        (LENSES[0], {}, None, "camera metres, average adult", "average"),
        (None, lengths, None, "relative metres", "taught"),
        (None, {}, None, "relative, average adult", "average"),
    ):
        placing = Placing(SKELETON, usual_sizes(disc_description(**known), height), lens)
        assert placing.measure == measure
        assert source in placing.sizes.source


def test_sizes_that_cannot_be_are_refused() -> None:
    for height in (-1.75, 175.0, float("nan")):
        with pytest.raises(InputError, match="cannot be a person's"):
            usual_sizes(disc_description(), height)
    horse = Skeleton("horse", ("withers", "croup"), (None, "withers"), ())
    with pytest.raises(InputError, match="withers, croup"):
        usual_sizes(disc_description(skeleton=horse), None)
