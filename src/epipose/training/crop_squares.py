"""Squares cut from examples, and the joints in their units."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numpy import ndarray

from epipose.geometry.crop_frames import PAPER_METRES, CropFrame, box_frame, root_frame
from epipose.geometry.images import mapped
from epipose.training.crop_examples import CropExamples


class VariedCrop(NamedTuple):
    """A crop cut from an example's square, as networks are taught by."""

    picture: UInt8[ndarray, "size size 3"]
    joints: Float32[ndarray, "joints 3"]
    """In units of the crop."""
    weight: Float32[ndarray, "joints"]
    side: float
    """Of the crop, over that of the square."""


def in_units(
    examples: CropExamples, row: int, frame: CropFrame
) -> tuple[Float32[ndarray, "joints 3"], Float32[ndarray, "joints"]]:
    """Return an example's joints in units of a square cut from it, and their weights: 0 beyond the square."""
    joints = examples.joints[row].astype(np.float64)
    across = mapped(frame.crop_from_px, joints[:, :2]) / frame.size - 0.5
    depth = joints[:, 2] * examples.size / frame.side_px
    inside = (np.abs(across) < 0.5).all(axis=1)
    weight = np.where(inside, examples.weight[row], 0)
    return np.column_stack([across, depth]).astype(np.float32), weight.astype(np.float32)


def steady_frame(examples: CropExamples, row: int, size: int) -> CropFrame:
    """Return the square around an example's person as the runtime would cut it, or as published: at the true depth."""
    if examples.frame == "paper":
        return published_frame(examples, row, size)
    return box_frame(shown_joints(examples, row), size)


def published_frame(examples: CropExamples, row: int, size: int, *, zoom: float = 1.0, turn: float = 0.0) -> CropFrame:
    """Return `zoom` times the published 2 m around an example's root, turned clockwise (radians)."""
    side = zoom * PAPER_METRES * examples.size / float(examples.side_m[row])
    return root_frame(np.full(2, examples.size / 2), side, size, turn=turn)


def shown_joints(examples: CropExamples, row: int) -> Float64[ndarray, "shown 2"]:
    """Return the joints of an example that are known, in its pixels; all of them if none is."""
    known = examples.weight[row] > 0
    return examples.joints[row, known if known.any() else np.full_like(known, True), :2].astype(np.float64)
