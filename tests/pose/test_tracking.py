"""Tracking keeps every person in one slot, whatever the order of detections."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.pose.keypoints import Keypoints
from epipose.pose.tracking import main_person, person_sizes, salience, track
from tests.people import STICK, Crowd, crowd, identity_of_slots, ring, share_right, walker

TIMES = np.arange(90) / 30


def _scene(*, seed: int = 0, missing: float = 0.1, frame_rate: float = 30.0) -> Crowd:
    times = np.arange(round(3 * frame_rate)) / frame_rate
    people = [
        walker(times, (-1.5, 0.5), (1.1, 0.0)),
        walker(times, (1.5, -0.5), (-1.0, 0.1), phase=1.0),
        walker(times, (0.2, 1.9), (0.0, 0.0), phase=2.0, height=1.6),
    ]
    rng = np.random.default_rng(seed)
    return crowd(people, ring(), STICK, rng=rng, missing=missing, frame_rate=frame_rate)


def _shuffled(keypoints: Keypoints, seed: int) -> Keypoints:
    rows = np.arange(len(keypoints.times))[:, None]
    order = np.argsort(np.random.default_rng(seed).random(keypoints.score.shape[:2]), axis=1)
    return replace(keypoints, pixels=keypoints.pixels[rows, order], score=keypoints.score[rows, order])


@pytest.mark.parametrize("frame_rate", [10.0, 29.97, 60.0])
def test_people_who_cross_keep_their_slots(frame_rate: float) -> None:
    scene = _scene(frame_rate=frame_rate)
    for view, identity in zip(scene.views, scene.identity, strict=True):
        tracked = track(view)
        assert tracked.score.shape[1] == 3
        assert share_right([identity_of_slots(view, identity, tracked)]) >= 0.99


def test_every_detection_is_kept() -> None:
    scene = _scene(missing=0.6)
    for view in scene.views:
        tracked = track(view)
        assert tracked.score.sum() == pytest.approx(view.score.sum(), rel=1e-5)
        before, after = (np.sort(k.pixels[k.score > 0], axis=0) for k in (view, tracked))
        np.testing.assert_array_equal(before, after)


def test_the_order_of_detections_does_not_matter() -> None:
    view = _scene().views[0]
    first, second = track(view), track(_shuffled(view, 1))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.score, second.score)


def test_tracking_twice_changes_nothing() -> None:
    once = track(_scene().views[0])
    np.testing.assert_array_equal(track(once).pixels, once.pixels)


def _hidden(view: Keypoints, frames: slice) -> Keypoints:
    score = view.score.copy()
    score[frames] = 0
    return replace(view, score=score)


def test_a_gap_is_bridged_up_to_half_a_second() -> None:
    scene = crowd([walker(TIMES, (-1.0, 0.0), (0.8, 0.0))], ring(1), STICK, rng=np.random.default_rng(0))
    assert track(_hidden(scene.views[0], slice(30, 44))).score.shape[1] == 1
    assert track(_hidden(scene.views[0], slice(30, 50))).score.shape[1] == 2


def test_a_detector_of_one_person_that_jumps_to_another_gives_two() -> None:
    scene = crowd(
        [walker(TIMES, (-1.0, 0.0), (0.3, 0.0)), walker(TIMES, (-0.5, 1.4), (0.0, 0.0))],
        ring(1),
        STICK,
        rng=np.random.default_rng(0),
        missing=0.0,
    )
    view, identity = scene.views[0], scene.identity[0]
    shown = (np.arange(90) // 30) % 2
    slot = np.argmax(identity == shown[:, None], axis=1)
    rows = np.arange(90)
    single = replace(view, pixels=view.pixels[rows, slot][:, None], score=view.score[rows, slot][:, None])
    tracked = track(single)
    for found in np.moveaxis(np.any(tracked.score > 0, axis=-1), 1, 0):
        assert len(set(shown[found])) == 1


def test_somebody_fast_is_found_again_where_he_was_heading() -> None:
    runner = walker(TIMES, (0.8, -2.2), (-1.0, 2.8))
    scene = crowd([runner], ring(1), STICK, rng=np.random.default_rng(0))
    assert track(_hidden(scene.views[0], slice(20, 33))).score.shape[1] == 1


def test_swapped_sides_do_not_make_somebody_new() -> None:
    facing = walker(TIMES, (0.0, 0.0), (0.4 * np.cos(np.deg2rad(20)), 0.4 * np.sin(np.deg2rad(20))))
    scene = crowd([facing], ring(1), STICK, rng=np.random.default_rng(0), missing=0.0)
    pixels = scene.views[0].pixels * np.float32([2, 1])
    pixels[30:50] = pixels[30:50][:, :, list(STICK.mirror)]
    assert track(replace(scene.views[0], pixels=pixels)).score.shape[1] == 1


@pytest.mark.parametrize("bystander", [(-2.5, -2.0), (1.2, 1.2)])
def test_the_main_person_is_neither_a_small_nor_a_still_bystander(bystander: tuple[float, float]) -> None:
    people = [walker(TIMES, (0.4, -1.0), (-0.2, 0.6)), walker(TIMES, bystander, (0.0, 0.0), phase=1.0)]
    scene = crowd(people, ring(1), STICK, rng=np.random.default_rng(0))
    tracked = track(scene.views[0])
    who = identity_of_slots(scene.views[0], scene.identity[0], tracked)[:, main_person(tracked)]
    assert set(who.tolist()) == {0}


def test_sizes_shrug_off_a_joint_gone_astray_and_an_empty_view_has_nobody() -> None:
    scene = crowd([walker(TIMES, (0.0, 0.0), (0.0, 0.0))], ring(1), STICK, rng=np.random.default_rng(0), missing=0.0)
    view = track(scene.views[0])
    pixels = view.pixels.copy()
    pixels[:, :, 3] += 5000
    astray = person_sizes(replace(view, pixels=pixels))
    np.testing.assert_allclose(astray, person_sizes(view), rtol=0.35)
    nobody = track(replace(view, score=np.zeros_like(view.score)))
    assert nobody.score.shape == (90, 0, 14)
    assert salience(nobody).shape == (0,)
    with pytest.raises(InputError, match="nobody was found"):
        main_person(nobody)
