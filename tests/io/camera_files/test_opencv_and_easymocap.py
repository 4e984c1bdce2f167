"""The two formats in OpenCV's FileStorage."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Fisheye, Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotvec_from_rotation
from epipose.io.camera_files import read_cameras
from tests.io.camera_files.rigs import LENSES, assert_same, rig

MOTION = Rigid.from_rotvec(np.array([0.3, -1.0, 0.2]), np.array([0.5, -0.2, 4.0]))


def store(path: Path, **entries: object) -> None:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in entries.items():
        if isinstance(value, list):
            storage.startWriteStruct(key, cv2.FileNode_SEQ)
            for item in value:
                storage.write("", item)
            storage.endWriteStruct()
        else:
            storage.write(key, value)
    storage.release()


@pytest.mark.parametrize("suffix", [".yml", ".yaml", ".xml"])
@pytest.mark.parametrize("lens", LENSES[1:4] + LENSES[5:])
def test_one_camera_with_its_pose(tmp_path: Path, lens: Lens, suffix: str) -> None:
    path = tmp_path / f"left{suffix}"
    store(
        path,
        image_width=1280,
        image_height=720,
        camera_matrix=lens.matrix,
        distortion_coefficients=np.array([lens.coefficients]),
        fisheye_model=int(isinstance(lens, Fisheye)),
        rvec=rotvec_from_rotation(MOTION.rotation)[:, None],
        tvec=MOTION.translation[:, None],
    )
    found = read_cameras(path)
    assert found.posed
    assert_same(found.cameras["left"], Camera(lens, MOTION, (1280, 720)))
    assert "taken as metres" in found.notes[0]


def test_a_lens_without_size_or_pose_under_other_names(tmp_path: Path) -> None:
    lens = LENSES[2]
    store(tmp_path / "c.yml", K=lens.matrix, dist=np.array(lens.coefficients)[:, None])
    found = read_cameras(tmp_path / "c.yml")
    assert not found.posed
    assert_same(found.cameras["c"], Camera(lens, Rigid.identity(), (0, 0)))


def test_millimetres_are_recognised(tmp_path: Path) -> None:
    store(tmp_path / "c.yml", K=LENSES[1].matrix, R=MOTION.rotation, T=MOTION.translation * 1000)
    found = read_cameras(tmp_path / "c.yml")
    np.testing.assert_allclose(found.cameras["c"].cam_from_world.matrix, MOTION.matrix, atol=1e-12)
    assert "millimetres" in found.notes[0]


def test_ros(tmp_path: Path) -> None:
    (tmp_path / "head.yaml").write_text(
        "image_width: 640\nimage_height: 480\ncamera_name: head_left\n"
        "camera_matrix:\n  rows: 3\n  cols: 3\n  data: [415.1, 0, 320.5, 0, 410.2, 241, 0, 0, 1]\n"
        "distortion_model: equidistant\n"
        "distortion_coefficients:\n  rows: 1\n  cols: 4\n  data: [-0.017, -0.007, 0.005, -0.0001]\n"
    )
    camera = read_cameras(tmp_path / "head.yaml").cameras["head_left"]
    assert camera.lens == Fisheye((415.1, 410.2), (320.5, 241.0), (-0.017, -0.007, 0.005, -0.0001))
    assert camera.size_wh == (640, 480)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"other": 1}, "no camera_matrix"),
        ({"K": np.array([[np.nan, 0, 1], [0, 1, 1], [0, 0, 1]])}, "'c'.*not finite"),
        ({"K": np.eye(2)}, "camera matrix"),
        ({"K": "many"}, "camera matrix"),
        ({"K": LENSES[0].matrix, "dist": np.zeros((1, 3))}, "coefficients"),
        ({"K": LENSES[0].matrix, "R": np.diag([1.0, 2.0, 1.0]), "T": np.zeros(3)}, "not a rotation"),
        ({"K": LENSES[0].matrix, "R": np.eye(3), "T": "far"}, "translation"),
        ({"K": LENSES[0].matrix, "image_width": -3, "image_height": 3}, "picture size"),
    ],
)
def test_bad_opencv_files(tmp_path: Path, entries: dict[str, object], says: str) -> None:
    store(tmp_path / "c.yml", **entries)
    with pytest.raises(InputError, match=says) as caught:
        read_cameras(tmp_path / "c.yml")
    assert "c.yml" in str(caught.value)


def easymocap(folder: Path, cameras: dict[str, Camera], *, matrices: bool = True, sizes: bool = True) -> None:
    intrinsic: dict[str, object] = {"names": list(cameras)}
    extrinsic: dict[str, object] = {"names": list(cameras)}
    for name, camera in cameras.items():
        intrinsic[f"K_{name}"] = camera.lens.matrix
        intrinsic[f"dist_{name}"] = np.array([camera.lens.coefficients])
        if sizes:
            intrinsic[f"W_{name}"], intrinsic[f"H_{name}"] = camera.size_wh
        extrinsic[f"R_{name}"] = rotvec_from_rotation(camera.cam_from_world.rotation)[:, None]
        if matrices:
            extrinsic[f"Rot_{name}"] = camera.cam_from_world.rotation
        extrinsic[f"T_{name}"] = camera.cam_from_world.translation[:, None]
    store(folder / "intri.yml", **intrinsic)
    store(folder / "extri.yml", **extrinsic)


@pytest.mark.parametrize("matrices", [True, False])
@pytest.mark.parametrize("named_by", [".", "intri.yml", "extri.yml"])
def test_easymocap_pair(tmp_path: Path, named_by: str, matrices: bool) -> None:
    cameras = {f"{n:02}": camera for n, camera in enumerate(rig(LENSES[1:3] * 6).values(), start=1)}
    easymocap(tmp_path, cameras, matrices=matrices)
    found = read_cameras(tmp_path / named_by)
    assert list(found.cameras) == list(cameras)
    assert (found.posed, found.notes) == (True, ())
    for name, camera in cameras.items():
        assert_same(found.cameras[name], camera)


def test_easymocap_without_sizes_names_or_poses(tmp_path: Path) -> None:
    easymocap(tmp_path, rig(LENSES[1:3]), sizes=False)
    assert read_cameras(tmp_path).cameras["cam_1"].size_wh == (0, 0)
    (tmp_path / "extri.yml").unlink()
    assert not read_cameras(tmp_path / "intri.yml").posed
    store(tmp_path / "intri.yml", K_1=LENSES[1].matrix, K_2=LENSES[1].matrix)
    assert list(read_cameras(tmp_path).cameras) == ["1", "2"]


def test_easymocap_camera_without_pose_is_left_out_and_said(tmp_path: Path) -> None:
    cameras = rig(LENSES[1:4])
    easymocap(tmp_path, cameras)
    store(
        tmp_path / "extri.yml",
        **{f"Rot_cam_{n}": cameras[f"cam_{n}"].cam_from_world.rotation for n in (1, 3)},
        **{f"T_cam_{n}": cameras[f"cam_{n}"].cam_from_world.translation for n in (1, 3)},
    )
    found = read_cameras(tmp_path)
    assert list(found.cameras) == ["cam_1", "cam_3"]
    assert "cam_2" in found.notes[0]


def test_bad_easymocap(tmp_path: Path) -> None:
    easymocap(tmp_path, rig(LENSES[1:4]))
    store(tmp_path / "extri.yml", T_cam_1=np.zeros(3))
    with pytest.raises(InputError, match="only one of Rot_cam_1"):
        read_cameras(tmp_path)
    store(tmp_path / "intri.yml", names=["a"])
    with pytest.raises(InputError, match="no K_a"):
        read_cameras(tmp_path)
    store(tmp_path / "intri.yml", names="a")
    with pytest.raises(InputError, match="list of camera names"):
        read_cameras(tmp_path)
    (tmp_path / "intri.yml").unlink()
    with pytest.raises(InputError, match="missing"):
        read_cameras(tmp_path / "extri.yml")
