"""Laws of crops: the published matrix, round trips to metres, units that know neither distance nor lens."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epipose.geometry.crop_frames import CropFrame, box_frame, paper_frame
from epipose.geometry.lenses import BrownConrady, Lens, Pinhole

LENSES = (
    Pinhole((1145.0, 1144.0), (512.5, 515.4)),
    BrownConrady((1000.0, 1000.0), (640.0, 360.0), (-0.2, 0.1, 0.001, -0.002, 0.0)),
)
ROOT = np.array([0.3, -0.2, 4.5])


def person(seed: int) -> np.ndarray:
    return ROOT + np.random.default_rng(seed).uniform(-0.9, 0.9, (17, 3))


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_the_published_matrix_is_the_affine_map_of_three_points(turn: float) -> None:
    lens, zoom = LENSES[0], 1.2
    middle = (lens.project(ROOT)[0]).astype(np.float32)
    half = 1000 * np.mean(lens.focal) / (1000 * ROOT[2]) * zoom
    # The published order: centre, centre and half a side down, centre and half a side to the right; then the turn.
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    source = np.array([middle, middle + turned @ [0, half], middle + turned @ [half, 0]], np.float32)
    target = np.array([[128, 128], [128, 256], [256, 128]], np.float32)
    frame = paper_frame(lens, ROOT, zoom=zoom, turn=turn)
    corners = np.array([[0.0, 0, 1], [1000, 0, 1], [0, 1000, 1]])
    np.testing.assert_allclose(
        corners @ frame.crop_from_px.T, corners @ cv2.getAffineTransform(source, target).T, atol=2e-3
    )
    units, _ = frame.units(lens, ROOT + np.array([[0, 0, 0], [0, 0, 0.5]]), ROOT)
    np.testing.assert_allclose(units[0], 0, atol=1e-9)
    assert units[1, 2] == pytest.approx(500 / (2000 * zoom))


@pytest.mark.parametrize("lens", LENSES)
@given(seed=st.integers(0, 1000), turn=st.floats(-3, 3), zoom=st.floats(0.5, 2))
def test_metres_come_back(lens: Lens, seed: int, turn: float, zoom: float) -> None:
    joints = person(seed)
    pixels, _ = lens.project(joints)
    for frame in (paper_frame(lens, ROOT, zoom=zoom, turn=turn), box_frame(pixels, 160, turn=turn)):
        units, seen = frame.units(lens, joints, ROOT)
        back, valid = frame.metres(lens, units, float(ROOT[2]))
        assert seen.all()
        assert valid.all()
        np.testing.assert_allclose(back, joints, atol=1e-6)
        np.testing.assert_allclose(frame.pixels(units), pixels, atol=1e-6)


def test_units_know_neither_distance_nor_lens() -> None:
    flat = np.random.default_rng(0).uniform(-0.9, 0.9, (17, 3)) * [1, 1, 1e-4]
    units = []
    for distance, focal in ((3.0, 800.0), (9.0, 800.0), (9.0, 2500.0)):
        lens, root = Pinhole((focal, focal), (500.0, 500.0)), np.array([0.0, 0.0, distance])
        pixels, _ = lens.project(flat + root)
        units.append(box_frame(pixels, 192).units(lens, flat + root, root)[0])
    np.testing.assert_allclose(units[1], units[0], atol=1e-4)
    np.testing.assert_allclose(units[2], units[0], atol=1e-4)


def test_a_box_holds_its_joints_with_a_margin() -> None:
    pixels = np.array([[100.0, 50.0], [180.0, 450.0]])
    frame = box_frame(pixels, 160, margin=1.25)
    assert isinstance(frame, CropFrame)
    assert frame.side_px == pytest.approx(500)
    ends = np.array([[-0.5 + 0.1, 0, 0], [0.5 - 0.1, 0, 0]])
    np.testing.assert_allclose(np.sort(frame.pixels(ends[:, [1, 0, 2]])[:, 1]), [50, 450], atol=2)
