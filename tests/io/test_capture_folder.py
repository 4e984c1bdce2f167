"""Folders of several programs are understood as they are; those that cannot be a capture are refused with a remedy."""

from pathlib import Path

import numpy as np
import pytest

from epipose.errors import InputError
from epipose.io.capture_folder import CaptureFolder, open_capture


def make(root: Path, *files: str) -> Path:
    """Make files, each holding its own name."""
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def sources(capture: CaptureFolder) -> dict[str, str | None]:
    return {
        view.name: view.source.relative_to(capture.path).as_posix() if view.source else None for view in capture.views
    }


def test_our_own_layout_in_natural_order(tmp_path: Path) -> None:
    make(tmp_path, "videos/cam10.mp4", "videos/cam2.MOV", "videos/._cam2.mov", "videos/readme.txt", "cameras.toml")
    make(tmp_path, "calibration/old.toml", "keypoints/mediapipe/cam2.npz", "keypoints/mediapipe/._cam2.npz")
    capture = open_capture(tmp_path)
    assert sources(capture) == {"cam2": "videos/cam2.MOV", "cam10": "videos/cam10.mp4"}
    assert capture.camera_file() == tmp_path / "cameras.toml"
    assert capture.keypoint_files == {"mediapipe": {"cam2": tmp_path / "keypoints/mediapipe/cam2.npz"}}
    assert capture.keypoints_path("mediapipe", "cam2") == tmp_path / "keypoints/mediapipe/cam2.npz"
    assert capture.times() == {}


def test_a_bare_folder_of_videos(tmp_path: Path) -> None:
    capture = open_capture(make(tmp_path, "left.mp4", "right.webm", "config.toml"))
    assert sources(capture) == {"left": "left.mp4", "right": "right.webm"}
    assert capture.camera_file() is None
    assert capture.cameras_path == tmp_path / "cameras.toml"


def test_pictures(tmp_path: Path) -> None:
    capture = open_capture(make(tmp_path, "images/a/1.jpg", "images/a/2.jpg", "images/b/1.png", "images/empty/x.txt"))
    assert sources(capture) == {"a": "images/a", "b": "images/b"}


def test_keypoints_only(tmp_path: Path) -> None:
    make(tmp_path, "keypoints/op/cam1_json/0.json", "keypoints/op/cam2_json/0.json", "keypoints/dlc/cam2.csv")
    make(tmp_path, "keypoints/dlc/cam2.h5")
    capture = open_capture(tmp_path)
    assert sources(capture) == {"cam1": None, "cam2": None}
    assert capture.keypoint_files["op"]["cam1"] == tmp_path / "keypoints/op/cam1_json"
    assert capture.keypoint_files["dlc"] == {"cam2": tmp_path / "keypoints/dlc/cam2.h5"}


def test_pose2sim(tmp_path: Path) -> None:
    make(tmp_path, "videos/cam01.mp4", "videos/cam02.mp4", "Config.toml", "calibration/Calib_board.toml")
    make(tmp_path, "calibration/intrinsics/cam01/x.png", "pose/cam01_json/cam01_0.json", "pose/cam02_json/cam02_0.json")
    capture = open_capture(tmp_path)
    assert capture.camera_file() == tmp_path / "calibration/Calib_board.toml"
    assert capture.keypoint_files["pose2sim"] == {v: tmp_path / f"pose/{v}_json" for v in ("cam01", "cam02")}
    make(tmp_path, "calibration/Calib_scene.toml")
    with pytest.raises(InputError, match=r"several camera files \(calibration/Calib_board\.toml, .*scene.*--cameras"):
        open_capture(tmp_path).camera_file()


def test_a_trial_uses_the_calibration_of_its_session(tmp_path: Path) -> None:
    make(tmp_path, "calibration/Calib.qca.txt", "Trial_1/videos/a.mp4", "Trial_1/videos/b.mp4")
    assert open_capture(tmp_path / "Trial_1").camera_file() == tmp_path / "calibration/Calib.qca.txt"


def test_caliscope_by_project_and_by_recording(tmp_path: Path) -> None:
    cameras = "calibration/extrinsic/capture_volume/camera_array.toml"
    make(tmp_path, cameras, "recordings/walk/cam_0.mp4", "recordings/walk/cam_1.mp4", "calibration/extrinsic/cam_0.mp4")
    (tmp_path / "recordings/walk/timestamps.csv").write_text("cam_id,frame_time\n0,5\n1,5.1\n0,6\n1,6.1\n")
    for folder in (tmp_path, tmp_path / "recordings" / "walk"):
        capture = open_capture(folder)
        assert capture.view_names == ("cam_0", "cam_1")
        assert capture.camera_file() == tmp_path / cameras
        times = capture.times()
        np.testing.assert_allclose(times["cam_1"], [0.1, 1.1])
    make(tmp_path, "recordings/run/cam_0.mp4", "recordings/run/cam_1.mp4")
    with pytest.raises(InputError, match=r"several recordings \(run, walk\)"):
        open_capture(tmp_path)


def test_anipose(tmp_path: Path) -> None:
    session = tmp_path / "session"
    make(session, "videos-raw/v1-camA.mov", "videos-raw/v1-camB.mov", "calibration/calibration.toml", "config.toml")
    capture = open_capture(session)
    assert capture.view_names == ("v1-camA", "v1-camB")
    assert capture.camera_file() == session / "calibration/calibration.toml"
    make(session, "videos-raw/v2-camA.mov")
    with pytest.raises(InputError, match=r"several recordings \(v1, v2\)"):
        open_capture(session)


def test_real_footage(shared: Path) -> None:
    capture = open_capture(shared / "footage" / "balancing")
    assert capture.view_names == ("cam01", "cam02", "cam03", "cam04")
    assert capture.camera_file() == shared / "footage" / "balancing" / "calibration" / "Calib.qca.txt"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], r"capture holds no videos, .*capture.videos"),
        (["videos/readme.txt"], "holds no videos"),
        (["recordings/empty/x.txt"], "no videos; record some first"),
        (["videos/cam1.mp4"], "only the view 'cam1'; .* add the videos"),
        (["videos/a.mp4", "videos/a.mov"], "both called 'a'; keep one"),
    ],
)
def test_what_is_no_capture_is_refused(tmp_path: Path, files: list[str], said: str) -> None:
    folder = tmp_path / "capture"
    folder.mkdir()
    with pytest.raises(InputError, match=said):
        open_capture(make(folder, *files))


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere; check the name"):
        open_capture(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"a\.mp4 is a file; name the folder"):
        open_capture(make(tmp_path, "a.mp4") / "a.mp4")


def test_one_view_is_enough_where_that_is_asked(tmp_path: Path) -> None:
    assert len(open_capture(make(tmp_path, "videos/cam1.mp4"), fewest_views=1).views) == 1


@pytest.mark.parametrize(
    "names",
    [
        ["videos/a.mp4", "videos/b.mp4", "videos/c.mp4"],
        ["images/a/1.jpg", "images/b/1.jpg", "images/c/1.jpg"],
        ["keypoints/d/a.npz", "keypoints/d/b.npz", "keypoints/d/c.npz"],
    ],
)
def test_the_same_recording_twice_is_refused(tmp_path: Path, names: list[str]) -> None:
    make(tmp_path, *names)
    open_capture(tmp_path)
    (tmp_path / names[2]).write_bytes((tmp_path / names[0]).read_bytes())
    with pytest.raises(InputError, match=r"a.* and .*c.* are the same; replace one"):
        open_capture(tmp_path)
