"""The rasteriser: which triangle is nearest at each pixel, and what it carries there."""

from typing import NamedTuple

import torch
import warp as wp
from jaxtyping import Float32, Int32, Int64
from torch import Tensor

from epipose.studio.kernels import DEPTH_STEPS, EMPTY, TRIANGLE_BITS, draw, interpolate


class Fragments(NamedTuple):
    """The nearest surface at each pixel of a batch of pictures."""

    depth: Float32[Tensor, "pictures height width"]
    """Metres along the camera's axis; infinite where there is nothing."""
    where: Int64[Tensor, "covered"]
    """The pixels that show something, as places in the flattened batch."""
    triangle: Int32[Tensor, "covered"]
    """Row of `faces` that each of them shows."""
    values: Float32[Tensor, "covered channels"]
    """What the triangle's vertices carry, interpolated in space."""


def rasterise(
    corners: Float32[Tensor, "pictures vertices 3"],
    faces: Int32[Tensor, "triangles 3"],
    carried: Float32[Tensor, "pictures vertices channels"],
    size_wh: tuple[int, int],
) -> Fragments:
    """Return the nearest outer face of closed meshes at each pixel, and what its vertices carry there.

    `corners` are vertices in pixels (the first pixel's centre is 0, 0) and, last, metres along the camera's axis.
    Triangles with a corner nearer than NEAR or further out than FAR_OFF are left out.
    """
    nearest = _nearest(corners, faces, size_wh)
    where = torch.nonzero(nearest.reshape(-1) != EMPTY)[:, 0]
    triangle = (nearest.reshape(-1)[where] & TRIANGLE_BITS).int()
    values = torch.empty((len(where), carried.shape[2]), dtype=torch.float32, device=corners.device)
    if carried.shape[2]:
        inputs = (
            wp.from_torch(corners.contiguous(), dtype=wp.vec3),
            wp.from_torch(faces.contiguous()),
            wp.from_torch(carried.contiguous()),
            wp.vec2i(*size_wh),
            *(wp.from_torch(array) for array in (where, triangle, values)),
        )
        wp.launch(interpolate, len(where), inputs, device=wp.device_from_torch(corners.device))
    depth = torch.where(nearest == EMPTY, torch.inf, (nearest >> 32).float() / float(DEPTH_STEPS))
    return Fragments(depth.reshape(len(corners), size_wh[1], size_wh[0]), where, triangle, values)


def _nearest(
    corners: Float32[Tensor, "pictures vertices 3"], faces: Int32[Tensor, "triangles 3"], size_wh: tuple[int, int]
) -> Int64[Tensor, "pictures pixels"]:
    """Return depth and triangle of the nearest surface at each pixel in one number, EMPTY where there is none."""
    width, height = size_wh
    nearest = torch.full((len(corners), height * width), EMPTY, dtype=torch.int64, device=corners.device)
    points, mesh = wp.from_torch(corners.contiguous(), dtype=wp.vec3), wp.from_torch(faces.contiguous())
    wp.launch(
        draw,
        (len(corners), len(faces)),
        [points, mesh, width, height, wp.from_torch(nearest)],
        device=wp.device_from_torch(corners.device),
    )
    return nearest
