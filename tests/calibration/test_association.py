"""The same person gets the same slot in all views, and a bystander never enters somebody else's."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Int
from numpy import ndarray

from epipose.calibration.association import associate, main_people
from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.pose.keypoints import Keypoints
from epipose.pose.tracking import track
from tests.people import (
    STICK,
    Crowd,
    crowd,
    identity_of_slots,
    mocap_people,
    mocap_skeleton,
    permuted,
    ring,
    share_right,
    walker,
)

CLIPS = ["cmueval_test_jumping_1", "amp_dance", "cmueval_test_washwindow_1"]
PLACES = [(-1.0, -0.6), (1.2, 0.0), (0.0, 1.8)]


def _walkers(
    frames: int = 150, *, views: int = 4, seed: int = 0, seen_by: dict[int, tuple[int, ...]] | None = None
) -> Crowd:
    times = np.arange(frames) / 30
    people = [
        walker(times, (-1.5, 0.3), (0.5, 0.0)),
        walker(times, (1.2, -0.8), (-0.4, 0.1), phase=1.0),
        walker(times, (0.0, 1.8), (0.0, 0.0), phase=2.0, height=1.65),
    ]
    return crowd(people, ring(views), STICK, rng=np.random.default_rng(seed), seen_by=seen_by)


def _found(scene: Crowd, tracked: list[Keypoints], arranged: list[Keypoints]) -> list[Int[ndarray, "frames people"]]:
    """Return who is in each slot, having seen that no detection was lost."""
    for before, after in zip(tracked, arranged, strict=True):
        assert np.any(before.score > 0, axis=-1).sum() == np.any(after.score > 0, axis=-1).sum()
    parts = zip(scene.views, scene.identity, arranged, strict=True)
    return [identity_of_slots(view, identity, kept) for view, identity, kept in parts]


def _arranged(scene: Crowd) -> list[Int[ndarray, "frames people"]]:
    tracked = [track(view) for view in scene.views]
    return _found(scene, tracked, associate(tracked, scene.cameras))


def _by_identity(scene: Crowd, view: int, wanted: Int[ndarray, "frames slots"]) -> Keypoints:
    """Return one view with the `wanted` people in its slots."""
    keypoints, identity = scene.views[view], scene.identity[view]
    match = identity[:, :, None] == wanted[:, None]
    slot, there = np.argmax(match, axis=1), np.any(match, axis=1)
    rows = np.arange(len(wanted))[:, None]
    score = keypoints.score[rows, slot] * there[..., None]
    return replace(keypoints, pixels=keypoints.pixels[rows, slot], score=score)


@pytest.mark.parametrize("views", [2, 3, 4])
def test_walkers_are_told_apart(views: int) -> None:
    assert share_right(_arranged(_walkers(views=views))) >= 0.99


@pytest.mark.parametrize("seed", range(3))
def test_moving_people_are_told_apart_in_time(shared: Path, seed: int) -> None:
    people = mocap_people(shared, CLIPS, PLACES, 300)
    scene = crowd(people, ring(), mocap_skeleton(), rng=np.random.default_rng(seed), noise_px=5.0, missing=0.2)
    tracked = [track(view) for view in scene.views]
    start = time.process_time()
    arranged = associate(tracked, scene.cameras)
    assert time.process_time() - start < 4.0
    assert share_right(_found(scene, tracked, arranged)) >= 0.99


def test_a_bystander_of_two_views_stays_apart_and_comes_last() -> None:
    found = _arranged(_walkers(seen_by={2: (0, 1)}))
    assert [sorted(set(np.concatenate(found)[:, slot]) - {-1}) for slot in range(3)][2] == [2]
    assert share_right(found) == 1.0


def test_a_bystander_of_a_view_that_never_sees_the_others_stays_apart() -> None:
    found = _arranged(_walkers(seen_by={0: (0, 1), 1: (0, 1), 2: (2,)}))
    assert share_right(found) >= 0.99
    assert set(np.concatenate(found)[:, -1]) == {-1, 2}


def test_triangulation_tells_apart_whom_epipolar_lines_cannot() -> None:
    # Cameras in one line share all epipolar planes: whoever is magnified from a point of that line stays in them.
    places = np.stack([np.linspace(-2.5, 2.5, 4), np.full(4, -6.0), np.full(4, 1.5)], axis=-1)
    ahead = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    cameras = tuple(replace(ring()[0], cam_from_world=Rigid.from_centre(ahead, place)) for place in places)
    person = walker(np.arange(60) / 30, (-0.5, 0.0), (0.5, 0.0))
    bystander = places[1] + 1.3 * (person - places[1])
    scene = crowd(
        [person, bystander], cameras, STICK, rng=np.random.default_rng(0), seen_by={0: (0, 1, 2), 1: (3,)}, noise_px=1.0
    )
    assert share_right(_arranged(scene)) == 1.0


@pytest.mark.parametrize("tracking", [True, False])
def test_a_view_that_shows_only_the_bystander_for_a_while_does_not_mix_them(tracking: bool) -> None:
    scene = _walkers(seen_by={1: ()})
    shown = np.zeros((150, 1), int)
    shown[40:100] = 2
    single = _by_identity(scene, 1, shown)
    tracked = [track(view) for view in scene.views]
    tracked[1] = track(single) if tracking else single
    found = _found(scene, tracked, associate(tracked, scene.cameras))
    for slot in range(found[0].shape[1]):
        who = np.concatenate([identity[:, slot] for identity in found])
        assert len(set(who) - {-1}) == 1
    assert share_right(found) >= 0.99


@pytest.mark.parametrize("views", [2, 4])
def test_a_track_that_changes_person_is_cut_there(views: int) -> None:
    scene = _walkers(views=views)
    switching = np.tile([0, 1, 2], (150, 1))
    switching[75:] = [1, 0, 2]
    tracked = [track(view) for view in scene.views]
    tracked[0] = _by_identity(scene, 0, switching)
    assert share_right(_found(scene, tracked, associate(tracked, scene.cameras))) >= 0.99


def test_people_of_single_views_are_kept_but_come_last() -> None:
    times = np.arange(100) / 30
    people = [walker(times, (-1.5, 0.3), (0.5, 0.0)), walker(times, (1.2, -0.8), (-0.4, 0.1), phase=1.0)]
    people[1][20:] = np.nan
    scene = crowd(people, ring(3), STICK, rng=np.random.default_rng(0), seen_by={0: (0,)})
    found = np.concatenate(_arranged(scene))
    assert [set(found[:, slot]) for slot in range(2)] == [{-1, 1}, {-1, 0}]


def test_the_order_of_slots_and_views_does_not_matter() -> None:
    scene = _walkers()
    tracked = [track(view) for view in scene.views]
    straight = associate(tracked, scene.cameras)
    again = associate(permuted(tuple(tracked), np.random.default_rng(3)), scene.cameras)
    order = [2, 0, 3, 1]
    turned = associate([tracked[i] for i in order], [scene.cameras[i] for i in order])
    for view, keypoints in enumerate(straight):
        np.testing.assert_array_equal(keypoints.pixels, again[view].pixels)
        np.testing.assert_array_equal(keypoints.pixels, turned[order.index(view)].pixels)


def test_a_motion_and_a_scale_of_the_world_do_not_matter() -> None:
    scene = _walkers()
    tracked = [track(view) for view in scene.views]
    motion = Rigid.from_rotvec(np.array([0.4, -1.2, 2.0]), np.array([10.0, -3.0, 5.0]))
    moved = associate(tracked, [camera.moved(motion, 0.01) for camera in scene.cameras])
    for keypoints, other in zip(associate(tracked, scene.cameras), moved, strict=True):
        np.testing.assert_array_equal(keypoints.pixels, other.pixels)


def test_an_inverted_camera_is_noticed() -> None:
    scene = _walkers()
    tracked = [track(view) for view in scene.views]
    inverted = [replace(c, cam_from_world=c.cam_from_world.inverse()) for c in scene.cameras]
    assert share_right(_found(scene, tracked, associate(tracked, inverted))) < 0.8


def test_identical_cameras_and_empty_views_say_nothing() -> None:
    scene = _walkers(views=2)
    tracked = [track(view) for view in scene.views]
    apart = associate(tracked, [scene.cameras[0]] * 2)
    assert apart[0].score.shape[1] == 6
    empty = replace(tracked[1], score=np.zeros_like(tracked[1].score))
    assert associate([tracked[0], empty], scene.cameras)[1].score.shape == (150, 3, 14)
    assert associate([empty, empty], scene.cameras)[0].score.shape == (150, 0, 14)


def test_views_that_do_not_fit_together_are_refused() -> None:
    scene = _walkers(views=2)
    short = replace(
        scene.views[1], pixels=scene.views[1].pixels[:9], score=scene.views[1].score[:9], times=scene.views[1].times[:9]
    )
    with pytest.raises(InputError, match="as many cameras"):
        associate(scene.views, scene.cameras[:1])
    with pytest.raises(InputError, match="one clock"):
        associate([scene.views[0], short], scene.cameras)
    with pytest.raises(InputError, match="different joints"):
        associate([scene.views[0], scene.views[1].select(STICK.joint_names[:9])], scene.cameras)


def test_the_main_person_is_the_same_in_all_views_before_cameras_are_known(shared: Path) -> None:
    people = mocap_people(shared, ["cmueval_train_directing_traffic_1", CLIPS[1]], [(-0.8, 0.0), (0.8, 0.3)], 140)
    scene = crowd(people, ring(), mocap_skeleton(), rng=np.random.default_rng(0))
    tracked = [track(view) for view in scene.views]
    late = [replace(view, times=view.times + delay) for view, delay in zip(tracked, (0.0, 0.7, -1.0, 0.4), strict=True)]
    chosen = main_people(late)
    parts = zip(scene.views, scene.identity, tracked, chosen, strict=True)
    who = [set(identity_of_slots(view, identity, kept)[:, slot]) for view, identity, kept, slot in parts]
    assert all(found == who[0] and len(found) == 1 for found in who)


def test_the_main_person_is_refused_when_a_view_shows_nobody() -> None:
    tracked = [track(view) for view in _walkers(views=2).views]
    empty = replace(tracked[1], score=np.zeros_like(tracked[1].score))
    with pytest.raises(InputError, match="nobody was found"):
        main_people([tracked[0], empty])
