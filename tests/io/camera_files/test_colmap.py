"""COLMAP's text files."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady, Fisheye, Lens, Pinhole
from epipose.geometry.rotations import quaternion_from_rotation
from epipose.io.camera_files import read_cameras
from tests.io.camera_files.rigs import rig

CAMERAS = """# Camera list with one line of data per camera:
#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]
1 SIMPLE_PINHOLE 1280 720 900 640 360
2 PINHOLE 1280 720 900 910 640 360
3 SIMPLE_RADIAL 1280 720 900 640 360 0.1
4 RADIAL 1280 720 900 640 360 0.1 0.2
5 OPENCV 1280 720 900 910 640 360 0.1 0.2 0.3 0.4
6 FULL_OPENCV 1280 720 900 910 640 360 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8
7 OPENCV_FISHEYE 1280 720 900 910 640 360 0.1 0.2 0.3 0.4
"""
MIDDLE = (639.5, 359.5)
"""The middle of 1280x720 where the first pixel's centre is (0, 0)."""
EXPECTED: dict[str, Lens] = {
    "1": Pinhole((900.0, 900.0), MIDDLE),
    "2": Pinhole((900.0, 910.0), MIDDLE),
    "3": BrownConrady((900.0, 900.0), MIDDLE, (0.1, 0.0, 0.0, 0.0)),
    "4": BrownConrady((900.0, 900.0), MIDDLE, (0.1, 0.2, 0.0, 0.0)),
    "5": BrownConrady((900.0, 910.0), MIDDLE, (0.1, 0.2, 0.3, 0.4)),
    "6": BrownConrady((900.0, 910.0), MIDDLE, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
    "7": Fisheye((900.0, 910.0), MIDDLE, (0.1, 0.2, 0.3, 0.4)),
}


def model(folder: Path, pictures: list[str]) -> None:
    (folder / "cameras.txt").write_text(CAMERAS)
    poses = [camera.cam_from_world for camera in rig().values()]
    lines = ["# Image list with two lines of data per image:"]
    for index, picture in enumerate(pictures):
        pose = poses[index % len(poses)]
        motion = [*quaternion_from_rotation(pose.rotation), *pose.translation]
        lines += [
            f"{index + 1} {' '.join(map(repr, map(float, motion)))} {index % 7 + 1} {picture}",
            "1.5 2.5 -1" * (index % 2),
        ]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")


def test_lenses_of_every_model_with_the_pixel_origin_moved(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(CAMERAS)
    found = read_cameras(tmp_path)
    assert not found.posed
    assert {name: camera.lens for name, camera in found.cameras.items()} == EXPECTED
    assert {camera.size_wh for camera in found.cameras.values()} == {(1280, 720)}


@pytest.mark.parametrize("named_by", [".", "cameras.txt", "images.txt"])
def test_poses(tmp_path: Path, named_by: str) -> None:
    model(tmp_path, ["cam 1.jpg", "cam 10.jpg", "cam 2.jpg"])
    found = read_cameras(tmp_path / named_by)
    assert list(found.cameras) == ["cam 1", "cam 2", "cam 10"]
    assert found.posed
    assert not found.metric
    truth = list(rig().values())
    for name, index in (("cam 1", 0), ("cam 10", 1), ("cam 2", 2)):
        assert found.cameras[name].lens == EXPECTED[str(index + 1)]
        matrix = found.cameras[name].cam_from_world.matrix
        np.testing.assert_allclose(matrix, truth[index].cam_from_world.matrix, atol=1e-12)


def test_views_in_folders_of_their_own_are_named_by_them(tmp_path: Path) -> None:
    model(tmp_path, ["rig/cam_2/0001.jpg", "rig/cam_1/0001.jpg"])
    assert list(read_cameras(tmp_path).cameras) == ["cam_1", "cam_2"]
    model(tmp_path, ["cam_2/0001.jpg", "cam_1/0001.jpg", "cam_1/0002.jpg"])
    with pytest.raises(InputError, match="moving camera"):
        read_cameras(tmp_path)


def test_pictures_without_their_line_of_points_are_not_skipped(tmp_path: Path) -> None:
    model(tmp_path, ["a.jpg", "b.jpg", "c.jpg"])
    lines = [line for line in (tmp_path / "images.txt").read_text().splitlines() if line.endswith("jpg")]
    (tmp_path / "images.txt").write_text("\n".join(lines))
    with pytest.raises(InputError, match="empty line after each picture"):
        read_cameras(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("cameras.txt", "SIMPLE_RADIAL ", "FOV ", "'3'.*FOV"),
        ("cameras.txt", "900 640 360 0.1\n", "900 640 360\n", "parameters of SIMPLE_RADIAL"),
        ("cameras.txt", "900 640 360 0.1\n", "nan 640 360 0.1\n", "'3'.*not finite"),
        ("cameras.txt", "900 640 360 0.1\n", "wide 640 360 0.1\n", "not numbers"),
        ("cameras.txt", "3 SIMPLE_RADIAL", "2 SIMPLE_RADIAL", "twice"),
        ("cameras.txt", CAMERAS, "7\n", "model ''"),
        ("cameras.txt", CAMERAS, "\n", "does not have"),
        ("images.txt", " 3 c.jpg", " 99 c.jpg", "camera 99"),
        ("images.txt", " 3 c.jpg", " 3 b.jpg", "twice"),
        ("images.txt", " 3 c.jpg", "", "does not describe a picture"),
        ("images.txt", "\n3 ", "\n3 5", "not a rotation"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, old: str, new: str, says: str) -> None:
    model(tmp_path, ["a.jpg", "b.jpg", "c.jpg"])
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new))
    with pytest.raises(InputError, match=says):
        read_cameras(tmp_path)


def test_images_alone(tmp_path: Path) -> None:
    (tmp_path / "images.txt").write_text("")
    with pytest.raises(InputError, match="missing"):
        read_cameras(tmp_path / "images.txt")
