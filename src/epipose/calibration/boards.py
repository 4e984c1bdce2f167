"""Calibration boards: what they look like, and where their corners are in a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid

FEWEST_CORNERS = 6
SMALLEST_PICTURE = 64
"""Pixels; the detectors fail on less."""
EXACT = cv2.CALIB_CB_EXHAUSTIVE
LARGEST_MISFIT = 0.15
"""How far a corner may be from the flat board that fits the others, in squares: a lens bends far less."""


@dataclass(frozen=True)
class Checkerboard:
    """A checkerboard of `columns` x `rows` *inner* corners, whose squares measure `square_m` metres."""

    columns: int
    rows: int
    square_m: float

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 3:
            raise InputError(
                f"a checkerboard of {self.columns}x{self.rows} inner corners is too small; count the corners where four"
                " squares meet, and use a board with at least 3 each way"
            )
        _check_length("square", self.square_m)

    @property
    def points(self) -> Float[ndarray, "corners 3"]:
        """The inner corners in metres, row by row; x along a row, y down the rows, z into the board."""
        return _grid(self.columns, self.rows, self.square_m)

    @property
    def symmetries(self) -> tuple[Rigid, ...]:
        """The motions that map the pattern onto itself, the identity first: a picture cannot tell them apart.

        With an odd and an even number of corners there is no other, because the colours give the top away.
        """
        if (self.columns + self.rows) % 2:
            return (Rigid.identity(),)
        turns = range(4) if self.columns == self.rows else (0, 2)
        middle = self.points.mean(axis=0)
        rotations = [Rigid.from_rotvec(np.array([0, 0, turn * np.pi / 2]), np.zeros(3)) for turn in turns]
        return tuple(Rigid(r.rotation, middle - r.rotation @ middle) for r in rotations)


@dataclass(frozen=True)
class Charuco:
    """A ChArUco board of `columns` x `rows` *squares* of `square_m` metres, with markers of `marker_m` metres."""

    columns: int
    rows: int
    square_m: float
    marker_m: float
    dictionary: str = "DICT_4X4_50"
    """The name of OpenCV's marker dictionary."""

    def __post_init__(self) -> None:
        _check_length("square", self.square_m)
        _check_length("marker", self.marker_m)
        if min(self.columns, self.rows) < 3 or self.marker_m >= self.square_m:
            raise InputError("a ChArUco board needs at least 3x3 squares, and markers smaller than its squares")
        if not self.dictionary.startswith("DICT_") or not hasattr(cv2.aruco, self.dictionary):
            raise InputError(f"there is no marker dictionary {self.dictionary!r}; use a name such as DICT_4X4_50")

    @property
    def symmetries(self) -> tuple[Rigid, ...]:
        """Only the identity: the markers tell every corner from the others."""
        return (Rigid.identity(),)

    @property
    def opencv(self) -> Any:
        """The board as cv2.aruco.CharucoBoard."""
        markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        return cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_m, self.marker_m, markers)


Board = Checkerboard | Charuco


@dataclass(frozen=True, eq=False)
class Corners:
    """Corners of a board in one picture."""

    pixels: Float[ndarray, "corners 2"]
    points: Float[ndarray, "corners 3"]
    """The same corners on the board, in metres."""


def find_corners(image: UInt8[ndarray, "height width *rgb"], board: Board) -> Corners | None:
    """Return the corners of `board` in a picture (RGB or grey), or None when it is not seen well enough.

    A checkerboard must be seen whole, of a ChArUco board at least six corners. The order of a checkerboard's corners is
    settled by its colours, up to its symmetries.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < SMALLEST_PICTURE:
        return None
    attempts = _charuco_corners(grey, board) if isinstance(board, Charuco) else _checkerboard_corners(grey, board)
    return next((corners for corners in attempts if _is_flat(corners, board.square_m)), None)


def _charuco_corners(grey: UInt8[ndarray, "height width"], board: Charuco) -> Iterator[Corners]:
    pattern = board.opencv
    pixels, ids, _, _ = cv2.aruco.CharucoDetector(pattern).detectBoard(grey)
    if ids is not None and len(ids) >= FEWEST_CORNERS:
        points = np.asarray(pattern.getChessboardCorners(), float).reshape(-1, 3)[np.asarray(ids).ravel()]
        # OpenCV before 5 is half a pixel off, so the corners are refined here, within the white around the markers.
        gap = (1 - board.marker_m / board.square_m) / 2
        yield Corners(_refined(grey, np.asarray(pixels).reshape(-1, 2), gap), points)


def _checkerboard_corners(grey: UInt8[ndarray, "height width"], board: Checkerboard) -> Iterator[Corners]:
    """Yield what the exact detector finds around the quick find, then in the whole picture, then the quick find."""
    size = (board.columns, board.rows)
    quick = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    found, rough = cv2.findChessboardCorners(grey, size, flags=quick)
    if found:
        rough = rough.reshape(-1, 2)
        margin = 1.5 * np.linalg.norm(np.diff(rough.reshape(board.rows, board.columns, 2), axis=1), axis=-1).max()
        left, top = np.maximum(rough.min(axis=0) - margin, 0).astype(int)
        right, bottom = (rough.max(axis=0) + margin).astype(int) + 1
        window = np.ascontiguousarray(grey[top:bottom, left:right])
        sure, pixels = cv2.findChessboardCornersSB(window, size, flags=EXACT | cv2.CALIB_CB_ACCURACY)
        if sure:
            yield _ordered(pixels.reshape(-1, 2) + np.array([left, top]), grey, board)
    sure, pixels = cv2.findChessboardCornersSB(grey, size, flags=EXACT)
    if sure:
        yield _ordered(pixels.reshape(-1, 2), grey, board)
    if found:
        yield _ordered(_refined(grey, rough, 0.3), grey, board)


def _refined(
    grey: UInt8[ndarray, "height width"], rough: Float[ndarray, "corners 2"], part: float
) -> Float[ndarray, "corners 2"]:
    """Return the corners moved to where edges cross in a window that reaches `part` of a square to each side."""
    apart = np.linalg.norm(rough[:, None] - rough, axis=-1)
    spacing = np.median(np.where(apart > 0, apart, np.inf).min(axis=1))
    half = max(int(part * spacing), 2)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-4)
    pixels = np.array(rough, np.float32, order="C").reshape(-1, 1, 2)
    return cv2.cornerSubPix(grey, pixels, (half, half), (-1, -1), stop).reshape(-1, 2).astype(float)


def _ordered(pixels: Float[ndarray, "corners 2"], grey: UInt8[ndarray, "height width"], board: Checkerboard) -> Corners:
    """Return the corners with rows running clockwise into columns and, where colours can tell, a dark first square."""
    grid = pixels.astype(float).reshape(board.rows, board.columns, 2)
    along, down = np.diff(grid, axis=1)[:-1], np.diff(grid, axis=0)[:, :-1]
    if np.mean(along[..., 0] * down[..., 1] - along[..., 1] * down[..., 0]) < 0:
        grid = grid[:, ::-1]
    if len(board.symmetries) == 1 and not _first_square_is_dark(grid, grey):
        grid = grid[::-1, ::-1]
    return Corners(grid.reshape(-1, 2), board.points)


def _first_square_is_dark(grid: Float[ndarray, "rows columns 2"], grey: UInt8[ndarray, "height width"]) -> bool:
    middles = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    column, row = np.clip(np.round(middles).astype(int), 0, np.array(grey.shape[::-1]) - 1).reshape(-1, 2).T
    # Averaged over a window, because one pixel may lie on a scratch or a reflection.
    brightness = cv2.blur(grey, (5, 5))[row, column].astype(float).reshape(middles.shape[:2])
    odd: Bool[ndarray, "a b"] = np.add.outer(np.arange(middles.shape[0]), np.arange(middles.shape[1])) % 2 == 1
    return bool(brightness[~odd].mean() < brightness[odd].mean())


def _is_flat(corners: Corners, square_m: float) -> bool:
    """Return whether a picture of a flat board explains the corners: detectors sometimes jumble a grid."""
    flat = corners.points[:, :2]
    if np.linalg.matrix_rank(flat - flat.mean(axis=0), tol=0.5 * square_m) < 2:
        return False
    board_from_px, _ = cv2.findHomography(corners.pixels, flat)
    if board_from_px is None:
        return False
    fitted = cv2.perspectiveTransform(corners.pixels[None], board_from_px)[0]
    return bool(np.linalg.norm(fitted - flat, axis=-1).max() < LARGEST_MISFIT * square_m)


def _grid(columns: int, rows: int, square_m: float) -> Float[ndarray, "corners 3"]:
    y, x = np.divmod(np.arange(columns * rows), columns)
    return np.stack([x, y, np.zeros(len(x))], axis=-1) * square_m


def _check_length(what: str, length_m: float) -> None:
    if not 0.001 <= length_m <= 2:
        raise InputError(f"the {what} of a board measures {length_m} m; give it in metres, such as 0.06")


def picture_size(image: UInt8[ndarray, "height width *rgb"]) -> tuple[int, int]:
    """Return (width, height)."""
    height, width = image.shape[:2]
    return int(width), int(height)


def board_kind(board: Board) -> str:
    """Return what to call the board in a sentence to the user."""
    if isinstance(board, Charuco):
        return f"ChArUco board of {board.columns}x{board.rows} squares"
    return f"checkerboard of {board.columns}x{board.rows} inner corners"
