"""What is drawn on pictures: smooth outlines, near before far, visible on any ground, and words that are never cut."""

import numpy as np
import pytest

from epipose.pose.skeletons import load_skeleton
from epipose.report.drawing import (
    DARK,
    FORESHORTENED,
    LIGHT,
    Limb,
    capsules,
    limb_radii,
    paint_label,
    paint_skeleton,
    relative_depth,
)

BLUE, RED = (40, 90, 220), (220, 60, 40)
CROSS = np.array([[20.0, 20.0], [100.0, 100.0], [20.0, 100.0], [100.0, 20.0]])
ALL = np.ones(4, bool)


def canvas(tone: int = 128, size_wh: tuple[int, int] = (121, 121)) -> np.ndarray:
    return np.full((size_wh[1], size_wh[0], 3), tone, np.uint8)


def crossed(away: list[float], drawn: tuple[Limb, ...]) -> np.ndarray:
    picture = canvas()
    paint_skeleton(picture, CROSS, ALL, drawn, np.full((2, 2), 4.0), np.array(away))
    return picture


def test_outlines_touch_both_ends_and_have_no_dents() -> None:
    rng = np.random.default_rng(0)
    ends, radii = rng.uniform(0, 100, (50, 2, 2)), rng.uniform(1, 8, (50, 2))
    for outline, places, wide in zip(capsules(ends, radii), ends, radii, strict=True):
        beyond = np.linalg.norm(outline[:, None] - places, axis=-1) - wide
        assert beyond.min() > -1e-9, "nothing of an end is left out"
        np.testing.assert_allclose(np.abs(beyond).min(axis=1), 0, atol=1e-9)
        along = np.diff(outline, axis=0, append=outline[:1])
        turns = along[:, 0] * np.roll(along[:, 1], -1) - along[:, 1] * np.roll(along[:, 0], -1)
        assert (turns > -1e-9).all() or (turns < 1e-9).all()


@pytest.mark.parametrize("far", [0, 1])
def test_the_nearer_limb_is_drawn_over_the_farther(far: int) -> None:
    drawn = (Limb((0, 1), BLUE), Limb((2, 3), RED))
    away = [0.0, 0.0, 0.1, 0.1] if far else [0.1, 0.1, 0.0, 0.0]
    for order in (drawn, drawn[::-1]):
        middle = crossed(away, order)[60, 60].astype(int)
        assert np.abs(middle - (BLUE if far else RED)).max() < 12


def test_near_limbs_are_lighter_and_far_ones_darker() -> None:
    drawn = (Limb((0, 1), BLUE), Limb((2, 3), BLUE))
    picture = crossed([-1.0, -1.0, 1.0, 1.0], drawn).astype(int)
    assert picture[40, 40].sum() > sum(BLUE) + 60
    assert picture[80, 40].sum() < sum(BLUE) - 60


def test_limbs_are_thicker_where_they_are_near_and_thin_where_bones_are_short() -> None:
    joints = np.array([[0.0, 0, 3], [0, 0.5, 3.3], [0, 0.54, 3.3]])
    drawn = (Limb((0, 1), BLUE), Limb((1, 2), BLUE))
    away = relative_depth(joints[:, 2], np.ones(3, bool))
    (near, far), (short, _) = limb_radii(joints, away, drawn, 200.0)
    assert near / far == pytest.approx((1 + FORESHORTENED / 3) / (1 - FORESHORTENED / 6))
    assert short < 0.4 * far
    assert relative_depth(np.array([-9.0, 0, 9]), np.ones(3, bool)).tolist() == [-1, 0, 1]


@pytest.mark.parametrize("tone", [0, 255])
def test_limbs_have_a_dark_rim_smooth_edges_and_light_joints(tone: int) -> None:
    skeleton = load_skeleton("h36m17")
    picture = canvas(tone)
    ends = np.zeros((len(skeleton), 2))
    ends[0], ends[1] = (20.3, 30.2), (96.1, 71.7)
    shown = np.arange(len(skeleton)) < 2
    paint_skeleton(picture, ends, shown, (Limb((0, 1), BLUE),), np.full((1, 2), 5.0))
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]])

    def at(place: np.ndarray) -> np.ndarray:
        x, y = np.round(place).astype(int)
        return picture[y, x].astype(int)

    middle = ends[:2].mean(axis=0)
    assert np.abs(at(middle) - BLUE).max() < 4
    assert np.abs(at(middle + 5.9 * across) - DARK).max() < 60
    assert np.abs(at(middle + 9 * across) - tone).max() == 0
    assert np.abs(at(ends[0]) - LIGHT).max() < 30
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 40, "edges are mixtures"


def test_joints_without_a_limb_are_dots() -> None:
    for drawn in ((), (Limb((0, 1), BLUE),)):
        picture = canvas()
        shown = np.array([True, False, True, False])
        paint_skeleton(picture, CROSS, shown, drawn, np.full((len(drawn), 2), 4.0))
        for (x, y), seen in zip(CROSS.astype(int).tolist(), shown.tolist(), strict=True):
            assert (np.abs(picture[y, x].astype(int) - LIGHT).max() < 30) == seen
        assert (picture[60, 60] == 128).all()


def test_labels_stay_in_the_picture_and_are_whole() -> None:
    whole = canvas(255)
    paint_label(whole, "12", np.array([40.0, 40.0]), BLUE, 20.0)
    drawn = int((whole != 255).any(axis=-1).sum())
    assert drawn > 400
    for begin in ((-90.0, -90.0), (500.0, -3.0), (110.0, 500.0)):
        picture = canvas(255)
        paint_label(picture, "12", np.array(begin), BLUE, 20.0)
        assert int((picture != 255).any(axis=-1).sum()) == pytest.approx(drawn, rel=0.03)
    small = canvas(255, (9, 9))
    paint_label(small, "12", np.zeros(2), BLUE, 20.0)
    assert (small == 255).all()
