"""Networks' answers side by side: the picture with both skeletons, and under it both from the side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.io.pictures import write_png
from epipose.pose.roots import from_root
from epipose.pose.skeletons import Skeleton
from epipose.report.learning.gallery import from_aside
from epipose.report.palette import MIDDLE, rgb, side_colours

TILE_PX, ASIDE_PX, GAP_PX, TITLE_PX = 190, 130, 6, 26
METRES = 2.2
"""Height of what is drawn from the side."""
PAPER, INK = (255, 255, 255), (40, 40, 40)
_SHIFT = 4


@dataclass(frozen=True, eq=False)
class Tile:
    """One answer."""

    picture: UInt8[ndarray, "side side 3"]
    predicted: Float[ndarray, "joints 3"]
    """Units of the picture, as the truth."""
    truth: Float[ndarray, "joints 3"]
    side_m: float
    error_mm: float


@dataclass(frozen=True, eq=False)
class Column:
    """The answers of one experiment."""

    title: str
    tiles: Sequence[Tile]
    skeleton: Skeleton


def write_picture(path: Path, columns: Sequence[Column]) -> None:
    """Write a PNG with a column for each experiment."""
    gap = np.full((1, GAP_PX, 3), PAPER, np.uint8)
    drawn = [_column(column) for column in columns]
    parts = [part for column in drawn for part in (np.broadcast_to(gap, (len(column), GAP_PX, 3)), column)]
    picture = np.concatenate(parts[1:], axis=1)
    write_png(path, picture)


def _column(column: Column) -> UInt8[ndarray, "height width 3"]:
    title = np.full((TITLE_PX, TILE_PX, 3), PAPER, np.uint8)
    _write(title, column.title, (2, TITLE_PX - 9), 0.5)
    parts = [title]
    for tile in column.tiles:
        # Five bits are enough for the eye here, and halve the file.
        seen = (tile.picture & 0xF8) | 4
        for joints, white in ((tile.truth, True), (tile.predicted, False)):
            _skeleton(seen, (joints[:, :2] + 0.5) * TILE_PX, column.skeleton, white=white)
        aside = np.full((ASIDE_PX, TILE_PX, 3), 236, np.uint8)
        for joints, white in ((tile.truth, True), (tile.predicted, False)):
            turned = from_aside(tile.side_m * from_root(joints, column.skeleton)) * ASIDE_PX / METRES
            _skeleton(aside, turned + np.array([TILE_PX / 2, ASIDE_PX / 2]), column.skeleton, white=white)
        _write(aside, f"{tile.error_mm:.0f} mm", (4, ASIDE_PX - 6), 0.45)
        parts += [seen, aside, np.full((GAP_PX, TILE_PX, 3), PAPER, np.uint8)]
    return np.concatenate(parts[:-1])


def _skeleton(
    picture: UInt8[ndarray, "height width 3"], places: Float[ndarray, "joints 2"], skeleton: Skeleton, *, white: bool
) -> None:
    """Draw the truth in white on black, or an answer in the colours of its sides."""
    sides = side_colours(skeleton)
    points = np.clip(np.round(places * 2**_SHIFT), -(2**15), 2**15).astype(int)
    for parent, child in skeleton.bones:
        ends = points[parent].tolist(), points[child].tolist()
        if white:
            cv2.line(picture, *ends, INK, 4, cv2.LINE_AA, _SHIFT)
            cv2.line(picture, *ends, PAPER, 2, cv2.LINE_AA, _SHIFT)
        else:
            cv2.line(picture, *ends, rgb(sides.get(skeleton.joint_names[child], MIDDLE)), 2, cv2.LINE_AA, _SHIFT)


def _write(picture: UInt8[ndarray, "height width 3"], text: str, place: tuple[int, int], size: float) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)
