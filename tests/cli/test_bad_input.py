"""Input that cannot be used: one sentence with the remedy, exit code 2, and not a file touched."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from epipose import exporters, plugins
from epipose.cli import main
from epipose.detectors import mediapipe
from epipose.io.pose_files import write_poses
from tests.bodies import moving_people
from tests.io.made_videos import write_video
from tests.pipeline.test_detect import GreyMeter
from tests.sample import make_sample

LENSES = "lenses.toml"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("bad") / "walk")


@pytest.fixture
def capture(sample: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sample, tmp_path / "walk")


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A capture of two short videos that has still to be looked at; the detector is made up."""
    monkeypatch.setattr(mediapipe, "PLUGIN", GreyMeter())
    (tmp_path / "filmed" / "videos").mkdir(parents=True)
    write_video(tmp_path / "filmed" / "videos" / "cam1.mp4", 12)
    write_video(tmp_path / "filmed" / "videos" / "cam2.mp4", 12, size_wh=(128, 96))
    return tmp_path / "filmed"


def refusal(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> str:
    """Run a command that must refuse, and return its sentence."""
    before = contents(folder)
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert_one_sentence(err)
    assert contents(folder) == before
    return err


def assert_one_sentence(err: str) -> None:
    assert err.startswith("epipose: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert len(err) < 500


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def reconstruct(capsys: pytest.CaptureFixture[str], capture: Path, *more: str) -> str:
    return refusal(capsys, capture, "reconstruct", str(capture), "--intrinsics", str(capture / LENSES), *more)


@pytest.mark.parametrize("command", ["reconstruct", "calibrate", "triangulate", "detect"])
def test_missing_folder(command: str, tmp_path: Path, videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere; check the name" in refusal(capsys, videos, command, str(tmp_path / "nowhere"))


def test_a_file_where_a_folder_belongs(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a file; name the folder" in refusal(capsys, videos, "reconstruct", str(videos / "videos" / "cam1.mp4"))


def test_a_folder_without_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "put the videos into" in refusal(capsys, tmp_path, "reconstruct", str(tmp_path))


@pytest.mark.parametrize("command", ["reconstruct", "detect"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "text"])
def test_a_video_that_cannot_be_read(
    command: str, damage: str, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = videos / "videos" / "cam2.mp4"
    whole = video.read_bytes()
    video.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "text": b"Not a video.\n" * 99}[damage])
    assert "cam2.mp4" in refusal(capsys, videos, command, str(videos))


def test_keypoints_do_not_hide_a_video_that_cannot_be_read(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (capture / "videos").mkdir()
    for view in range(1, 5):
        write_video(capture / "videos" / f"cam{view}.mp4", 4 + view, size_wh=(192, 108))
    (capture / "videos" / "cam3.mp4").write_bytes(b"")
    assert "cam3.mp4" in reconstruct(capsys, capture)


def edit_lenses(capture: Path, camera: str, **changes: object) -> None:
    table = tomllib.loads((capture / LENSES).read_text())
    key = next(key for key, value in table.items() if value.get("name") == camera)
    table[key].update(changes)
    if not changes:
        del table[key]
    (capture / LENSES).write_text(tomli_w.dumps(table))


def test_a_camera_file_without_one_of_the_cameras(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_lenses(capture, "cam3")
    assert "cam3" in reconstruct(capsys, capture)


def test_intrinsics_that_are_not_numbers(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_lenses(capture, "cam3", matrix=[[float("nan"), 0, 960], [0, 1400, 540], [0, 0, 1]])
    said = reconstruct(capsys, capture)
    assert "lenses.toml" in said
    assert "cam3" in said


def test_a_camera_file_that_is_not_there(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.toml" in reconstruct(capsys, capture, "--cameras", str(capture / "none.toml"))


def test_keypoints_with_the_wrong_number_of_joints(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = capture / "keypoints" / "sample" / "cam2.npz"
    with np.load(file) as archive:
        arrays = dict(archive)
    np.savez(file, **{**arrays, "pixels": arrays["pixels"][:, :, :15], "score": arrays["score"][:, :, :15]})
    assert "cam2.npz" in reconstruct(capsys, capture)


def test_keypoints_that_are_cut_off(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = capture / "keypoints" / "sample" / "cam2.npz"
    file.write_bytes(file.read_bytes()[:9999])
    assert "cam2.npz" in reconstruct(capsys, capture)


def test_one_view(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for view in (2, 3, 4):
        (capture / "keypoints" / "sample" / f"cam{view}.npz").unlink()
    assert "depth needs at least 2 cameras" in reconstruct(capsys, capture)


def test_two_identical_views(capture: Path, videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = capture / "keypoints" / "sample"
    shutil.copy(folder / "cam1.npz", folder / "cam2.npz")
    assert "are the same; replace one" in reconstruct(capsys, capture)
    shutil.copy(videos / "videos" / "cam1.mp4", videos / "videos" / "cam2.mp4")
    assert "are the same; replace one" in refusal(capsys, videos, "reconstruct", str(videos))


def test_a_detector_that_there_is_not(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'sampel'" in reconstruct(capsys, capture, "--detector", "sampel")


def test_a_board_without_pictures(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a board" in reconstruct(capsys, capture, "--board", "chequers")
    assert "pictures" in reconstruct(capsys, capture, "--board", "checkerboard 4x7 60mm")


@pytest.mark.parametrize("height", ["-1.75", "nan", "175"])
def test_a_height_that_no_person_has(height: str, capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{float(height)} m" in reconstruct(capsys, capture, "--height", height)


def test_smoothing_that_there_is_not(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "butterworth:HZ" in reconstruct(capsys, capture, "--smooth", "kalman:3")


def test_triangulation_without_cameras(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "epipose calibrate" in refusal(capsys, capture, "triangulate", str(capture))


def test_poses_that_cannot_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_poses(tmp_path / "walk.npz", moving_people(frames=4))
    poses = str(tmp_path / "walk.npz")
    assert "choose from bvh, c3d" in refusal(capsys, tmp_path, "export", poses, "fbx")
    assert "none.npz" in refusal(capsys, tmp_path, "export", str(tmp_path / "none.npz"), "trc")
    (tmp_path / "text.npz").write_text("Not an archive.")
    assert "text.npz" in refusal(capsys, tmp_path, "export", str(tmp_path / "text.npz"), "trc")


@pytest.mark.parametrize("name", plugins.names(exporters))
def test_a_disk_that_is_full_while_exporting(name: str, tmp_path: Path) -> None:
    if name == "c3d":
        pytest.importorskip("ezc3d", reason="the extra c3d is not installed")
    write_poses(tmp_path / "poses" / "walk.npz", moving_people(frames=400))
    before = contents(tmp_path)
    err = with_full_disk(tmp_path, 8, "export", str(tmp_path / "poses" / "walk.npz"), name)
    assert "walk" in err
    assert contents(tmp_path) == before


def test_a_disk_that_is_full_while_reconstructing(capture: Path) -> None:
    before = contents(capture)
    err = with_full_disk(capture, 32, "reconstruct", str(capture), "--intrinsics", str(capture / LENSES))
    assert "poses" in err
    whole = contents(capture)
    tomllib.loads(whole.pop("cameras.toml").decode())
    assert whole == before


def with_full_disk(folder: Path, kilobytes: int, *arguments: str) -> str:
    """Run a command that can write no file above some size, and return what it says."""
    program = 'ulimit -f "$1"; shift; exec "$@"'
    command = ["bash", "-c", program, "bash", str(kilobytes), sys.executable, "-m", "epipose", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert_one_sentence(done.stderr)
    assert "free some space" in done.stderr
    return done.stderr
