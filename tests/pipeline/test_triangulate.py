"""Poses from known cameras, against the truth."""

from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.alignment import similarity
from epipose.geometry.rotations import quaternion_from_rotation
from epipose.io.camera_files import read_cameras, write_cameras
from epipose.io.pose_files import read_covariance, read_poses
from epipose.pipeline.calibrate import calibrate
from epipose.pipeline.triangulate import triangulate
from epipose.pose.keypoints import Poses
from tests.pipeline.captures import CAMERAS, COCO, STATURE, Filming, contents, figure, make_capture

LATE = 0.2
VIEWS = {name: Filming(late=LATE if name == "cam4" else 0.0) for name in CAMERAS}


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return make_capture(tmp_path / "walk", views=VIEWS)


def errors(poses: Poses) -> Float[ndarray, "joints"]:
    """Return the distance in metres of every joint that was found of the first person from the truth."""
    truth = figure(poses.times)[:, [COCO.index(name) for name in poses.skeleton.joint_names]]
    distance = np.linalg.norm(poses.positions[:, 0] - truth, axis=-1)
    return np.asarray(distance[poses.weight[:, 0] > 0])


def test_poses_are_where_the_person_was_and_as_sure_as_they_say(capture: Path) -> None:
    write_cameras(
        capture / "cameras.toml", CAMERAS, metadata={"made_by": "epipose", "time_offsets_s": [0.0, 0.0, 0.0, LATE]}
    )
    files = triangulate(capture)
    assert files == {name: capture / "poses" / f"{name}.npz" for name in ("triangulated", "smooth")}
    found, smooth = (read_poses(files[name]) for name in ("triangulated", "smooth"))
    assert np.median(errors(found)) < 0.010
    assert np.median(errors(smooth)) < np.median(errors(found))
    for poses in (found, smooth):
        assert np.mean(poses.weight[:, 0] > 0) > 0.97
        assert np.quantile(errors(poses), 0.99) < 0.05
        sigma = poses.uncertainty[:, 0][poses.weight[:, 0] > 0]
        # Three axes share the error.
        spread = np.sqrt(np.mean((errors(poses) / sigma) ** 2) / 3)
        assert 0.6 < spread < 1.5


def test_uncertainty_points_where_the_errors_are(tmp_path: Path) -> None:
    # Two cameras side by side see depth worst.
    pair = {name: VIEWS[name] for name in list(CAMERAS)[:2]}
    folder = make_capture(tmp_path / "pair", views=pair)
    write_cameras(folder / "cameras.toml", {name: CAMERAS[name] for name in pair}, metadata={"made_by": "epipose"})
    for file in triangulate(folder).values():
        poses = read_poses(file)
        entries = read_covariance(file, poses)
        assert entries is not None
        np.testing.assert_allclose(entries[..., [0, 3, 5]].mean(axis=-1), poses.uncertainty**2, rtol=1e-3, atol=1e-9)
        found = poses.weight[:, 0] > 0
        covariance = entries[:, 0][found][:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3).astype(float)
        truth = figure(poses.times)[:, [COCO.index(name) for name in poses.skeleton.joint_names]]
        error = (poses.positions[:, 0] - truth)[found]
        variance, axes = np.linalg.eigh(covariance)
        along = np.einsum("nij,ni->nj", axes, error)
        deviation = np.sqrt(variance)
        assert np.median(deviation[:, 2] / deviation[:, 0]) > 1.5
        assert np.median(np.abs(along[:, 2])) > 1.3 * np.median(np.abs(along[:, 0]))
        # A Gaussian's median distance is 0.67 of its deviation; that of the smoothed is stated with room.
        for axis in range(3):
            assert 0.3 < np.median(np.abs(along[:, axis]) / deviation[:, axis]) < 1.1


def test_time_offsets_go_with_the_cameras(capture: Path) -> None:
    calibrate(capture, intrinsics=str(capture / "lenses.toml"), height_m=1.75)
    found = read_poses(triangulate(capture)["triangulated"])
    cameras = read_cameras(capture / "cameras.toml").cameras
    shape, truth = found.positions[:, 0], figure(found.times)[:, [COCO.index(n) for n in found.skeleton.joint_names]]
    seen = found.weight[:, 0] > 0
    scale, motion = similarity(shape[seen].astype(float), truth[seen])
    assert np.median(np.linalg.norm(motion.apply(scale * shape[seen]) - truth[seen], axis=-1)) < 0.01
    write_cameras(capture / "cameras.toml", cameras, metadata={"made_by": "epipose"})
    without = read_poses(triangulate(capture)["triangulated"])
    assert np.median(without.uncertainty) > 1.3 * np.median(found.uncertainty)


def test_without_places_it_says_how_to_find_them(capture: Path) -> None:
    before = contents(capture)
    with pytest.raises(InputError, match="epipose calibrate"):
        triangulate(capture)
    with pytest.raises(InputError, match="epipose calibrate"):
        triangulate(capture, cameras=str(capture / "lenses.toml"))
    assert contents(capture) == before


def test_the_users_cameras_come_before_any_other(capture: Path) -> None:
    moved = {name: camera.resized((960, 540)) for name, camera in CAMERAS.items()}
    write_cameras(capture / "cameras.toml", moved)
    poses = read_poses(triangulate(capture)["triangulated"])
    assert np.median(errors(poses)) < 0.05


def test_two_frame_rates_meet_on_the_faster_clock(tmp_path: Path) -> None:
    views = {name: Filming(frame_rate=50.0 if name == "cam2" else 25.0) for name in CAMERAS}
    capture = make_capture(tmp_path / "walk", views=views)
    poses = read_poses(triangulate(capture, cameras=str(capture / "given.toml"))["triangulated"])
    np.testing.assert_allclose(np.diff(poses.times), 0.02)
    assert np.median(errors(poses)) < 0.012


def test_cameras_estimated_beside_the_users_lenses_are_found_again(capture: Path) -> None:
    write_cameras(capture / "cameras.toml", CAMERAS, metadata={"lenses_only": True})
    with pytest.raises(InputError, match="epipose calibrate"):
        triangulate(capture)
    assert calibrate(capture, height_m=STATURE).cameras_path == capture / "cameras-estimated.toml"
    poses = read_poses(triangulate(capture)["triangulated"])
    assert poses.weight[:, 0].mean() > 0.9


def test_places_without_a_unit_are_scaled_before_triangulation(capture: Path) -> None:
    colmap(capture / "calibration")
    with pytest.raises(InputError, match="no unit"):
        triangulate(capture)
    assert calibrate(capture, height_m=STATURE).cameras_path == capture / "cameras.toml"
    poses = read_poses(triangulate(capture)["triangulated"])
    hip, ankle = poses.skeleton.index("left_hip"), poses.skeleton.index("left_ankle")
    height = np.median(poses.positions[:, 0, hip, 2] - poses.positions[:, 0, ankle, 2])
    truth = figure(poses.times)
    expected = np.median(truth[:, COCO.index("left_hip"), 2] - truth[:, COCO.index("left_ankle"), 2])
    assert height == pytest.approx(expected, rel=0.1)


def colmap(folder: Path) -> None:
    """Write the true cameras as COLMAP text, a third of their size; its first pixel's centre is (0.5, 0.5)."""
    folder.mkdir()
    lenses, images = [], []
    for number, (name, camera) in enumerate(CAMERAS.items(), start=1):
        (fx, fy), (cx, cy), (width, height) = camera.lens.focal, camera.lens.centre, camera.size_wh
        bent = " ".join(str(value) for value in camera.lens.coefficients[:4])
        lenses.append(f"{number} OPENCV {width} {height} {fx} {fy} {cx + 0.5} {cy + 0.5} {bent}")
        turn = " ".join(map(str, quaternion_from_rotation(camera.cam_from_world.rotation)))
        shift = " ".join(map(str, camera.cam_from_world.translation / 3))
        images.append(f"{number} {turn} {shift} {number} {name}.jpg\n")
    (folder / "cameras.txt").write_text("\n".join(lenses) + "\n", encoding="utf-8")
    (folder / "images.txt").write_text("\n".join(images) + "\n", encoding="utf-8")
