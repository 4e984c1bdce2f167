"""Boards and their corners, on rendered pictures with exact truth."""

import numpy as np
import pytest

from epipose.calibration.boards import Board, Charuco, Checkerboard, find_corners
from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady, Pinhole
from epipose.geometry.rigid import Rigid
from tests.calibration.board_pictures import board_poses, photographed

SIZE = (640, 480)
LENS = BrownConrady((600.0, 602.0), (322.0, 236.0), (-0.12, 0.05, 1e-3, -5e-4))
BOARDS: list[Board] = [Checkerboard(4, 7, 0.06), Checkerboard(5, 7, 0.05), Charuco(5, 7, 0.06, 0.045)]


@pytest.mark.parametrize("board", BOARDS)
def test_corners_are_where_the_board_is(board: Board) -> None:
    for pose in board_poses(board, 3, distance_m=0.9):
        corners = find_corners(photographed(board, LENS, SIZE, pose), board)
        assert corners is not None
        errors = []
        for symmetry in board.symmetries:
            truth, _ = LENS.project((pose @ symmetry).apply(corners.points))
            errors.append(np.linalg.norm(corners.pixels - truth, axis=-1).max())
        assert min(errors) < 0.25
        assert errors[0] < 0.25 or len(board.symmetries) > 1


@pytest.mark.parametrize("roll", [0.0, 0.5, 1.0, 1.5])
def test_the_colours_tell_which_way_up_a_board_is(roll: float) -> None:
    board = Checkerboard(4, 7, 0.06)
    turn = Rigid.from_rotvec(np.array([0, 0, roll * np.pi]), np.array([0, 0, 1.2]))
    pose = turn @ Rigid(np.eye(3), -board.points.mean(axis=0))
    corners = find_corners(photographed(board, LENS, SIZE, pose), board)
    assert corners is not None
    assert np.abs(corners.pixels - LENS.project(pose.apply(corners.points))[0]).max() < 0.25


@pytest.mark.parametrize(("columns", "rows", "count"), [(4, 7, 1), (5, 7, 2), (4, 6, 2), (5, 5, 4), (4, 4, 4)])
def test_symmetries_map_the_corners_onto_each_other(columns: int, rows: int, count: int) -> None:
    board = Checkerboard(columns, rows, 0.03)
    assert len(board.symmetries) == count
    np.testing.assert_array_equal(board.symmetries[0].matrix, Rigid.identity().matrix)
    for symmetry in board.symmetries:
        moved = symmetry.apply(board.points)
        nearest = np.linalg.norm(moved[:, None] - board.points, axis=-1).min(axis=1)
        assert nearest.max() < 1e-12


def test_colour_and_grey_pictures_are_alike() -> None:
    board = Checkerboard(4, 7, 0.06)
    grey = photographed(board, LENS, SIZE, board_poses(board, 1, distance_m=0.9)[0])
    first, second = find_corners(grey, board), find_corners(np.repeat(grey[..., None], 3, axis=-1), board)
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(first.pixels, second.pixels, atol=1e-3)


@pytest.mark.parametrize("board", BOARDS)
def test_no_board_no_corners(board: Board) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320), dtype=np.uint8)
    for picture in (noise, np.zeros_like(noise), np.zeros((2, 2), np.uint8)):
        assert find_corners(picture, board) is None


def test_a_board_of_another_size_is_not_found() -> None:
    lens = Pinhole((600.0, 600.0), (320.0, 240.0))
    board = Checkerboard(4, 6, 0.06)
    picture = photographed(board, lens, SIZE, board_poses(board, 1, distance_m=0.9)[0])
    assert find_corners(picture, Checkerboard(5, 8, 0.06)) is None


def test_part_of_a_charuco_board_is_enough() -> None:
    board = Charuco(5, 7, 0.06, 0.045)
    pose = board_poses(board, 1, distance_m=0.9)[0]
    picture = photographed(board, LENS, SIZE, pose)
    picture[:, :260] = 110
    corners = find_corners(picture, board)
    assert corners is not None
    assert 6 <= len(corners.points) < 24
    assert np.abs(corners.pixels - LENS.project(pose.apply(corners.points))[0]).max() < 0.25


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Checkerboard(2, 7, 0.06), "inner corners"),
        (lambda: Checkerboard(4, 7, 60.0), "in metres"),
        (lambda: Charuco(5, 7, 0.06, 0.07), "smaller than its squares"),
        (lambda: Charuco(5, 7, 0.06, float("nan")), "in metres"),
        (lambda: Charuco(5, 7, 0.06, 0.04, "DICT_OF_DREAMS"), "DICT_OF_DREAMS"),
    ],
)
def test_impossible_boards_are_refused(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=says):
        make()
