"""Made-up errors of detectors are as large and as frequent as they say, and leave something to learn from."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.geometry.crop_frames import MARGIN
from epipose.pose.conversion import conversion
from epipose.pose.skeletons import Skeleton, load_skeleton, skeleton_names
from epipose.runtime.spotting import SURE
from epipose.training.keypoint_errors import ADDED, FEWEST, MADE_UP, ErrorLevels, KeypointErrors
from epipose.training.sight_sources import filmed
from epipose.training.sights import Sights, squares_around
from tests.training.bodies import BODY, standing

EXACT = ErrorLevels(
    noise=(1e-9, 1e-9), wild=0.0, lossy=0.0, hidden=0.0, cut=0.0, limb_swapped=0.0, body_swapped=0.0, kinds=0.0
)
COUNT = 2000
MIRROR = np.array(BODY.mirror)


@pytest.fixture(scope="module")
def exact() -> Sights:
    return filmed(standing(COUNT), BODY, np.random.default_rng(0))[0]


def made(sights: Sights, levels: ErrorLevels) -> Sights:
    return KeypointErrors(BODY, levels)(sights, np.random.default_rng(1))


def test_without_errors_everything_is_found_where_it_is(exact: Sights) -> None:
    found = made(exact, EXACT)
    np.testing.assert_allclose(found.found, exact.places[..., :2], atol=1e-3)
    assert (found.score >= SURE).all()
    for name in ("places", "weight"):
        np.testing.assert_array_equal(getattr(found, name), getattr(exact, name))


def test_noise_is_a_part_of_the_persons_box_and_scores_tell_of_it(exact: Sights) -> None:
    found = made(exact, replace(EXACT, noise=(0.02, 0.02), wild=0.05))
    side = (squares_around(exact).side / MARGIN)[:, None]
    off = np.linalg.norm(found.found - exact.places[..., :2], axis=-1) / side
    # The median length of Gaussian errors in two directions is 1.18 sigma.
    assert np.median(off) == pytest.approx(0.0235, rel=0.06)
    assert np.mean(off > 6 * 0.02) == pytest.approx(0.05, abs=0.025)
    assert found.score[off > 0.08].mean() < found.score[off < 0.02].mean() - 0.1


def test_hidden_limbs_hang_together(exact: Sights) -> None:
    lost = made(exact, replace(EXACT, hidden=1.0)).score == 0
    assert np.mean(lost.any(axis=1)) == pytest.approx(0.5, abs=0.04)
    for above, below in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
        for side in ("left", "right"):
            assert lost[lost[:, BODY.index(f"{side}_{above}")], BODY.index(f"{side}_{below}")].all()


def test_a_cut_takes_all_beyond_an_edge(exact: Sights) -> None:
    cut = made(exact, replace(EXACT, cut=1.0))
    lost = cut.score == 0
    assert lost.any(axis=1).mean() > 0.9
    ends = [
        np.where(lost, sign * exact.places[..., axis], np.inf).min(axis=1)
        >= np.where(lost, -np.inf, sign * exact.places[..., axis]).max(axis=1)
        for sign in (1, -1)
        for axis in (0, 1)
    ]
    assert np.any(ends, axis=0).all()


@pytest.mark.parametrize(("levels", "whole"), [({"limb_swapped": 1.0}, False), ({"body_swapped": 1.0}, True)])
def test_sides_are_confused(exact: Sights, levels: dict[str, float], whole: bool) -> None:
    swapped = made(exact, replace(EXACT, **levels)).found
    places = exact.places[..., :2]
    other = np.abs(swapped - places).max(axis=-1) > 0.01
    assert other.any(axis=1).all()
    np.testing.assert_allclose(swapped[other], places[:, MIRROR][other], atol=1e-3)
    sided = np.flatnonzero(np.arange(len(BODY)) != MIRROR)
    assert other[:, sided].all() == whole


def test_kinds_lack_joints_or_make_them_as_the_runtime_does(exact: Sights) -> None:
    found = made(exact, replace(EXACT, kinds=1.0))
    coco = [joint in load_skeleton("coco17").joint_names for joint in BODY.joint_names]
    lacking = found.score[:, ~np.array(coco)] == 0
    # Of four kinds two know none of these joints; half of these lack them, the others make them.
    assert lacking.all(axis=1).mean() == pytest.approx(0.25, abs=0.04)
    pelvis, hips = BODY.index("pelvis"), [BODY.index("left_hip"), BODY.index("right_hip")]
    own = np.abs(found.found[:, pelvis] - exact.places[:, pelvis, :2]).max(axis=-1) < 1e-3
    middle = np.abs(found.found[:, pelvis] - found.found[:, hips].mean(axis=1)).max(axis=-1) < 1e-3
    assert (own | middle).all()
    spine, thorax = BODY.index("spine"), BODY.index("thorax")
    is_made = np.abs(found.found[:, spine] - (found.found[:, pelvis] + found.found[:, thorax]) / 2).max(axis=-1) < 1e-3
    shoulders = found.found[:, [BODY.index("left_shoulder"), BODY.index("right_shoulder")]].mean(axis=1)
    assert np.abs(found.found[is_made, thorax] - shoulders[is_made]).max() < 1e-3
    assert "spine" in conversion(load_skeleton("coco17"), BODY).synthesised
    assert is_made.mean() > 0.4


@pytest.mark.parametrize("name", skeleton_names())
@pytest.mark.parametrize("levels", [MADE_UP, ADDED], ids=["made up", "added"])
def test_enough_is_left_whatever_the_skeleton(name: str, levels: ErrorLevels) -> None:
    skeleton: Skeleton = load_skeleton(name)
    rng = np.random.default_rng(2)
    places = rng.normal(size=(300, len(skeleton), 3)).astype(np.float32) * 100
    seen = np.ones(places.shape[:2], np.float32)
    worst = replace(levels, hidden=1.0, cut=1.0, lossy=1.0)
    found = KeypointErrors(skeleton, worst)(Sights(places, seen, places[..., :2].copy(), seen), rng)
    assert ((found.score > 0).sum(axis=1) >= min(FEWEST, len(skeleton))).all()
    assert np.isfinite(found.found).all()
    assert set(np.unique(found.score == 0)) <= {True, False}
    assert found.score.max() <= 1
    assert found.score[found.score > 0].min() >= SURE - 1e-6
