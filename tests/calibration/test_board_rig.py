"""Rigs from boards, rendered with exact truth."""

from functools import cache

import numpy as np
import pytest

from epipose.calibration.board_rig import rig_from_board
from epipose.calibration.boards import Board, Charuco, Checkerboard
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import angle_between
from tests.calibration.board_pictures import photographed

SIZE = (480, 360)
LENSES: dict[str, Lens] = {
    "left": BrownConrady((450.0, 452.0), (241.0, 178.0), (-0.1, 0.03, 0.0, 0.0)),
    "middle": BrownConrady((460.0, 460.0), (238.0, 181.0), (0.05, -0.02, 1e-3, 0.0)),
    "right": BrownConrady((440.0, 441.0), (240.0, 180.0), (-0.05, 0.0, 0.0, 1e-3)),
}
ODD_AND_EVEN = Checkerboard(4, 5, 0.1)
SYMMETRIC = Checkerboard(5, 5, 0.085)
CHARUCO = Charuco(5, 4, 0.1, 0.07)
VIEWS = tuple(LENSES)


def towards(centre: tuple[float, float, float], roll: float) -> Rigid:
    """Return `cam_from_world` of a camera at `centre` that looks at the origin."""
    forward = -np.array(centre) / np.linalg.norm(centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    upright = Rigid.from_centre(np.stack([right, np.cross(forward, right), forward]), np.array(centre))
    return Rigid.from_rotvec(np.array([0, 0, roll]), np.zeros(3)) @ upright


# The middle camera hangs upside down, the right one is turned to portrait.
TRUTH = {
    "left": towards((-0.6, -1.2, 0.5), 0.1),
    "middle": towards((0.0, -1.35, 0.3), np.pi),
    "right": towards((0.7, -1.1, 0.4), np.pi / 2),
}
UPRIGHT = Rigid(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), np.zeros(3))
"""World from a board that stands upright and faces the cameras."""


@cache
def picture(board: Board, view: str, moment: int) -> np.ndarray:
    rng = np.random.default_rng(moment)
    middle = np.array([board.columns - 1, board.rows - 1, 0]) * board.square_m / 2
    turn = Rigid.from_rotvec(rng.uniform(-0.4, 0.4, 3), rng.uniform(-0.1, 0.1, 3))
    world_from_board = turn @ UPRIGHT @ Rigid(np.eye(3), -middle)
    return photographed(board, LENSES[view], SIZE, TRUTH[view] @ world_from_board)


NOTHING = np.full(SIZE[::-1], 110, np.uint8)


def pictures(board: Board, shown: dict[str, list[int | None]]) -> dict[str, list[np.ndarray]]:
    """Return the moments that each view sees; None is a picture without the board."""
    return {view: [NOTHING if m is None else picture(board, view, m) for m in ms] for view, ms in shown.items()}


def assert_like_the_truth(rig: dict[str, Camera], *, degrees: float, metres: float) -> None:
    for first in rig:
        for second in rig:
            found = rig[second].cam_from_world @ rig[first].cam_from_world.inverse()
            truth = TRUTH[second] @ TRUTH[first].inverse()
            assert np.rad2deg(angle_between(found.rotation, truth.rotation)) < degrees
            assert np.linalg.norm(found.inverse().translation - truth.inverse().translation) < metres


@pytest.mark.parametrize("board", [ODD_AND_EVEN, CHARUCO])
def test_one_moment_is_enough_when_the_board_has_one_way_up(board: Board) -> None:
    rig = rig_from_board(pictures(board, {view: [0] for view in VIEWS}), LENSES, board)
    assert list(rig) == list(VIEWS)
    assert_like_the_truth(rig, degrees=0.3, metres=0.008)
    for view, camera in rig.items():
        assert camera.size_wh == SIZE
        assert camera.lens is LENSES[view]


def test_more_moments_make_it_more_exact() -> None:
    rig = rig_from_board(pictures(ODD_AND_EVEN, {view: [0, 1, 2, 3] for view in VIEWS}), LENSES, ODD_AND_EVEN)
    assert_like_the_truth(rig, degrees=0.1, metres=0.003)


def test_views_are_chained_through_the_moments_they_share() -> None:
    shown: dict[str, list[int | None]] = {"left": [0, None, None], "middle": [0, 1, 2], "right": [None, 1, 2]}
    rig = rig_from_board(pictures(ODD_AND_EVEN, shown), LENSES, ODD_AND_EVEN)
    assert_like_the_truth(rig, degrees=0.4, metres=0.01)


def test_the_world_is_the_board_with_z_towards_the_cameras_and_in_metres() -> None:
    rig = rig_from_board(pictures(ODD_AND_EVEN, {view: [0] for view in VIEWS}), LENSES, ODD_AND_EVEN)
    for view, camera in rig.items():
        assert camera.centre[2] > 0.5
        corner, _ = camera.project(np.array([0.0, 0.0, 0.0]))
        last, _ = camera.project(np.array([0.3, -0.4, 0.0]))
        for pixel in (corner, last):
            column, row = np.round(pixel).astype(int)
            window = picture(ODD_AND_EVEN, view, 0)[row - 3 : row + 4, column - 3 : column + 4].astype(int)
            assert window.max() - window.min() > 100  # where black meets white


def test_several_places_settle_a_symmetric_board() -> None:
    rig = rig_from_board(pictures(SYMMETRIC, {view: [0, 1, 2] for view in VIEWS}), LENSES, SYMMETRIC)
    assert_like_the_truth(rig, degrees=0.2, metres=0.005)


def test_one_place_of_a_symmetric_board_is_refused() -> None:
    with pytest.raises(InputError, match="looks the same turned by half"):
        rig_from_board(pictures(SYMMETRIC, {view: [0] for view in VIEWS}), LENSES, SYMMETRIC)


def test_a_view_that_shares_no_moment_is_named() -> None:
    shown: dict[str, list[int | None]] = {"left": [0, None], "middle": [0, None], "right": [None, 1]}
    with pytest.raises(InputError, match=r"right never sees .*hold it where"):
        rig_from_board(pictures(ODD_AND_EVEN, shown), LENSES, ODD_AND_EVEN)


def test_pictures_that_were_not_taken_together_are_refused() -> None:
    shown: dict[str, list[int | None]] = {"left": [0, 1, 2], "middle": [0, 1, 2], "right": [1, 2, 0]}
    with pytest.raises(InputError, match="taken together"):
        rig_from_board(pictures(ODD_AND_EVEN, shown), LENSES, ODD_AND_EVEN)


def test_bad_arguments() -> None:
    one = pictures(ODD_AND_EVEN, {"left": [0], "middle": [0]})
    with pytest.raises(InputError, match="at least two views"):
        rig_from_board({"left": one["left"]}, LENSES, ODD_AND_EVEN)
    with pytest.raises(InputError, match="left: 1, middle: 2"):
        rig_from_board({"left": one["left"], "middle": one["middle"] * 2}, LENSES, ODD_AND_EVEN)
    with pytest.raises(InputError, match="no lens for middle"):
        rig_from_board(one, {"left": LENSES["left"]}, ODD_AND_EVEN)
