"""What pictures of poses show is where it should be, as large as it should be, and what is not known is not shown."""

import numpy as np
import pytest
from jaxtyping import Bool
from numpy import ndarray

from epipose.errors import InputError
from epipose.pose.roots import from_root
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.report.overlay import MOST_PX
from epipose.report.palette import LEFT, MIDDLE, RIGHT, rgb, view_colour
from epipose.report.pose_pictures import (
    LEAST_PX,
    PANEL,
    TALL,
    before_after,
    latent_walk,
    mean_error,
    person_picture,
    three_views,
)
from epipose.report.pose_views import EDGE, GAP
from epipose.report.sheet import SOFT, TEXT
from tests.report.learning.sample import units

SKELETON = load_skeleton("h36m17")
# From a root a metre to the right (in the colour of the left side), down (the right side) and away (the middle).
AXES = Skeleton("axes", ("pelvis", "x", "y", "z"), (None, "pelvis", "pelvis", "pelvis"), (("x", "y"),))
METRES = 1000 * np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def walker() -> ndarray:
    """Return a pose (17, 3) in mm of somebody who faces the camera, the right wrist held out towards it."""
    pose = 1000 * from_root(2 * units(), SKELETON)
    pose[SKELETON.index("right_wrist"), 2] -= 700
    return np.asarray(pose)


def panels(picture: ndarray) -> list[ndarray]:
    """Return the three views of a picture."""
    top = round(EDGE + TEXT + GAP)
    begins = [round(EDGE + number * (PANEL + GAP)) for number in range(3)]
    return [picture[top : top + round(PANEL), begin : begin + round(PANEL)] for begin in begins]


def where(picture: ndarray, colour: str) -> Bool[ndarray, "height width"]:
    """Return which pixels have a colour."""
    return np.asarray((np.abs(picture.astype(int) - rgb(colour)) < 20).all(axis=-1))


def extent(picture: ndarray, colour: str) -> tuple[int, int]:
    """Return how many pixels wide and high what has a colour is."""
    ys, xs = np.nonzero(where(picture, colour))
    return (int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1) if len(xs) else (0, 0)


def middle(picture: ndarray, colour: str) -> tuple[float, float]:
    ys, xs = np.nonzero(where(picture, colour))
    return float(xs.mean()), float(ys.mean())


def test_views_are_from_the_front_the_cameras_right_and_above() -> None:
    front, side, above = panels(three_views(METRES[None], AXES, ["axes"]))
    assert middle(front, LEFT)[0] > middle(front, RIGHT)[0] + 100
    assert middle(front, RIGHT)[1] > middle(front, LEFT)[1] + 100
    assert middle(side, MIDDLE)[0] > middle(side, RIGHT)[0] + 100
    assert middle(side, RIGHT)[1] > middle(side, MIDDLE)[1] + 100
    assert middle(above, LEFT)[0] > middle(above, MIDDLE)[0] + 100
    assert middle(above, MIDDLE)[1] < middle(above, LEFT)[1] - 100


def test_a_metre_is_as_long_in_every_view_that_it_lies_in_and_twice_the_bar() -> None:
    bone = Skeleton("bone", ("pelvis", "tip"), (None, "pelvis"), (("tip", "pelvis"),))
    lengths = []
    for axis, (across, along, away) in enumerate(((0, 2, 1), (1, 0, 2), (2, 1, 0))):
        picture = three_views(METRES[None, [0, axis + 1]], bone, ["bone"])
        views = [extent(view, LEFT) for view in panels(picture)]
        # Across or along the view it is long; where it goes away from whoever looks, it is a dot.
        lengths += [max(views[across]), max(views[along])]
        assert max(views[away]) < 12
        assert min(*views[across], *views[along]) < 12
    assert max(lengths) - min(lengths) <= 1
    row = np.all(picture[round(picture.shape[0] - EDGE - TEXT / 3)] == SOFT, axis=-1)
    bar = max(len(run) for run in "".join("#" if soft else " " for soft in row).split())
    # A limb is longer than its bone by its dots, the bar by its ends.
    assert 2 * (bar - 2) == pytest.approx(lengths[0] - 6, abs=3)


def test_somebody_who_faces_the_camera_has_their_left_on_the_right_and_reaches_out_to_it() -> None:
    front, side, above = panels(three_views(walker()[None], SKELETON, ["walker"]))
    assert middle(front, LEFT)[0] > middle(front, RIGHT)[0] + 30
    # The camera is on the left of the view from the side, and at the bottom of that from above.
    assert np.nonzero(where(side, RIGHT))[1].min() < np.nonzero(where(side, LEFT))[1].min() - 50
    assert np.nonzero(where(above, RIGHT))[0].max() > np.nonzero(where(above, LEFT))[0].max() + 50


def test_all_of_a_pose_is_within_each_view_with_room_around() -> None:
    pose = 2 * walker() + np.array([0, -900.0, 500.0])
    for view in panels(three_views(pose[None], SKELETON, ["walker"])):
        ys, xs = np.nonzero(where(view, LEFT) | where(view, RIGHT))
        assert min(ys.min(), xs.min(), PANEL - ys.max(), PANEL - xs.max()) > 0.05 * PANEL


def test_a_mirrored_pose_has_a_mirrored_front() -> None:
    pose = walker() + np.random.default_rng(0).normal(0, 60, (17, 3))
    mirrored = pose[list(SKELETON.mirror)] * [-1, 1, 1]
    front, other = (panels(three_views(one[None], SKELETON, ["walker"]))[0] for one in (pose, mirrored))
    for colour, swapped in ((LEFT, RIGHT), (RIGHT, LEFT)):
        one, flipped, unflipped = where(front, colour), where(other, swapped)[:, ::-1], where(other, swapped)
        assert (one & flipped).sum() > 0.85 * (one | flipped).sum()
        assert (one & unflipped).sum() < 0.5 * (one | unflipped).sum()


def test_what_is_nearer_hides_what_is_behind() -> None:
    cross = Skeleton("cross", ("pelvis", "a", "b", "c", "d"), (None, None, "a", None, "c"), (("b", "d"),))
    pose = np.array([[0, 0, 0], [-400, -400, -100], [400, 400, -100], [-400, 400, 100], [400, -400, 100.0]])
    for depth, colour in ((1, LEFT), (-1, RIGHT)):
        front = panels(three_views((pose * [1, 1, depth])[None], cross, ["cross"]))[0]
        assert where(front, colour)[round(PANEL / 2), round(PANEL / 2)]


def test_several_poses_have_colours_of_their_own_and_the_last_is_on_top() -> None:
    pose = walker()
    front = panels(three_views([pose, pose + np.array([150.0, 0, 0])], SKELETON, ["truth", "found"]))[0]
    assert middle(front, view_colour(2))[0] > middle(front, "#1d2127")[0] + 20
    assert not where(front, LEFT).any()
    hidden = panels(three_views([pose, pose], SKELETON, ["truth", "found"]))[0]
    assert where(hidden, "#1d2127").sum() < 0.1 * where(front, "#1d2127").sum()


def test_joints_that_are_not_known_are_left_out() -> None:
    pose, wrist = walker(), SKELETON.index("left_wrist")
    known = panels(three_views(pose[None], SKELETON, ["walker"]))[0]
    pose[wrist] = np.nan
    front = panels(three_views(pose[None], SKELETON, ["walker"]))[0]
    assert 0 < where(front, LEFT).sum() < where(known, LEFT).sum() - 50
    np.testing.assert_array_equal(where(front, RIGHT), where(known, RIGHT))
    nothing = np.full((2, 17, 3), np.nan)
    for picture in (
        three_views(nothing[:1], SKELETON, ["nobody"]),
        latent_walk(nothing, SKELETON),
        before_after(nothing, nothing, nothing, SKELETON),
    ):
        assert not where(picture[: -round(EDGE + TEXT)], LEFT).any()


def test_the_error_counts_joints_that_both_know_but_not_the_root() -> None:
    truth = walker()
    found = truth + np.array([3.0, 0, 4.0])
    found[SKELETON.index("pelvis")] = truth[SKELETON.index("pelvis")]
    found[SKELETON.index("nose")] += [0, 0, 160.0]
    assert mean_error(found, truth, SKELETON) > 10
    found[SKELETON.index("nose")] = np.nan
    assert mean_error(found, truth, SKELETON) == pytest.approx(5)
    assert np.isnan(mean_error(np.full((17, 3), np.nan), truth, SKELETON))


def test_rows_show_what_is_given_in_front_of_the_truth() -> None:
    truth = np.stack([walker(), walker() * [-1, 1, 1], walker() * 0.8])
    noisy = truth + np.random.default_rng(0).normal(0, 40, truth.shape)
    same, drawn = before_after(truth, truth, truth, SKELETON), before_after(noisy, truth, truth, SKELETON)
    tall, room = round(TALL), round(TALL + TEXT + 2 * GAP)
    begin = round(EDGE)
    one, other, last = (same[begin + room * row : begin + room * row + tall, 140:] for row in range(3))
    np.testing.assert_array_equal(one, other)
    assert (where(one, LEFT) ^ where(last, LEFT)).sum() < 0.01 * where(one, LEFT).sum()
    noise, clean = (drawn[begin + room * row : begin + room * row + tall, 140:] for row in range(2))
    assert (where(noise, LEFT) & where(clean, LEFT)).sum() < 0.7 * where(clean, LEFT).sum()


def test_a_walk_is_shown_first_to_last_in_equal_steps() -> None:
    poses = np.stack([walker()] * 6)
    poses[-1, [SKELETON.index(f"left_{joint}") for joint in ("elbow", "wrist")]] = np.nan
    widths = [latent_walk(poses[:count], SKELETON).shape[1] for count in (5, 6)]
    picture, step = latent_walk(poses, SKELETON), widths[1] - widths[0]
    # From the right, without the percentages.
    begin = round(EDGE + TEXT + GAP)
    frames = [picture[begin : begin + 2 * round(TALL), -round(EDGE) - step * (n + 1) :][:, :step] for n in range(6)]
    blue = [where(frame, LEFT).sum() for frame in frames]
    assert np.ptp(blue[1:]) < 0.05 * blue[1]
    assert blue[0] < 0.85 * blue[1]


@pytest.mark.parametrize(("side", "shown"), [(100, LEAST_PX), (1000, 1000), (4000, MOST_PX)])
def test_the_box_and_the_joints_are_where_they_were_in_the_picture(side: int, shown: int) -> None:
    box = np.array([0.2, 0.1, 0.7, 0.9]) * side
    pixels = (units()[:, :2] * 0.6 + 0.5) * side - 0.5
    weight = np.ones(17)
    weight[SKELETON.index("left_ankle")] = 0
    given = np.full((side, side, 3), 90, np.uint8)
    picture = person_picture(given, box, pixels, weight, SKELETON)
    assert picture.shape == (shown, shown, 3)
    assert (given == 90).all()
    ys, xs = np.nonzero(where(picture, view_colour(2)))
    scale = shown / side
    for found, true in zip((xs.min(), ys.min(), xs.max(), ys.max()), (box + 0.5) * scale - 0.5, strict=True):
        assert found == pytest.approx(true, abs=4)
    for joints, colour, drawn in (
        (("right_knee", "right_ankle"), RIGHT, True),
        (("left_knee", "left_ankle"), LEFT, False),
        (("left_hip", "left_knee"), LEFT, True),
    ):
        x, y = (pixels[[SKELETON.index(joint) for joint in joints]].mean(axis=0) * scale).round().astype(int)
        assert where(picture[y - 4 : y + 5, x - 4 : x + 5], colour).any() == drawn


def test_a_box_beyond_the_picture_and_joints_that_are_nan_do_no_harm() -> None:
    pixels = np.full((17, 2), np.nan)
    drawn = person_picture(np.zeros((30, 20, 3), np.uint8), np.array([-50.0, 5, 10, 90]), pixels, np.ones(17), SKELETON)
    assert drawn.shape == (LEAST_PX, LEAST_PX * 2 // 3, 3)


def test_what_cannot_be_drawn_is_refused() -> None:
    pose, photo = walker(), np.zeros((30, 20, 3), np.uint8)
    with pytest.raises(InputError, match="no poses"):
        three_views([], SKELETON, [])
    with pytest.raises(InputError, match="no poses"):
        latent_walk(np.zeros((0, 17, 3)), SKELETON)
    with pytest.raises(InputError, match="no poses"):
        before_after(*[np.zeros((0, 17, 3))] * 3, SKELETON)
    with pytest.raises(InputError, match="1 poses cannot have 2 names"):
        three_views([pose], SKELETON, ["truth", "found"])
    with pytest.raises(InputError, match="16 joints are not those of skeleton 'h36m17'"):
        latent_walk(pose[None, 1:], SKELETON)
    for box in ([5.0, 5, 5, 9], [9.0, 5, 5, 9], [np.nan, 5, 9, 9]):
        with pytest.raises(InputError, match="has no size"):
            person_picture(photo, np.array(box), pose[:, :2], np.ones(17), SKELETON)
