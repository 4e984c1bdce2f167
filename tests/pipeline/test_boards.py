"""Calibration boards as users name and store them, and what a capture's cameras are with them."""

import shutil
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy import ndarray

from epipose.calibration.board_lens import BoardLens
from epipose.calibration.boards import Board, Charuco, Checkerboard
from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import read_cameras
from epipose.pipeline import boards
from epipose.pipeline.boards import lenses_from_pictures, parse_board
from epipose.pipeline.calibrate import calibrate
from tests.calibration.board_pictures import board_poses, photographed
from tests.pipeline.captures import CAMERAS, contents, make_capture, misfit

TEXT, BOARD = "checkerboard 5x4 60mm", Checkerboard(5, 4, 0.06)
SIZE = (480, 270)
LENS = BrownConrady((350.0, 351.0), (241.0, 133.0), (-0.1, 0.03, 0.0, 0.0))
FLOOR = Checkerboard(5, 4, 0.3)
SMALL = (640, 360)


@pytest.mark.parametrize(
    ("text", "board"),
    [
        ("checkerboard 4x7 60mm", Checkerboard(4, 7, 0.06)),
        ("  Chessboard 4\u00d77   6 cm ", Checkerboard(4, 7, 0.06)),
        ("checkerboard 4x7 0.06m", Checkerboard(4, 7, 0.06)),
        ("charuco 5x7 40mm 30mm DICT_4X4_50", Charuco(5, 7, 0.04, 0.03, "DICT_4X4_50")),
        ("charuco 5x7 40mm 30mm", Charuco(5, 7, 0.04, 0.03)),
        ("ChArUco 12x9 60mm 45mm DICT_5X5_100", Charuco(12, 9, 0.06, 0.045, "DICT_5X5_100")),
    ],
)
def test_boards_are_read_from_text(text: str, board: Board) -> None:
    assert parse_board(text) == board


@pytest.mark.parametrize(
    "text",
    [
        "",
        "checkerboard",
        "checkerboard 4x7",
        "checkerboard 4x7 60",
        "checkerboard 4x7 1.2.3mm",
        "checkerboard 4x7 nanmm",
        "checkerboard -4x7 60mm",
        "checkerboard 4x7 60mm 30mm",
        "charuco 5x7 40mm",
        "apriltag 4x7 60mm",
    ],
)
def test_what_is_no_board_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match='like "checkerboard 4x7 60mm" or'):
        parse_board(text)


@pytest.mark.parametrize("text", ["checkerboard 2x7 60mm", "checkerboard 4x7 60m", "charuco 5x7 40mm 30mm DICT_X"])
def test_boards_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"board|dictionary"):
        parse_board(text)


def shown(lens: BrownConrady, *, count: int = 8, seed: int = 0) -> list[ndarray]:
    return [photographed(BOARD, lens, SIZE, pose) for pose in board_poses(BOARD, count, distance_m=0.45, seed=seed)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two views, the second as a video, in folders named as Pose2Sim does."""
    folder = tmp_path_factory.mktemp("intrinsics")
    first = folder / "int_cam01_img"
    first.mkdir()
    for number, image in enumerate(shown(LENS)):
        cv2.imwrite(str(first / f"{number}.png"), image)
    second = folder / "int_cam02_img"
    second.mkdir()
    with av.open(str(second / "board.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for image in (image for image in shown(LENS, seed=1) for _ in range(10)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode())
    return folder


@pytest.fixture(scope="module")
def kept(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lenses.toml, as measured from the pictures."""
    file = tmp_path_factory.mktemp("kept") / "lenses.toml"
    lenses_from_pictures(pictures, BOARD, ("cam01", "cam02"), kept=file)
    return file


def never(*_: object) -> None:
    raise AssertionError("measured again")


def test_lenses_of_pictures_and_videos_are_right(kept: Path) -> None:
    found = read_cameras(kept)
    assert not found.posed
    assert found.notes == ()
    assert list(found.cameras) == ["cam01", "cam02"]
    for camera in found.cameras.values():
        assert camera.size_wh == SIZE
        np.testing.assert_allclose(camera.lens.focal, LENS.focal, rtol=0.01)
        np.testing.assert_allclose(camera.lens.centre, LENS.centre, atol=3)


def test_lenses_are_measured_again_only_when_something_changed(
    pictures: Path, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("cam01", "cam02")
    file = Path(shutil.copy(kept, tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(boards, "lens_from_board", never)
        again = lenses_from_pictures(pictures, BOARD, names, kept=file)
        assert again.cameras["cam01"].lens == read_cameras(kept).cameras["cam01"].lens
        assert [note.split(":")[0] for note in again.notes] == list(names)
        assert "8 of 8 pictures" in again.notes[0]
        with pytest.raises(AssertionError, match="again"):
            lenses_from_pictures(pictures, Checkerboard(5, 4, 0.05), names, kept=file)
        fewer = shutil.copytree(pictures, tmp_path / "fewer")
        (fewer / "int_cam01_img" / "0.png").unlink()
        with pytest.raises(AssertionError, match="again"):
            lenses_from_pictures(fewer, BOARD, names, kept=file)
    assert file.read_bytes() == kept.read_bytes()


def test_the_users_own_lenses_file_stays(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lenses.toml"
    file.write_text("mine", encoding="utf-8")
    monkeypatch.setattr(boards, "lens_from_board", lambda *_: boards_lens())
    lenses_from_pictures(pictures, BOARD, ("cam01", "cam02"), kept=file)
    assert file.read_text(encoding="utf-8") == "mine"
    assert read_cameras(tmp_path / "lenses-from-board.toml").cameras["cam02"].lens == LENS


def boards_lens() -> BoardLens:
    return BoardLens(LENS, 0.1, SIZE, ("well seen",))


def test_a_view_whose_pictures_do_not_do_is_named_and_nothing_kept(pictures: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(pictures, tmp_path / "fewer")
    for number in range(4):
        (folder / "int_cam01_img" / f"{number}.png").unlink()
    kept = tmp_path / "lenses.toml"
    with pytest.raises(InputError, match="int_cam01_img: only 4 of 4 pictures"):
        lenses_from_pictures(folder, BOARD, ("cam01", "cam02"), kept=kept)
    with pytest.raises(InputError, match="cam09"):
        lenses_from_pictures(folder, BOARD, ("cam01", "cam09"), kept=kept)
    assert not kept.exists()


def test_board_and_folders_must_belong_together(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--board"):
        boards.shown(None, "auto", str(pictures))
    with pytest.raises(InputError, match="--intrinsics"):
        boards.shown(TEXT, "auto", None)
    with pytest.raises(InputError, match="--intrinsics"):
        boards.shown(TEXT, "people", str(tmp_path))
    with pytest.raises(InputError, match="estimate"):
        boards.shown(TEXT, str(pictures), "estimate")
    assert boards.shown(TEXT, "people", str(pictures)) == boards.Shown(BOARD, None, pictures)
    easymocap = shutil.copytree(pictures, tmp_path / "easymocap")
    (easymocap / "intri.yml").touch()
    assert boards.shown(None, "auto", str(easymocap)) == boards.Shown(None, None, None)


def test_a_word_is_no_folder(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(pictures, tmp_path / "people")
    monkeypatch.chdir(tmp_path)
    assert boards.shown(None, "people", None) == boards.Shown(None, None, None)


@pytest.fixture(scope="module")
def floor_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the four cameras of the sample see of a large board that is carried about, in four moments."""
    folder = tmp_path_factory.mktemp("extrinsics")
    rng = np.random.default_rng(5)
    middle = np.array([FLOOR.columns - 1, FLOOR.rows - 1, 0]) * FLOOR.square_m / 2
    face_up = Rigid(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    moments = [
        Rigid.from_rotvec(rng.uniform(-0.25, 0.25, 3), np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.1, 0.4)]))
        @ face_up
        @ Rigid(np.eye(3), -middle)
        for _ in range(4)
    ]
    for name, camera in CAMERAS.items():
        (folder / name).mkdir()
        small = camera.resized(SMALL)
        for number, world_from_board in enumerate(moments):
            image = photographed(FLOOR, small.lens, SMALL, small.cam_from_world @ world_from_board)
            cv2.imwrite(str(folder / name / f"{number}.png"), image)
    return folder


def test_cameras_stand_where_the_board_says_and_the_world_is_the_persons(
    floor_pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = make_capture(tmp_path / "walk")
    arguments = {"cameras": str(floor_pictures), "intrinsics": str(capture / "lenses.toml")}
    found = calibrate(capture, **arguments, board="checkerboard 5x4 30cm")
    off = misfit(dict(zip(found.names, found.rig.cameras, strict=True)))
    assert off.rotation_deg.max() < 0.5
    assert off.centres_m.max() < 0.02
    assert abs(off.scale - 1) < 0.01
    assert off.tilt_deg < 3
    assert abs(off.floor_m) < 0.05
    assert found.rig.cameras_source == "board"
    assert found.rig.focal_source == "given"
    assert found.rig.scale.source == "the board"
    assert found.cameras_path == capture / "cameras.toml"
    written = read_cameras(found.cameras_path).cameras
    np.testing.assert_allclose(written["cam3"].centre, found.rig.cameras[2].centre, atol=1e-9)
    monkeypatch.setattr(boards, "rig_from_board", never)
    before = contents(capture)
    calibrate(capture, **arguments, board="checkerboard 5x4 30cm")
    assert contents(capture) == before


def test_lenses_from_a_board_serve_cameras_from_people(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = make_capture(tmp_path / "walk")
    for name in CAMERAS:
        shutil.copytree(pictures / "int_cam01_img", tmp_path / "boards" / f"int_{name}_img")
    by_view = {str(tmp_path / "boards" / f"int_{name}_img"): camera for name, camera in CAMERAS.items()}
    monkeypatch.setattr(boards, "_frames", lambda source: by_view[str(source)])
    monkeypatch.setattr(
        boards, "lens_from_board", lambda camera, _: boards_lens()._replace(lens=camera.lens, size_wh=camera.size_wh)
    )
    found = calibrate(capture, intrinsics=str(tmp_path / "boards"), board=TEXT)
    assert found.rig.cameras_source == "people"
    assert found.rig.focal_source == "board"
    assert misfit(dict(zip(found.names, found.rig.cameras, strict=True))).rotation_deg.max() < 0.6
    assert any("well seen" in note for note in found.notes)


def test_videos_and_unequal_moments_do_not_place_cameras(floor_pictures: Path, pictures: Path, tmp_path: Path) -> None:
    lenses = {name: replace(camera, cam_from_world=Rigid.identity()) for name, camera in CAMERAS.items()}
    two = {"cam01": lenses["cam1"], "cam02": lenses["cam2"]}
    with pytest.raises(InputError, match="is a video"):
        boards.rig_from_pictures(pictures, BOARD, two, kept=tmp_path / "rig.toml")
    folder = shutil.copytree(floor_pictures, tmp_path / "unequal")
    (folder / "cam2" / "3.png").unlink()
    with pytest.raises(InputError, match="one picture of the board for every moment"):
        boards.rig_from_pictures(folder, FLOOR, lenses, kept=tmp_path / "rig.toml")
    cv2.imwrite(str(folder / "cam2" / "3.png"), np.zeros((90, 160), np.uint8))
    with pytest.raises(InputError, match="differs in size"):
        boards.rig_from_pictures(folder, FLOOR, lenses, kept=tmp_path / "rig.toml")
    assert not (tmp_path / "rig.toml").exists()
