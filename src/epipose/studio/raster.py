"""The rasteriser: which triangle is nearest at each pixel, and what it carries there.

Warp kernels that run on CPUs and CUDA alike. Depth and triangle share one 64-bit number, so that a single atomic
minimum settles both; corners are rounded to 1/256 pixel first, so that every device decides alike which pixels a
triangle covers.
"""

from typing import NamedTuple

import torch
import warp as wp
from jaxtyping import Float32, Int32, Int64
from torch import Tensor

wp.config.log_level = wp.LOG_WARNING

NEAR = wp.constant(0.05)
"""Metres in front of the camera from which on something is drawn."""
FAR_OFF = wp.constant(50000.0)
"""Pixels from the first one beyond which a corner is not drawn: there the lens may fold back."""
DEPTH_STEPS = wp.constant(1048576.0)
"""Depths are told apart to this part of a metre."""
SUBPIXELS = wp.constant(256.0)
EMPTY = 0x7FFFFFFFFFFFFFFF
TRIANGLE_BITS = 0xFFFFFFFF


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


@wp.kernel(enable_backward=False)
def _draw(
    corners: wp.array(dtype=wp.vec3, ndim=2),
    faces: wp.array(dtype=wp.int32, ndim=2),
    width: wp.int32,
    height: wp.int32,
    nearest: wp.array(dtype=wp.int64, ndim=2),
) -> None:
    picture, triangle = wp.tid()
    # Pictures have y down: exchanging two corners makes outer faces, wound counter-clockwise, have a positive area.
    a = corners[picture, faces[triangle, 0]]
    b = corners[picture, faces[triangle, 2]]
    c = corners[picture, faces[triangle, 1]]
    if wp.min(a[2], wp.min(b[2], c[2])) < NEAR:
        return
    left = wp.min(a[0], wp.min(b[0], c[0]))
    right = wp.max(a[0], wp.max(b[0], c[0]))
    top = wp.min(a[1], wp.min(b[1], c[1]))
    bottom = wp.max(a[1], wp.max(b[1], c[1]))
    if left > float(width) or top > float(height) or right < 0.0 or bottom < 0.0:
        return
    if left < -FAR_OFF or top < -FAR_OFF or right > FAR_OFF or bottom > FAR_OFF:
        return
    ax = wp.int64(wp.floor(a[0] * SUBPIXELS + 0.5))
    ay = wp.int64(wp.floor(a[1] * SUBPIXELS + 0.5))
    bx = wp.int64(wp.floor(b[0] * SUBPIXELS + 0.5))
    by = wp.int64(wp.floor(b[1] * SUBPIXELS + 0.5))
    cx = wp.int64(wp.floor(c[0] * SUBPIXELS + 0.5))
    cy = wp.int64(wp.floor(c[1] * SUBPIXELS + 0.5))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if area <= wp.int64(0):
        return
    first_x = wp.max(0, int(wp.ceil(left - 0.01)))
    last_x = wp.min(width - 1, int(wp.floor(right + 0.01)))
    first_y = wp.max(0, int(wp.ceil(top - 0.01)))
    last_y = wp.min(height - 1, int(wp.floor(bottom + 0.01)))
    share = 1.0 / float(area)
    for row in range(first_y, last_y + 1):
        y = wp.int64(row) * wp.int64(256)
        for column in range(first_x, last_x + 1):
            x = wp.int64(column) * wp.int64(256)
            of_a = (cx - bx) * (y - by) - (cy - by) * (x - bx)
            of_b = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
            of_c = area - of_a - of_b
            if of_a >= wp.int64(0) and of_b >= wp.int64(0) and of_c >= wp.int64(0):
                closeness = (float(of_a) / a[2] + float(of_b) / b[2] + float(of_c) / c[2]) * share
                depth = wp.int64(DEPTH_STEPS / closeness)
                wp.atomic_min(
                    nearest, picture, row * width + column, (depth << wp.int64(32)) | wp.int64(triangle)
                )


@wp.kernel(enable_backward=False)
def _interpolate(
    corners: wp.array(dtype=wp.vec3, ndim=2),
    faces: wp.array(dtype=wp.int32, ndim=2),
    carried: wp.array(dtype=wp.float32, ndim=3),
    size: wp.vec2i,
    where: wp.array(dtype=wp.int64),
    triangles: wp.array(dtype=wp.int32),
    values: wp.array(dtype=wp.float32, ndim=2),
) -> None:
    row = wp.tid()
    picture = wp.int32(where[row] / wp.int64(size[0] * size[1]))
    pixel = wp.int32(where[row] % wp.int64(size[0] * size[1]))
    first = faces[triangles[row], 0]
    second = faces[triangles[row], 1]
    third = faces[triangles[row], 2]
    a = corners[picture, first]
    b = corners[picture, second]
    c = corners[picture, third]
    x = float(pixel % size[0])
    y = float(pixel / size[0])
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    # Rounding may put a pixel on the rim a little outside its triangle.
    of_a = wp.max(((c[0] - b[0]) * (y - b[1]) - (c[1] - b[1]) * (x - b[0])) / (area * a[2]), 0.0)
    of_b = wp.max(((a[0] - c[0]) * (y - c[1]) - (a[1] - c[1]) * (x - c[0])) / (area * b[2]), 0.0)
    of_c = wp.max(((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / (area * c[2]), 0.0)
    total = of_a + of_b + of_c
    for channel in range(values.shape[1]):
        values[row, channel] = (
            of_a * carried[picture, first, channel]
            + of_b * carried[picture, second, channel]
            + of_c * carried[picture, third, channel]
        ) / total


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
        wp.launch(
            _interpolate,
            len(where),
            [wp.from_torch(corners.contiguous(), dtype=wp.vec3), wp.from_torch(faces.contiguous())]
            + [wp.from_torch(carried.contiguous()), wp.vec2i(*size_wh)]
            + [wp.from_torch(where), wp.from_torch(triangle), wp.from_torch(values)],
            device=wp.device_from_torch(corners.device),
        )
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
        _draw,
        (len(corners), len(faces)),
        [points, mesh, width, height, wp.from_torch(nearest)],
        device=wp.device_from_torch(corners.device),
    )
    return nearest
