"""Pictures of boards with exact truth: every pixel looks along its ray at a drawn board."""

from functools import cache

import cv2
import numpy as np
from numpy import ndarray

from epipose.calibration.boards import Board, Charuco
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid

PX_PER_SQUARE = 40
FINER = 2
"""Rays a pixel and direction."""


def drawn(board: Board) -> tuple[ndarray, tuple[float, float]]:
    """Return the board's picture with a white margin of one square, and where the origin of `points` is in it."""
    if isinstance(board, Charuco):
        pattern = board.opencv.generateImage((board.columns * PX_PER_SQUARE, board.rows * PX_PER_SQUARE))
        origin = (PX_PER_SQUARE - 0.5, PX_PER_SQUARE - 0.5)
    else:
        y, x = np.mgrid[: board.rows + 1, : board.columns + 1]
        # The square at the first corner's inside, (1, 1), is dark.
        pattern = np.kron(np.where((x + y) % 2, 255, 0), np.ones((PX_PER_SQUARE,) * 2)).astype(np.uint8)
        origin = (2 * PX_PER_SQUARE - 0.5, 2 * PX_PER_SQUARE - 0.5)
    return np.pad(pattern, PX_PER_SQUARE, constant_values=255), origin


@cache
def camera_rays(lens: Lens, size_wh: tuple[int, int]) -> ndarray:
    """Return the direction of every ray of a picture in camera axes."""
    u, v = ((np.arange(n * FINER) + 0.5) / FINER - 0.5 for n in size_wh)
    ideal, _ = lens.undistort(np.stack(np.meshgrid(u, v), axis=-1))
    return np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1)


def photographed(board: Board, lens: Lens, size_wh: tuple[int, int], cam_from_board: Rigid) -> ndarray:
    """Return a grey picture of the board in front of grey, slightly blurred as lenses do."""
    texture, origin = drawn(board)
    rays = camera_rays(lens, size_wh) @ cam_from_board.rotation
    eye = cam_from_board.inverse().translation
    # Where the ray meets the board's plane z = 0; behind the camera it meets nothing.
    reach = -eye[2] / np.where(np.abs(rays[..., 2]) > 1e-9, rays[..., 2], 1e-9)
    on_board = (eye[:2] + rays[..., :2] * reach[..., None]) * (PX_PER_SQUARE / board.square_m) + origin
    on_board[reach <= 0] = -1e4
    fine = cv2.remap(texture, on_board.astype(np.float32), None, cv2.INTER_LINEAR, borderValue=(110.0,))
    picture = cv2.resize(fine, size_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7))


def board_poses(board: Board, count: int, *, distance_m: float, seed: int = 0) -> list[Rigid]:
    """Return `cam_from_board` of boards near `distance_m`, off the middle and tilted by 20 to 40 degrees."""
    rng = np.random.default_rng(seed)
    middle = np.array([board.columns - 1, board.rows - 1, 0]) * board.square_m / 2
    poses = []
    for number in range(count):
        angle = 2 * np.pi * number / count + rng.uniform(-0.3, 0.3)
        tilt = Rigid.from_rotvec(
            np.deg2rad(rng.uniform(20, 40)) * np.array([np.cos(angle), np.sin(angle), 0]), np.zeros(3)
        )
        roll = Rigid.from_rotvec(np.array([0, 0, rng.uniform(-0.5, 0.5)]), np.zeros(3))
        shift = np.array([*rng.uniform(-0.12, 0.12, 2) * distance_m, distance_m * rng.uniform(0.9, 1.2)])
        poses.append(Rigid(np.eye(3), shift) @ tilt @ roll @ Rigid(np.eye(3), -middle))
    return poses
