"""Evidence that two tracks are one person obeys the geometry and not the detector's moods."""

from dataclasses import replace

import numpy as np
import pytest

from epipose.calibration.evidence import TrackedView, pair_evidence, person_evidence
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.pose.keypoints import Keypoints
from epipose.pose.tracking import track
from tests.people import STICK, crowd, ring, walker

FRAMES = np.arange(30)
PEOPLE = [walker(FRAMES / 30, (-0.6, 0.4), (0.5, 0.2)), walker(FRAMES / 30, (0.6, -1.2), (0.0, 0.0), phase=2.0)]


def _seen(person: int, cameras: tuple[Camera, ...]) -> list[Keypoints]:
    scene = crowd([PEOPLE[person]], cameras, STICK, rng=np.random.default_rng(0), noise_px=0.0, missing=0.0)
    return [track(view) for view in scene.views]


def _pair(first: Keypoints, second: Keypoints, cameras: tuple[Camera, ...]) -> float:
    views = [TrackedView.of(view, camera) for view, camera in zip((first, second), cameras[:2], strict=True)]
    forth, back = pair_evidence(views[0], views[1], 0, 0), pair_evidence(views[1], views[0], 0, 0)
    np.testing.assert_allclose(forth, back, atol=1e-9)
    return float(forth.sum())


def test_the_same_person_is_recognised_and_another_is_not() -> None:
    cameras = ring()
    same, other = _seen(0, cameras), _seen(1, cameras)
    assert _pair(same[0], same[1], cameras) > 10
    assert _pair(same[0], other[1], cameras) < -10


def test_swapped_sides_do_not_matter() -> None:
    cameras = ring()
    first, second = _seen(0, cameras)[:2]
    mirror = list(STICK.mirror)
    swapped = replace(second, pixels=second.pixels[:, :, mirror], score=second.score[:, :, mirror])
    assert _pair(first, swapped, cameras) == pytest.approx(_pair(first, second, cameras))


def test_the_lens_is_taken_out() -> None:
    bent = BrownConrady((900.0, 900.0), (1900.0, 900.0), (-0.3, 0.08, 0.0, 0.0))
    aside = Rigid.from_rotvec(np.array([0.0, 0.5, 0.0]), np.zeros(3))
    found = []
    for lens in (bent, Pinhole(bent.focal, bent.centre)):
        cameras = tuple(Camera(lens, aside @ camera.cam_from_world, (4000, 2000)) for camera in ring())
        found.append(_pair(*_seen(0, cameras)[:2], cameras))
    assert found[0] == pytest.approx(found[1], rel=0.1)
    assert found[1] > 10


def test_opposite_cameras_that_see_each_other_say_little() -> None:
    cameras = ring(4)[::2]
    side_by_side = ring(4)[:2]
    far, near = _seen(0, cameras), _seen(0, side_by_side)
    assert _pair(far[0], far[1], cameras) < 0.7 * _pair(near[0], near[1], side_by_side)


def test_triangulation_recognises_a_person_but_not_from_behind() -> None:
    cameras = ring()
    same, other = _seen(0, cameras), _seen(1, cameras)
    slots = np.zeros(len(FRAMES), int)
    others = [(TrackedView.of(same[view], cameras[view]), slots) for view in (1, 2)]

    def fit(keypoints: Keypoints, camera: Camera) -> float:
        return person_evidence(TrackedView.of(keypoints, camera), 0, FRAMES, others)

    assert fit(same[0], cameras[0]) > 10
    assert fit(other[0], cameras[0]) < -10
    # All rays turned about: the lines are the same, but the person would stand behind the camera.
    behind = replace(cameras[0], cam_from_world=_point_reflected(cameras[0].cam_from_world))
    assert fit(same[0], behind) < -10
    hidden = [(others[0][0], slots), (others[1][0], slots - 1)]
    assert person_evidence(TrackedView.of(same[0], cameras[0]), 0, FRAMES, hidden) == 0


def _point_reflected(motion: Rigid) -> Rigid:
    return Rigid(-motion.rotation, -motion.translation)
