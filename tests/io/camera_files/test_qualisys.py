"""Qualisys files, against the real recording and another program's conversion of it."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.rotations import rotvec_from_rotation
from epipose.io.camera_files import read_cameras
from epipose.io.camera_fit import fit_to_video
from tests.recordings import balancing_keypoints

BODY = slice(11, 33)
UNSWAPPED = slice(0, 40)
"""Frames in which MediaPipe does not exchange left and right."""

CAMERA = """<?xml version='1.0' encoding='ASCII'?>
<calibration><cameras>
<camera active="1" serial="a" viewrotation="0">
  {window}
  <transform x="1000" y="2000" z="500" r11="1" r12="0" r13="0" r21="0" r22="-1" r23="0" r31="0" r32="0" r33="-1"/>
  <intrinsic centerPointU="32000" centerPointV="19200" focalLengthU="64000" focalLengthV="64064"
   radialDistortion1="-0.05" radialDistortion2="0.1" radialDistortion3="0.01" tangentalDistortion1="0.001"
   tangentalDistortion2="0.002" sensorMaxU="63936" sensorMaxV="38336"/>
</camera>
</cameras></calibration>
"""
WINDOW = '<fov_video left="100" top="20" right="899" bottom="579"/>'


@pytest.fixture
def calibration(shared: Path) -> Path:
    return shared / "footage" / "balancing" / "calibration" / "Calib.qca.txt"


def test_agrees_with_pose2sim_on_the_real_file(calibration: Path) -> None:
    """Pose2Sim's own conversion, from its published demo; it divides the distortion by 64, as checkerboards deny."""
    found = read_cameras(calibration)
    assert list(found.cameras) == ["cam01", "cam02", "cam03", "cam04"]
    first = found.cameras["cam01"]
    assert first.size_wh == (1088, 1920)
    np.testing.assert_allclose(first.lens.focal, (1681.244873046875, 1681.075439453125), rtol=1e-12)
    np.testing.assert_allclose(first.lens.centre, (532.97369384375, 948.137390140625), rtol=1e-12)
    np.testing.assert_allclose(first.lens.coefficients, (-0.046183, 0.139983, 0.000608, 0.00069, 0.0), rtol=1e-12)
    rotvec = rotvec_from_rotation(first.cam_from_world.rotation)
    np.testing.assert_allclose(rotvec, [1.68827548, 1.04832205, -0.41955852], atol=1e-6)
    np.testing.assert_allclose(first.cam_from_world.translation, [0.32110489, 0.95633206, 2.89071305], atol=1e-6)


def test_real_keypoints_meet_in_space(shared: Path, calibration: Path) -> None:
    keypoints = balancing_keypoints(shared)
    cameras = read_cameras(calibration).cameras
    fitted = {name: fit_to_video(cameras[name], view.image_size_wh, name) for name, view in keypoints.items()}
    assert [note is not None for _, note in fitted.values()] == [True, True, False, False]
    rows, weights = [], []
    for name, (camera, _) in fitted.items():
        pixels = keypoints[name].pixels[UNSWAPPED, 0, BODY].astype(float)
        score = keypoints[name].score[UNSWAPPED, 0, BODY].astype(float)
        ideal, valid = camera.lens.undistort(pixels)
        motion = camera.cam_from_world.matrix
        rows.append((ideal[..., :, None] * motion[2] - motion[:2]) * (score * valid)[..., None, None])
        weights.append(score * valid)
    homogeneous = np.linalg.svd(np.concatenate(rows, axis=-2))[2][..., -1, :]
    points = homogeneous[..., :3] / homogeneous[..., 3:]
    assert 0.5 < np.median(points[..., 2]) < 1.3  # metres above the floor, Z up
    for name, (camera, _) in fitted.items():
        pixels, valid = camera.project(points)
        error = np.linalg.norm(pixels - keypoints[name].pixels[UNSWAPPED, 0, BODY], axis=-1)
        assert valid.all()
        assert np.median(error) < 25
        assert np.quantile(error, 0.95) < 60


def test_the_window_of_the_sensor_moves_the_centre(tmp_path: Path) -> None:
    (tmp_path / "c.qca.txt").write_text(CAMERA.format(window=WINDOW))
    (tmp_path / "whole.qca.txt").write_text(CAMERA.format(window=""))
    camera = read_cameras(tmp_path / "c.qca.txt").cameras["a"]
    whole = read_cameras(tmp_path / "whole.qca.txt").cameras["a"]
    assert (camera.size_wh, whole.size_wh) == ((800, 560), (1000, 600))
    assert (camera.lens.centre, whole.lens.centre) == ((400.0, 280.0), (500.0, 300.0))
    np.testing.assert_allclose(camera.centre, [1, 2, 0.5])
    np.testing.assert_allclose(camera.cam_from_world.rotation, np.eye(3))
    assert camera.lens.coefficients == (-0.05, 0.1, 0.001, 0.002, 0.01)


def test_a_turned_or_idle_camera_is_mentioned_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "c.qca.txt").write_text(CAMERA.format(window=WINDOW).replace('viewrotation="0"', 'viewrotation="90"'))
    assert "turned" in read_cameras(tmp_path / "c.qca.txt").notes[0]
    (tmp_path / "c.qca.txt").write_text(CAMERA.format(window=WINDOW).replace('active="1"', 'active="0"'))
    with pytest.raises(InputError, match="no camera"):
        read_cameras(tmp_path / "c.qca.txt")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('focalLengthU="64000"', 'focalLengthU="nan"', "'a'.*focalLengthU"),
        ('focalLengthU="64000"', 'focalLengthU="wide"', "focalLengthU"),
        ('focalLengthU="64000"', "", "focalLengthU"),
        ('r11="1"', 'r11="0.5"', "not a rotation"),
        ("<transform", "<moved", "no transform"),
        ("</camera>", "", "not sound XML"),
        ('right="899"', 'right="0"', "picture size"),
        ("<calibration>", '<!DOCTYPE x [<!ENTITY y "z">]><calibration>', "entities"),
    ],
)
def test_a_bad_file_is_refused_with_one_sentence(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = CAMERA.format(window=WINDOW)
    assert old in text
    (tmp_path / "c.qca.txt").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=says) as caught:
        read_cameras(tmp_path / "c.qca.txt")
    assert "c.qca.txt" in str(caught.value)
