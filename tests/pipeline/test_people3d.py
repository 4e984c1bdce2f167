"""Everybody in space: who is who, who stays out, and what happens in gaps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.pipeline import people3d
from epipose.pipeline.people3d import FILLED_WEIGHT, People, check_same_person, find_people
from epipose.pipeline.progress import no_report
from epipose.pose.conversion import body_joints
from epipose.pose.keypoints import Keypoints
from epipose.pose.tracking import track
from tests.pipeline.captures import CAMERAS, COCO, Body, Filming, elsewhere, figure, filmed

OPPOSITE = elsewhere(figure, shift=(0.0, 0.0), turn=np.pi, later=2.0)


def bystander(times: Float[ndarray, "frames"]) -> Float[ndarray, "frames joints 3"]:
    """Stand at the wall, swaying a little, where cam1 and cam4 see it."""
    sway = np.stack([0.03 * np.sin(times), 0.02 * np.cos(1.3 * times), 0 * times], axis=-1)
    return figure(np.full_like(times, 5.0)) + np.array([-2.6, 1.6, 0.0]) + sway[:, None]


def views(bodies: Sequence[Body], seen: Sequence[tuple[int, ...]], *, seconds: float = 4.0) -> list[Keypoints]:
    """Return tracked views of the bodies, whose detections came in a new order in every frame."""
    rng = np.random.default_rng(3)
    found = []
    for camera, people in zip(CAMERAS.values(), seen, strict=True):
        keypoints = filmed(camera, bodies, Filming(people=people, seconds=seconds), rng)
        order = np.argsort(rng.random(keypoints.score.shape[:2]), axis=1)
        rows = np.arange(len(order))[:, None]
        keypoints = replace(keypoints, pixels=keypoints.pixels[rows, order], score=keypoints.score[rows, order])
        found.append(track(keypoints.select(body_joints(keypoints.skeleton))))
    return found


def found_in(keypoints: Sequence[Keypoints]) -> People:
    return find_people(keypoints, np.zeros(len(keypoints)), list(CAMERAS.values()), 2.5, no_report)


def distance(people: People, number: int, body: Body) -> Float[ndarray, "frames joints"]:
    """Return how far a person's joints are from a body's, in metres; NaN where they were not found."""
    person = people.persons[number]
    truth = body(people.times)[:, [COCO.index(name) for name in people.skeleton.joint_names]]
    return np.where(person.valid, np.linalg.norm(person.positions - truth, axis=-1), np.nan)


def test_two_people_and_a_bystander_of_two_views_are_kept_apart() -> None:
    people = found_in(views([figure, OPPOSITE, bystander], [(0, 1, 2), (0, 1), (0, 1), (0, 1, 2)]))
    bodies = {0: figure, 1: OPPOSITE, 2: bystander}
    owner = [
        min(bodies, key=lambda b: np.nanmedian(distance(people, n, bodies[b]))) for n in range(len(people.persons))
    ]
    assert sorted(owner) == [0, 1, 2]
    assert owner[2] == 2, "whom all views see comes first"
    for number, body in enumerate(owner):
        off = distance(people, number, bodies[body])
        assert np.nanmedian(off) < 0.02
        assert np.nanquantile(off, 0.995) < 0.15
    for number in range(2):
        assert np.isfinite(distance(people, number, bodies[owner[number]])).mean() > 0.97


def test_a_bystander_does_not_enter_the_main_person() -> None:
    """Also not where the main person is out of sight of the two views that see the bystander."""
    alone = [(0,), (0,), (0,), (0,)]
    beside = [(0, 1), (0,), (0,), (0, 1)]
    hidden = views([figure, bystander], beside)
    half = len(hidden[0].times) // 2
    for view in (0, 3):
        own = hidden[view].pixels[:, :, 0, 0]
        main = int(np.argmax(np.ptp(own, axis=0)))
        score = hidden[view].score.copy()
        score[half:, main] = 0
        hidden[view] = replace(hidden[view], score=score)
    for keypoints in (views([figure, bystander], beside), hidden):
        people = found_in(keypoints)
        off = distance(people, 0, figure)
        assert np.nanmedian(off) < 0.02
        assert np.nanmax(off / people.persons[0].uncertainty) < 5 * np.sqrt(3)
    undisturbed = distance(found_in(views([figure], alone)), 0, figure)
    assert np.nanmedian(undisturbed) < 0.012


def test_short_gaps_are_filled_and_long_ones_stay_open() -> None:
    keypoints = views([figure], [(0,)] * 4)
    wrist = keypoints[0].skeleton.index("left_wrist")
    knee = keypoints[0].skeleton.index("left_knee")
    holed = []
    for view in keypoints:
        score = view.score.copy()
        score[20:30, :, wrist] = 0
        score[40:70, :, knee] = 0
        holed.append(replace(view, score=score))
    person = found_in(holed).persons[0]
    assert np.all(person.smooth_weight[20:30, wrist] == FILLED_WEIGHT)
    assert np.all(person.smooth_weight[42:68, knee] == 0)
    assert np.all(person.smooth[42:68, knee] == 0)
    truth = figure(keypoints[0].times)[:, COCO.index("left_wrist")]
    error = np.linalg.norm(person.smooth[:, wrist] - truth, axis=-1)[20:30]
    assert np.all(error < 3.5 * np.sqrt(3) * person.smooth_uncertainty[20:30, wrist])
    assert person.smooth_uncertainty[25, wrist] > 2 * person.smooth_uncertainty[15, wrist]


def test_working_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = views([figure], [(0,)] * 4, seconds=9.0)
    whole = found_in(keypoints).persons[0]
    monkeypatch.setattr(people3d, "CHUNK", 60)
    parts = found_in(keypoints).persons[0]
    np.testing.assert_array_equal(parts.valid, whole.valid)
    np.testing.assert_allclose(parts.positions, whole.positions, atol=1e-5)
    np.testing.assert_allclose(parts.smooth, whole.smooth, atol=0.004)


def test_swapped_sides_are_repaired() -> None:
    keypoints = views([figure], [(0,)] * 4)
    mirror = list(keypoints[1].skeleton.mirror)
    pixels, score = keypoints[1].pixels.copy(), keypoints[1].score.copy()
    pixels[30:60], score[30:60] = pixels[30:60][:, :, mirror], score[30:60][:, :, mirror]
    keypoints[1] = replace(keypoints[1], pixels=pixels, score=score)
    people = found_in(keypoints)
    swapped = people.persons[0].swapped
    assert np.all(swapped[1, 30:60])
    assert swapped.sum() == 30
    assert np.nanmedian(distance(people, 0, figure)[30:60]) < 0.012


def test_cameras_by_which_views_show_different_people_are_refused() -> None:
    people = found_in(views([figure], [(0,), (0,), (0,), (0,)]))
    check_same_person(people, list(CAMERAS))
    seen = people.persons[0].seen.copy()
    seen[2] = False
    apart = replace(people, persons=(replace(people.persons[0], seen=seen),))
    with pytest.raises(InputError, match=rf"view '{list(CAMERAS)[2]}' would stand"):
        check_same_person(apart, list(CAMERAS))
