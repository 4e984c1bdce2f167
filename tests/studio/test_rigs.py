"""Rigs: what each promises of its cameras and clocks, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rotations import angle_between
from epipose.studio.rigs import PHONE_RATES, RIGS, Rig, RigRequest, check_clear, looking_at, make_rig, nearest_to_axes


def made(name: str, seed: int = 3, **request: object) -> Rig:
    place, clock = (np.random.default_rng([seed, purpose]) for purpose in (0, 1))
    return make_rig(name, RigRequest(**request), place, clock)  # type: ignore[arg-type]


def person() -> ndarray:
    """Points on somebody of 1.8 m in the middle who spreads the arms."""
    return np.array([[x, y, z] for x in (-0.4, 0.4) for y in (-0.4, 0.4) for z in (0.0, 0.9, 1.8)])


@pytest.mark.parametrize("name", list(RIGS))
@pytest.mark.parametrize("seed", range(5))
def test_every_camera_shows_a_person_in_the_middle_whole_and_upright(name: str, seed: int) -> None:
    for camera in made(name, seed).cameras.values():
        pixels, seen = camera.project(person())
        assert seen.all()
        assert np.all((pixels > 0) & (pixels < np.array(camera.size_wh) - 1))
        feet, head = camera.project(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.8]]))[0]
        assert feet[1] - head[1] > 0.3 * camera.size_wh[1]
        assert 0.8 < camera.centre[2] < 2.3


@pytest.mark.parametrize("name", list(RIGS))
def test_the_same_seed_gives_the_same_rig_and_another_one_another(name: str) -> None:
    rigs = [made(name, seed) for seed in (1, 1, 2)]
    matrices = [np.stack([camera.px_from_world for camera in rig.cameras.values()]) for rig in rigs]
    assert np.array_equal(matrices[0], matrices[1])
    assert np.array_equal(matrices[0], matrices[2]) == (name == "human36m")
    assert rigs[0].time_offsets == rigs[1].time_offsets
    assert (rigs[0].time_offsets == rigs[2].time_offsets) == (name != "phones")


def test_human36m_agrees_with_opencv_and_with_the_published_poses(shared: Path) -> None:
    table = json.loads((shared / "reference/h36m_cameras.json").read_text())
    rig, points = made("human36m"), person()
    assert list(rig.cameras) == list(table["intrinsics"])
    shifts = []
    for name, camera in rig.cameras.items():
        lens, pose = table["intrinsics"][name], table["extrinsics"]["S1"][name]
        assert camera.size_wh == tuple(lens["resolution_wh"])
        rotation = np.array(pose["R_world_to_cam"])
        assert angle_between(camera.cam_from_world.rotation, rotation) < 1e-9
        shifts.append(camera.centre - np.array(pose["C_camera_centre_world_mm"]) / 1000)
        # OpenCV's tangential terms differ: without them both must agree, and they are worth a few pixels.
        distortion = np.array([lens["k1"], lens["k2"], 0.0, 0.0, lens["k3"]])
        matrix = np.array([[lens["fx"], 0, lens["cx"]], [0, lens["fy"], lens["cy"]], [0, 0, 1.0]])
        expected, _ = cv2.projectPoints(
            points, cv2.Rodrigues(rotation)[0], -rotation @ camera.centre, matrix, distortion
        )
        assert np.abs(camera.project(points)[0] - expected[:, 0]).max() < 2.5
    assert np.ptp(shifts, axis=0) == pytest.approx([0, 0, 0], abs=1e-9)
    assert shifts[0][2] == pytest.approx(0, abs=1e-9)
    assert nearest_to_axes(list(rig.cameras.values()))[:2] == pytest.approx([0, 0], abs=1e-9)


def test_the_point_nearest_to_axes_is_where_they_meet() -> None:
    target = np.array([0.4, -0.3, 1.1])
    cameras = [
        replace(camera, cam_from_world=looking_at(camera.centre, target)) for camera in made("ring").cameras.values()
    ]
    assert nearest_to_axes(cameras) == pytest.approx(target, abs=1e-9)


def test_resizing_human36m_resizes_its_pictures() -> None:
    full, small = made("human36m"), made("human36m", size_wh=(500, 500))
    for name, camera in full.cameras.items():
        assert small.cameras[name].size_wh == (500, 500)
        share = (camera.project(person())[0] + 0.5) / camera.size_wh
        assert (small.cameras[name].project(person())[0] + 0.5) / 500 == pytest.approx(share, abs=1e-9)


def test_phones_are_as_different_as_phones_are() -> None:
    rigs = [made("phones", seed, cameras=6, mixed_rates=True) for seed in range(10)]
    cameras = [camera for rig in rigs for camera in rig.cameras.values()]
    rolls = []
    for camera in cameras:
        assert 0.75 <= camera.lens.focal[0] / max(camera.size_wh) <= 1.1
        assert 0.9 <= camera.centre[2] <= 1.8
        assert any(camera.lens.coefficients)
        right = camera.cam_from_world.rotation[0]
        rolls.append(np.rad2deg(np.arcsin(right[2] / np.sqrt(1 - camera.cam_from_world.rotation[2, 2] ** 2))))
        # The lens must be one-to-one all over its picture.
        width, height = camera.size_wh
        assert camera.rays(np.array([[0.0, 0.0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]))[1].all()
    assert np.abs(rolls).max() <= 5 + 1e-6
    assert np.std(rolls) > 2
    assert {camera.size_wh for camera in cameras} == {(1280, 720), (720, 1280)}
    assert {rate for rig in rigs for rate in rig.frame_rates.values()} == set(PHONE_RATES)
    offsets = np.array([list(rig.time_offsets.values()) for rig in rigs])
    assert np.abs(offsets).max() <= 0.5
    assert np.std(offsets[:, 1:]) > 0.2
    assert not offsets[:, 0].any()


def test_two_cameras_of_a_ring_do_not_face_each_other() -> None:
    first, second = made("ring", cameras=2).cameras.values()
    assert 70 < np.rad2deg(angle_between(first.cam_from_world.rotation, second.cam_from_world.rotation)) < 110


def test_asking_for_offsets_changes_neither_places_nor_rates() -> None:
    plain, late = (made("ring", mixed_rates=True, offset_s=offset) for offset in (None, 0.3))
    assert plain.frame_rates == late.frame_rates
    assert all(np.array_equal(plain.cameras[name].centre, late.cameras[name].centre) for name in plain.cameras)
    assert any(late.time_offsets.values())
    assert not any(plain.time_offsets.values())


def test_looking_at_puts_the_target_on_the_axis_and_rolls_clockwise() -> None:
    centre, target = np.array([3.0, -2.0, 1.5]), np.array([0.2, 0.1, 0.9])
    for roll in (0.0, 0.3):
        cam_from_world = looking_at(centre, target, roll)
        assert cam_from_world.centre == pytest.approx(centre)
        assert cam_from_world.apply(target)[:2] == pytest.approx([0, 0], abs=1e-12)
        up = cam_from_world.rotation @ [0, 0, 1.0]
        # A camera that rolls clockwise sees the world turn the other way.
        assert np.arctan2(up[0], -up[1]) == pytest.approx(-roll, abs=1e-9)


def test_a_camera_inside_somebody_is_refused() -> None:
    rig = made("ring")
    check_clear(rig, person())
    centre = rig.cameras["cam3"].centre
    with pytest.raises(InputError, match=r"cam3 of the rig ring .*0\.20 m.*--radius"):
        check_clear(rig, centre - np.array([[0, 0, 1.0], [0, 0, 0.2]]))
    check_clear(rig, centre + np.array([[0, 0.31, 0]]))
    check_clear(rig, np.zeros((0, 3)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: made("circle"), "no rig 'circle'; choose from ring, human36m, phones"),
        (lambda: made("ring", cameras=0), "0 cameras"),
        (lambda: made("ring", cameras=65), "65 cameras"),
        (lambda: made("ring", radius=-1.0), "-1.0 m"),
        (lambda: made("ring", radius=float("nan")), "nan m"),
        (lambda: made("ring", size_wh=(641, 480)), "641 x 480 .* even"),
        (lambda: made("ring", size_wh=(0, 480)), "0 x 480"),
        (lambda: made("ring", frame_rate=Fraction(0)), "frame rate of 0"),
        (lambda: made("ring", offset_s=-0.1), "offset of -0.1 s"),
        (lambda: made("human36m", cameras=3), "four cameras"),
        (lambda: made("human36m", radius=3.0), "four cameras"),
        (lambda: made("human36m", size_wh=(640, 480)), "square"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Rig], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
