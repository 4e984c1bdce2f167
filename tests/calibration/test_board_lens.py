"""Lenses from boards: rendered with a known lens, and a real recording whose lenses another system measured."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from epipose.calibration.board_lens import lens_from_board
from epipose.calibration.boards import Board, Charuco, Checkerboard
from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import read_cameras
from tests.calibration.board_pictures import board_poses, photographed

SIZE = (640, 480)
LENS = BrownConrady((600.0, 604.0), (325.0, 235.0), (-0.12, 0.05, 1e-3, -5e-4))
BOARD = Checkerboard(4, 7, 0.06)


@cache
def pictures(board: Board) -> list[np.ndarray]:
    return [photographed(board, LENS, SIZE, pose) for pose in board_poses(board, 8, distance_m=0.65)]


@pytest.mark.parametrize("board", [BOARD, Charuco(5, 7, 0.06, 0.045)])
def test_the_lens_of_rendered_pictures(board: Board) -> None:
    found = lens_from_board(pictures(board), board)
    assert found.size_wh == SIZE
    assert found.rms_px < 0.15
    np.testing.assert_allclose(found.lens.focal, LENS.focal, rtol=0.004)
    np.testing.assert_allclose(found.lens.centre, LENS.centre, atol=2.5)
    grid = np.stack(np.meshgrid(np.linspace(80, 560, 9), np.linspace(60, 420, 7)), axis=-1)
    truth, seen = LENS.undistort(grid)[0], found.lens.undistort(grid)[0]
    assert np.abs(truth - seen).max() * 600 < 3
    assert "8 of 8 pictures" in found.notes[0]


def test_the_real_lenses_agree_with_qualisys(shared: Path) -> None:
    folder = shared / "footage" / "balancing" / "calibration"
    given = read_cameras(folder / "Calib.qca.txt").cameras["cam04"].lens
    images = [cv2.imread(str(p)) for p in sorted((folder / "intrinsics" / "int_cam04_img").glob("*.jpg"))]
    found = lens_from_board([image[..., ::-1] for image in images], BOARD)
    assert found.size_wh == (1088, 1920)
    assert found.rms_px < 0.2
    # In one picture the first detector jumbles the corners; one shows no whole board.
    assert "6 of 7 pictures" in found.notes[0]
    np.testing.assert_allclose(found.lens.focal, given.focal, rtol=0.01)
    np.testing.assert_allclose(found.lens.coefficients[:2], given.coefficients[:2], atol=0.06)


def test_a_spoilt_picture_is_left_out() -> None:
    images = pictures(BOARD)[:7]
    # A board bent by a warp of the picture: found, but wrong.
    v, u = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    images[3] = cv2.remap(images[3], u + 4 * np.sin(v / 40), v, cv2.INTER_LINEAR)
    found = lens_from_board(images, BOARD)
    assert "6 of 7 pictures" in found.notes[0]
    np.testing.assert_allclose(found.lens.focal, LENS.focal, rtol=0.005)


def test_too_few_pictures_say_what_to_film() -> None:
    images = [*pictures(BOARD)[:4], np.zeros(SIZE[::-1], np.uint8)]
    with pytest.raises(InputError, match=r"only 4 of 5 pictures.*tilted by 20 to 45 degrees"):
        lens_from_board(images, BOARD)
    with pytest.raises(InputError, match="only 0 of 0 pictures"):
        lens_from_board([], BOARD)


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_boards_that_all_face_one_way_do_not_determine_the_focal_length(tilt: float) -> None:
    to_middle = Rigid(np.eye(3), -BOARD.points.mean(axis=0))
    places = [np.array([x, y, 1.0]) for x in (-0.1, 0.1) for y in (-0.05, 0.0, 0.05)]
    poses = [Rigid.from_rotvec(np.array([0, tilt, 0]), place) @ to_middle for place in places]
    with pytest.raises(InputError, match=r"face one way.*; hold the board"):
        lens_from_board([photographed(BOARD, LENS, SIZE, pose) for pose in poses], BOARD)


def test_pictures_of_different_sizes_are_refused() -> None:
    images = pictures(BOARD)[:5]
    with pytest.raises(InputError, match="different sizes"):
        lens_from_board([*images[:4], images[4][:-10]], BOARD)
