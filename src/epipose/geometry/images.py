"""Parts of pictures: an affine map from a picture to a square crop, its inverse, and the pixels under it."""

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

BEYOND = 128
"""The grey that lies beyond a picture's edges."""

_SHRINK = 0.75
"""Below this scale pixels are averaged first: bilinear interpolation would skip some."""


def framing(middle: Float64[ndarray, "2"], side: float, size: int, *, turn: float = 0.0) -> Float64[ndarray, "2 3"]:
    """Return `net_from_px`, which brings the square of `side` pixels around `middle` to a picture of `size` pixels.

    `turn` in radians turns what is seen clockwise.
    """
    cos, sin = size / side * np.cos(turn), size / side * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, (size - 1) / 2 - linear @ middle])


def inverse(to_from_px: Float64[ndarray, "2 3"]) -> Float64[ndarray, "2 3"]:
    """Return the map back."""
    linear = np.linalg.inv(to_from_px[:, :2])
    return np.column_stack([linear, -linear @ to_from_px[:, 2]])


def mapped(to_from_px: Float64[ndarray, "2 3"], pixels: Float64[ndarray, "*any 2"]) -> Float64[ndarray, "*any 2"]:
    """Return points brought through an affine map."""
    return np.asarray(pixels @ to_from_px[:, :2].T + to_from_px[:, 2])


def resampled(
    picture: UInt8[ndarray, "height width 3"],
    net_from_px: Float64[ndarray, "2 3"],
    size: int,
    beyond: UInt8[ndarray, "size size 3"] | None = None,
) -> UInt8[ndarray, "size size 3"]:
    """Return what `net_from_px` shows of a picture, without aliasing.

    Beyond its edges lies BEYOND, or `beyond`, which is drawn over.
    """
    scale = float(np.sqrt(abs(np.linalg.det(net_from_px[:, :2]))))
    if scale < _SHRINK:
        picture, net_from_px = _shrunk(picture, net_from_px, size, scale)
    canvas = np.full((size, size, 3), BEYOND, np.uint8) if beyond is None else beyond
    return np.asarray(
        cv2.warpAffine(picture, net_from_px, (size, size), canvas, cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    )


def _shrunk(
    picture: UInt8[ndarray, "height width 3"], net_from_px: Float64[ndarray, "2 3"], size: int, scale: float
) -> tuple[UInt8[ndarray, "rows columns 3"], Float64[ndarray, "2 3"]]:
    """Return the part of a picture that is looked at, averaged to about the scale wanted, and the map from it."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]) * size - 0.5
    seen = mapped(inverse(net_from_px), corners)
    end = np.array(picture.shape[1::-1])
    left, top = np.clip(np.floor(seen.min(axis=0)).astype(int) - 1, 0, end - 1).tolist()
    right, bottom = np.clip(np.ceil(seen.max(axis=0)).astype(int) + 2, (left + 1, top + 1), end).tolist()
    old_wh = np.array([right - left, bottom - top])
    new_wh = np.maximum(1, np.round(old_wh * scale)).astype(int)
    small = cv2.resize(picture[top:bottom, left:right], new_wh.tolist(), interpolation=cv2.INTER_AREA)
    px_from_small = np.column_stack([np.diag(old_wh / new_wh), np.array([left, top]) + old_wh / new_wh / 2 - 0.5])
    linear = net_from_px[:, :2] @ px_from_small[:, :2]
    return small, np.column_stack([linear, mapped(net_from_px, px_from_small[:, 2])])
