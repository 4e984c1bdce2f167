"""Obstacles are found where they hide people, or taken where users say; guesses behind them are not believed."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose import InputError
from epipose.calibration.obstacles import Disc, covered
from epipose.io.video_writing import h264, video_writer
from epipose.pipeline.obstacles import Asked, believed, obstacles_in_words, with_obstacles
from epipose.pipeline.progress import no_report
from epipose.pipeline.teaching import TaughtView, Teaching
from epipose.pose.keypoints import Keypoints, Poses
from epipose.studio.room_views import room_view
from epipose.training.pseudo_labels import PseudoLabels
from tests.pipeline.captures import CAMERAS, COCO, figure

TIMES = np.arange(0, 6, 0.2)
SIZE_WH = (800, 450)
DISC = Disc((391.0, 275.0), 67.0)
LAMP = Disc((416.0, 141.0), 50.0)
"""On the wall behind the person."""


@cache
def room() -> ndarray:
    return np.asarray(cv2.resize(room_view(np.random.default_rng(1), 256), SIZE_WH))


def filmed(folder: Path, name: str, *, before: Sequence[Disc] = (), behind: Sequence[Disc] = ()) -> TaughtView:
    """Write a video of the sample's figure in a room with discs, and return its view."""
    camera = CAMERAS[name].resized(SIZE_WH)
    joints = figure(TIMES)
    pixels, _ = camera.project(joints)
    path = folder / f"{name}.mp4"
    still = _drawn(room(), behind)
    with video_writer(path, SIZE_WH, Fraction(5), h264(23)) as append:
        for places in pixels:
            append(_drawn(still, before, _bones(places)))
    pixels = pixels[:, None].astype(np.float32)
    keypoints = Keypoints(pixels, np.ones(pixels.shape[:3], np.float32), TIMES, COCO, SIZE_WH)
    return TaughtView(name, path, camera, keypoints, 0.0, apart=np.zeros(pixels.shape[:3]))


def _bones(places: ndarray) -> list[list[list[int]]]:
    bones = [[places[joint], places[parent]] for parent, joint in COCO.bones]
    return [np.round(ends).astype(int).tolist() for ends in bones]


def _drawn(picture: ndarray, discs: Sequence[Disc], bones: Sequence[list[list[int]]] = ()) -> ndarray:
    picture = picture.copy()
    for begin, end in bones:
        cv2.line(picture, begin, end, (210, 90, 40), 15)
    for disc in discs:
        cv2.circle(picture, [round(place) for place in disc.middle], round(disc.radius), (30, 60, 50), -1, cv2.LINE_AA)
    return picture


def taught(*views: TaughtView) -> Teaching:
    positions = figure(TIMES)[:, None].astype(np.float32)
    weight = np.full(positions.shape[:3], 0.9, np.float32)
    poses = Poses(positions, 0 * weight, weight, TIMES, COCO)
    return Teaching(Path("capture"), views, PseudoLabels(poses, weight, 0.0, 0.0), "perfect")


@pytest.fixture(scope="module")
def teaching(tmp_path_factory: pytest.TempPathFactory) -> Teaching:
    """Return a capture with a disc before its first camera, and one behind the person before its second."""
    folder = tmp_path_factory.mktemp("filmed")
    return taught(
        filmed(folder, "cam1", before=[DISC]),
        filmed(folder, "cam2", behind=[LAMP]),
        filmed(folder, "cam3"),
        filmed(folder, "cam4"),
    )


def look(teaching: Teaching, text: str) -> Teaching:
    return with_obstacles([teaching], Asked.parse(text), no_report)[0]


def test_what_hides_people_is_found_and_what_is_behind_them_is_not(teaching: Teaching) -> None:
    found = look(teaching, "auto")
    assert [len(view.discs) for view in found.views] == [1, 0, 0, 0]
    (disc,) = found.views[0].discs
    assert np.hypot(disc.middle[0] - DISC.middle[0], disc.middle[1] - DISC.middle[1]) < 4
    assert disc.radius == pytest.approx(DISC.radius, abs=4)
    assert found.views[0].hiding == (disc,)
    (sentence,) = obstacles_in_words([found])
    assert sentence.startswith("cam1: a round obstacle of radius ")
    assert "hides people" in sentence


def test_discs_that_are_given_are_taken_and_looked_at(teaching: Teaching) -> None:
    told = f"{DISC.middle[0]:g},{DISC.middle[1]:g},{DISC.radius:g}"
    found = look(teaching, f"{told} cam2:100,200,30.5")
    assert [view.discs for view in found.views] == [(DISC,), (DISC, Disc((100.0, 200.0), 30.5)), (DISC,), (DISC,)]
    # Only before the first camera does it already stand.
    assert [view.hiding for view in found.views] == [(DISC,), (), (), ()]
    assert any("cam3" in sentence and "is expected" in sentence for sentence in obstacles_in_words([found]))
    only = look(teaching, f"cam3:{told}")
    assert [view.discs for view in only.views] == [(), (), (DISC,), ()]


def test_without_asking_nothing_is_looked_at(teaching: Teaching) -> None:
    gone = replace(teaching, views=tuple(replace(view, source=Path("gone.mp4")) for view in teaching.views))
    assert look(gone, "none").views == gone.views
    assert obstacles_in_words([gone]) == ()


def test_what_a_disc_hides_counts_only_by_other_cameras(teaching: Teaching) -> None:
    found = look(teaching, f"cam1:{DISC.middle[0]:g},{DISC.middle[1]:g},{DISC.radius:g}")
    first, poses = found.views[0], found.labels.poses
    hidden = covered([DISC], first.camera.project(poses.positions.astype(float))[0])
    assert 0.02 < hidden.mean() < 0.6
    np.testing.assert_array_equal(believed(found, first).weight, found.labels.weight)
    # Two of the other cameras saw each elbow elsewhere, or not at all: only one is left to believe.
    elbow = COCO.index("left_elbow")
    doubted = [replace(view, apart=view.apart.copy()) for view in found.views]  # type: ignore[union-attr]
    for view, apart in zip(doubted[1:3], (0.5, np.nan), strict=True):
        assert view.apart is not None
        view.apart[:, :, elbow] = apart
    unsure = replace(found, views=tuple(doubted))
    weight = believed(unsure, unsure.views[0]).weight
    assert hidden[:, :, elbow].any()
    np.testing.assert_array_equal(weight[:, :, elbow] == 0, hidden[:, :, elbow])
    others = [joint for joint in range(17) if joint != elbow]
    np.testing.assert_array_equal(weight[:, :, others], found.labels.weight[:, :, others])
    # In the pictures of those who see it, it counts as before.
    np.testing.assert_array_equal(believed(unsure, unsure.views[1]).weight, found.labels.weight)


def test_of_two_cameras_the_one_that_sees_nothing_learns_nothing_there(teaching: Teaching) -> None:
    pair = look(replace(teaching, views=teaching.views[:2]), "auto")
    hidden = covered(pair.views[0].hiding, pair.views[0].camera.project(pair.labels.poses.positions.astype(float))[0])
    np.testing.assert_array_equal(believed(pair, pair.views[0]).weight == 0, hidden)
    # The truth needs nobody's keypoints.
    true = replace(pair, views=tuple(replace(view, apart=None) for view in pair.views))
    np.testing.assert_array_equal(believed(true, true.views[0]).weight, pair.labels.weight)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("round", "cannot read the obstacle 'round'; write auto, none"),
        ("", "cannot read the obstacle ''"),
        ("1,2", "cannot read the obstacle '1,2'"),
        ("1,2,-3", "cannot read"),
        ("1,nan,3", "cannot read"),
        ("auto 1,2,3", "cannot read the obstacle 'auto'"),
        ("cam9:100,100,20", "no view 'cam9' for an obstacle; choose from cam1, cam2"),
        ("2000,100,50", "is beyond the pictures of cam1, which are 800 by 450 pixels"),
    ],
)
def test_what_cannot_be_is_refused(teaching: Teaching, text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        look(teaching, text)
    assert sentence in str(caught.value)
