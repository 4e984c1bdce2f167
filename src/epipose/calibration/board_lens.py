"""A lens from pictures of a board (Zhang 2000, as OpenCV implements it)."""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.calibration.boards import Board, Corners, board_kind, find_corners, picture_size
from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady

FEWEST_PICTURES = 5
LARGEST_FOCAL_SIGMA = 0.02
"""Above this relative standard deviation of the focal length the pictures do not determine the lens."""
SMALLEST_TILT = np.deg2rad(15)
"""Boards that all face one way fit any focal length, and the fit does not say so."""
LARGEST_RMS = 0.001
"""Of the longer side of the picture."""
WIDE_COVERAGE = 0.5
OUTLIER = 3.0
"""A picture this many times worse than the median one is left out."""
REMEDY = "hold the board near and far, in every part of the picture, and tilted by 20 to 45 degrees in each direction"


class BoardLens(NamedTuple):
    """A lens found from a board, and how well it explains the corners."""

    lens: BrownConrady
    rms_px: float
    """Root mean square of the distance between seen and predicted corners."""
    size_wh: tuple[int, int]
    notes: tuple[str, ...]


class _Fit(NamedTuple):
    rms_px: float
    matrix: Float[ndarray, "3 3"]
    distortion: Float[ndarray, "k"]
    focal_sigma: float
    by_picture: Float[ndarray, "pictures"]


def lens_from_board(images: Iterable[UInt8[ndarray, "height width *rgb"]], board: Board) -> BoardLens:
    """Return the lens (two radial and two tangential coefficients) of the camera that took `images` of `board`.

    Raises InputError, saying what to film next, when fewer than five pictures show the board well, when they do not
    determine the focal length to 2 %, or when they contradict each other.
    """
    seen: list[Corners] = []
    sizes: set[tuple[int, int]] = set()
    count = 0
    for image in images:
        count += 1
        sizes.add(picture_size(image))
        if (corners := find_corners(image, board)) is not None:
            seen.append(corners)
    if len(sizes) > 1:
        words = " and ".join(f"{w}x{h}" for w, h in sorted(sizes))
        raise InputError(f"the pictures of the board have different sizes ({words}); take all with the same setting")
    if len(seen) < FEWEST_PICTURES:
        raise InputError(
            f"only {len(seen)} of {count} pictures show the {board_kind(board)} whole and sharp, at least"
            f" {FEWEST_PICTURES} are needed; check its size, then {REMEDY}"
        )
    size_wh = sizes.pop()
    kept, fit = _without_outliers(seen, size_wh)
    _check(kept, fit, board, size_wh)
    return BoardLens(_lens(fit), fit.rms_px, size_wh, _notes(kept, count, fit, size_wh))


def _without_outliers(seen: list[Corners], size_wh: tuple[int, int]) -> tuple[list[Corners], _Fit]:
    fit = _fit(seen, size_wh)
    while len(seen) > FEWEST_PICTURES and fit.by_picture.max() > OUTLIER * np.median(fit.by_picture):
        worst = int(np.argmax(fit.by_picture))
        seen = seen[:worst] + seen[worst + 1 :]
        fit = _fit(seen, size_wh)
    return seen, fit


def _fit(seen: list[Corners], size_wh: tuple[int, int]) -> _Fit:
    points = [corners.points.astype(np.float32)[:, None] for corners in seen]
    pixels = [corners.pixels.astype(np.float32)[:, None] for corners in seen]
    try:
        # k3 only bends the edges, where boards are seldom seen: it makes the lens worse there.
        rms, matrix, distortion, _, _, sigma, _, by_picture = cv2.calibrateCameraExtended(
            points, pixels, size_wh, np.eye(3), np.zeros(5), flags=cv2.CALIB_FIX_K3
        )
    except cv2.error as error:
        raise InputError(f"the pictures of the board do not determine the lens; {REMEDY}") from error
    focal_sigma = np.abs(np.asarray(sigma).ravel()[:2] / np.diag(matrix)[:2]).max()
    return _Fit(float(rms), matrix, np.ravel(distortion), float(focal_sigma), np.ravel(by_picture))


def _largest_tilt(seen: list[Corners], fit: _Fit, size_wh: tuple[int, int]) -> float:
    """Return the largest angle between two boards, in radians, from their vanishing lines.

    Not from the poses of the fit: when all boards are parallel those are wrong, but their vanishing lines are one line
    whatever the focal length.
    """
    focal = np.clip(fit.matrix[0, 0], 0.3 * max(size_wh), 5 * max(size_wh))
    middle = (np.array(size_wh) - 1) / 2
    normals = []
    for corners in seen:
        px_from_board, _ = cv2.findHomography(corners.points[:, :2], (corners.pixels - middle) / focal)
        normal = np.linalg.inv(px_from_board)[2]
        normals.append(normal / np.linalg.norm(normal))
    cosine = np.abs(np.array(normals) @ np.array(normals).T)
    return float(np.arccos(np.clip(cosine, 0, 1)).max())


def _check(kept: list[Corners], fit: _Fit, board: Board, size_wh: tuple[int, int]) -> None:
    if _largest_tilt(kept, fit, size_wh) < SMALLEST_TILT:
        raise InputError(f"the boards all face one way, which does not determine the focal length; {REMEDY}")
    if not fit.rms_px < LARGEST_RMS * max(size_wh):
        raise InputError(
            f"the pictures of the {board_kind(board)} contradict each other by {fit.rms_px:.1f} px; check that it is"
            " flat, its size is right, and neither zoom nor focus changed"
        )
    centre_inside = all(0.2 * n < c < 0.8 * n for c, n in zip(fit.matrix[:2, 2], size_wh, strict=True))
    if not fit.focal_sigma < LARGEST_FOCAL_SIGMA or not centre_inside:
        raise InputError(f"the pictures of the board do not determine the focal length; {REMEDY}")


def _lens(fit: _Fit) -> BrownConrady:
    (fx, _, cx), (_, fy, cy), _ = fit.matrix.tolist()
    return BrownConrady((fx, fy), (cx, cy), tuple(fit.distortion[:4].tolist()))


def _notes(kept: list[Corners], count: int, fit: _Fit, size_wh: tuple[int, int]) -> tuple[str, ...]:
    notes = [f"lens from {len(kept)} of {count} pictures of the board: {fit.rms_px:.2f} px, focal length known to"]
    notes[0] += f" {100 * fit.focal_sigma:.2g} % (1 sigma)"
    pixels = np.concatenate([corners.pixels for corners in kept])
    hull = cv2.contourArea(cv2.convexHull(pixels.astype(np.float32)))
    coverage = hull / (size_wh[0] * size_wh[1])
    if coverage < WIDE_COVERAGE:
        notes.append(
            f"the board was seen in only {100 * coverage:.0f} % of the picture, so the lens is uncertain towards its"
            " edges; take more pictures with the board there"
        )
    return tuple(notes)
