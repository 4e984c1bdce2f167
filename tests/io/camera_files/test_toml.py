"""The TOML of aniposelib, Pose2Sim and Caliscope."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Fisheye, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import CameraUncertainty, read_cameras, write_cameras
from tests.io.camera_files.rigs import LENSES, assert_same, rig

CAMERA = """
[{key}]
name = "{name}"
size = [ 1088.0, 1920.0]
matrix = [ [ 1681.2, 0.0, 532.9], [ 0.0, 1681.0, 948.1], [ 0.0, 0.0, 1.0]]
distortions = [ -0.05, 0.1, 0.0, 0.0]
rotation = {rotation}
translation = {translation}
fisheye = false
"""


def camera_text(name: str, translation: object, rotation: object = (0.1, 0.2, 0.3)) -> str:
    as_toml = [list(v) if isinstance(v, tuple) else v for v in (rotation, translation)]
    return CAMERA.format(key=name, name=name, rotation=as_toml[0], translation=as_toml[1])


def test_every_lens_survives_writing_and_reading(tmp_path: Path) -> None:
    cameras = rig()
    uncertainty = {"cam_2": CameraUncertainty(0.012, 0.003)}
    write_cameras(tmp_path / "cameras.toml", cameras, uncertainty=uncertainty, metadata={"source": "people"})
    back = read_cameras(tmp_path / "cameras.toml")
    assert list(back.cameras) == list(cameras)
    assert (back.posed, back.metric, back.notes, back.uncertainty) == (True, True, (), uncertainty)
    for name, camera in cameras.items():
        assert_same(back.cameras[name], camera)


@given(st.lists(st.floats(-np.pi, np.pi), min_size=3, max_size=3), st.floats(-50, 50))
@settings(deadline=None, max_examples=30)
def test_every_motion_survives(tmp_path_factory: pytest.TempPathFactory, rotvec: list[float], shift: float) -> None:
    path = tmp_path_factory.mktemp("toml") / "c.toml"
    pose = Rigid.from_rotvec(np.array(rotvec), np.array([shift, 1.0, 2.0]))
    write_cameras(path, {"a": Camera(LENSES[1], pose, (1280, 720))})
    assert_same(read_cameras(path).cameras["a"], Camera(LENSES[1], pose, (1280, 720)))


def test_ten_cameras_keep_their_order_also_for_programs_that_sort_as_text(tmp_path: Path) -> None:
    cameras = rig([LENSES[0]] * 12)
    write_cameras(tmp_path / "c.toml", cameras)
    assert list(read_cameras(tmp_path / "c.toml").cameras) == [f"cam_{n}" for n in range(1, 13)]
    document = tomllib.loads((tmp_path / "c.toml").read_text())
    tables = [key for key in sorted(document) if key != "metadata"]
    assert [document[key]["name"] for key in tables] == list(cameras)


def test_cameras_are_in_natural_order_whatever_the_file_does(tmp_path: Path) -> None:
    names = ["cam_10", "cam_2", "cam_1"]
    (tmp_path / "c.toml").write_text("".join(camera_text(n, (float(i), 0.0, 3.0)) for i, n in enumerate(names)))
    assert list(read_cameras(tmp_path / "c.toml").cameras) == ["cam_1", "cam_2", "cam_10"]


def test_what_is_written_means_the_same_in_opencv(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    cameras = rig(LENSES[1:4] + LENSES[5:])
    write_cameras(tmp_path / "c.toml", cameras)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    for table in tomllib.loads((tmp_path / "c.toml").read_text()).values():
        if "name" not in table:
            continue
        rvec, tvec, k, d = (np.array(table[key]) for key in ("rotation", "translation", "matrix", "distortions"))
        if table["fisheye"]:
            expected = cv2.fisheye.projectPoints(points[:, None], rvec[None], tvec[None], k, d)[0]
        else:
            expected = cv2.projectPoints(points, rvec, tvec, k, d)[0]
        pixels, valid = cameras[table["name"]].project(points)
        np.testing.assert_allclose(pixels[valid], expected[:, 0][valid], atol=1e-6)
        assert valid.any()


@pytest.mark.parametrize(("units", "metres"), [("m", 1.0), ("mm", 0.001), ("centimeters", 0.01)])
def test_units_are_respected_wherever_they_stand(tmp_path: Path, units: str, metres: float) -> None:
    body = camera_text("a", (1.0, 2.0, 3000.0)) + camera_text("b", (5.0, 2.0, 3000.0))
    for text in (f'units = "{units}"\n{body}', f'{body}\n[metadata]\nunits = "{units}"\n'):
        (tmp_path / "c.toml").write_text(text)
        found = read_cameras(tmp_path / "c.toml")
        np.testing.assert_allclose(found.cameras["a"].cam_from_world.translation, np.array([1, 2, 3000]) * metres)
        assert found.notes == ()


@pytest.mark.parametrize(("far", "metres", "word"), [(4.0, 1.0, "metres"), (4000.0, 0.001, "millimetres")])
def test_without_units_the_distance_decides_and_a_note_says_so(
    tmp_path: Path, far: float, metres: float, word: str
) -> None:
    (tmp_path / "c.toml").write_text(camera_text("a", (far, 0.0, 0.0)) + camera_text("b", (-far, 0.0, 0.0)))
    found = read_cameras(tmp_path / "c.toml")
    np.testing.assert_allclose(found.cameras["a"].cam_from_world.translation, [far * metres, 0, 0])
    assert f"taken as {word}" in found.notes[0]


def test_identity_rotation_is_a_pose(tmp_path: Path) -> None:
    text = camera_text("a", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)) + camera_text("b", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    (tmp_path / "c.toml").write_text(text)
    found = read_cameras(tmp_path / "c.toml")
    assert found.posed
    np.testing.assert_array_equal(found.cameras["b"].cam_from_world.rotation, np.eye(3))


@pytest.mark.parametrize("unknown", ['"null"', '"None"', None])
def test_lenses_only(tmp_path: Path, unknown: str | None) -> None:
    text = camera_text("a", unknown or "x", unknown or "x")
    if unknown is None:
        text = "\n".join(line for line in text.splitlines() if "rotation" not in line and "translation" not in line)
    (tmp_path / "c.toml").write_text(text)
    found = read_cameras(tmp_path / "c.toml")
    assert not found.posed
    np.testing.assert_array_equal(found.cameras["a"].cam_from_world.matrix, Rigid.identity().matrix)


def test_cameras_that_all_stand_at_the_origin_are_lenses_only(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("".join(camera_text(n, (0.0,) * 3, (0.0,) * 3) for n in "ab"))
    assert not read_cameras(tmp_path / "c.toml").posed


def test_caliscope(tmp_path: Path) -> None:
    body = """
[cameras.{n}]
cam_id = {n}
ignore = {ignore}
exposure = "null"
size = [1280, 720]
matrix = [[900.0, 0.0, 618.0], [0.0, 907.0, 394.0], [0.0, 0.0, 1.0]]
distortions = [-0.3, 0.05, 0.0, 0.004, 0.06]
translation = {translation}
rotation = {rotation}
"""
    turned = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    text = (
        body.format(n=10, ignore="false", translation=[0.0, 1.0, 2.0], rotation=turned)
        + body.format(n=2, ignore="false", translation=[3.0, 1.0, 2.0], rotation=[0.0, 0.0, np.pi / 2])
        + body.format(n=3, ignore="false", translation='"null"', rotation='"null"')
        + body.format(n=4, ignore="true", translation=[3.0, 1.0, 2.0], rotation=turned)
    )
    (tmp_path / "camera_array.toml").write_text(text)
    found = read_cameras(tmp_path / "camera_array.toml")
    assert list(found.cameras) == ["cam_2", "cam_10"]
    for camera in found.cameras.values():
        np.testing.assert_allclose(camera.cam_from_world.rotation, turned, atol=1e-12)
    assert any("ignore cam_4" in note for note in found.notes)
    assert any("cam_3" in note and "left out" in note for note in found.notes)


def test_pose2sim_tables_of_lenses(tmp_path: Path) -> None:
    text = camera_text("a", (0.0, 0.0, 3.0)).replace("[ -0.05, 0.1, 0.0, 0.0]", "[]")
    fisheye = camera_text("b", (1.0, 0.0, 3.0)).replace("fisheye = false", "fisheye = true")
    (tmp_path / "c.toml").write_text(text + fisheye)
    found = read_cameras(tmp_path / "c.toml").cameras
    assert isinstance(found["a"].lens, Pinhole)
    assert isinstance(found["b"].lens, Fisheye)
    assert found["a"].size_wh == (1088, 1920)


def test_an_unknown_picture_size_stays_unknown(tmp_path: Path) -> None:
    write_cameras(tmp_path / "c.toml", {"a": Camera(LENSES[0], Rigid.identity(), (0, 0))})
    assert read_cameras(tmp_path / "c.toml").cameras["a"].size_wh == (0, 0)


def test_zeros_beyond_the_eighth_coefficient_are_dropped(tmp_path: Path) -> None:
    text = camera_text("a", (0.0, 0.0, 3.0)).replace("[ -0.05, 0.1, 0.0, 0.0]", str([0.1] * 8 + [0.0] * 4))
    (tmp_path / "c.toml").write_text(text)
    lens = read_cameras(tmp_path / "c.toml").cameras["a"].lens
    assert isinstance(lens, BrownConrady)
    assert lens.coefficients == (0.1,) * 8


GOOD = camera_text("cam_7", (0.0, 0.0, 3.0))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (GOOD.replace("1681.2", "nan"), "cam_7"),
        (GOOD.replace("1681.2", "-3.0"), "cam_7"),
        (GOOD.replace("1681.2", "inf"), "cam_7"),
        (GOOD.replace("1681.2", '"big"'), "camera matrix"),
        (GOOD.replace("[ 1681.2, 0.0,", "[ 1681.2, 5.0,"), "without skew"),
        (GOOD.replace("[0.1, 0.2, 0.3]", "[0.1, nan, 0.3]"), "rotation vector"),
        (GOOD.replace("[0.1, 0.2, 0.3]", "[[1, 0, 0], [0, 2, 0], [0, 0, 1]]"), "not a rotation"),
        (GOOD.replace("[0.1, 0.2, 0.3]", "[[1, 0, 0], [0, 1, 0], [0, 0, -1]]"), "not a rotation"),
        (GOOD.replace("[0.1, 0.2, 0.3]", "[[1, 0], [0, 1, 0], 3]"), "rotation"),
        (GOOD.replace("[0.1, 0.2, 0.3]", "true"), "rotation"),
        (GOOD.replace("rotation", "turn"), "only one of"),
        (GOOD.replace("matrix", "mtx"), "no matrix"),
        (GOOD.replace("[ 1088.0, 1920.0]", "[1088.5, 1920]"), "picture size"),
        (GOOD.replace("[ 1088.0, 1920.0]", "[0, 1920]"), "picture size"),
        (GOOD.replace("[ -0.05, 0.1, 0.0, 0.0]", "[0.1, 0.2, 0.3]"), "coefficients"),
        (GOOD.replace("[ -0.05, 0.1, 0.0, 0.0]", str([0.1] * 12)), "at most 8"),
        (GOOD + 'lens = "magic"\n', "magic"),
        (GOOD + "centre_uncertainty = -1\nrotation_uncertainty = 0.1\n", "negative"),
        (GOOD.replace('name = "cam_7"', 'name = "../cam_7"'), "plain name"),
        (GOOD.replace('name = "cam_7"', "name = [1]"), "must be text"),
        (GOOD + GOOD.replace("[cam_7]", "[other]"), "two cameras"),
        ('units = "cubits"\n' + GOOD, "cubits"),
        ("[metadata]\nadjusted = false\n", "no camera"),
        ("", "no camera"),
        ("a = [", "not sound TOML"),
        ("a = " + "[" * 100_000, "not sound TOML"),
        (GOOD.replace("1681.2", "9" * 5000), "c.toml"),
    ],
)
def test_a_bad_file_is_refused_with_one_sentence(tmp_path: Path, bad: str, says: str) -> None:
    (tmp_path / "c.toml").write_text(bad)
    with pytest.raises(InputError, match=says) as caught:
        read_cameras(tmp_path / "c.toml")
    assert "c.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="could not write"):
        write_cameras(tmp_path / "file" / "c.toml", rig())
