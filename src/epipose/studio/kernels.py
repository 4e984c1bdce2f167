"""Warp kernels, which run on CPUs and CUDA alike; each is launched by one function of another module.

Depth and triangle share one 64-bit number, so that a single atomic minimum settles both; corners are rounded to 1/256
pixel first, so that every device decides alike which pixels a triangle covers.
"""

from typing import no_type_check

import warp as wp

NEAR = wp.constant(0.05)
"""Metres in front of the camera from which on something is drawn."""
FAR_OFF = wp.constant(50000.0)
"""Pixels from the first one beyond which a corner is not drawn: there the lens may fold back."""
DEPTH_STEPS = wp.constant(1048576.0)
"""Depths are told apart to this part of a metre."""
SUBPIXELS = wp.constant(256.0)
EMPTY = 0x7FFFFFFFFFFFFFFF
"""What a pixel holds that no triangle covers; others hold depth in the upper and triangle in the lower half."""
TRIANGLE_BITS = 0xFFFFFFFF


@wp.kernel(enable_backward=False)
@no_type_check
def draw(
    corners: wp.array(dtype=wp.vec3, ndim=2),
    faces: wp.array(dtype=wp.int32, ndim=2),
    width: wp.int32,
    height: wp.int32,
    nearest: wp.array(dtype=wp.int64, ndim=2),
) -> None:
    """Put every outer triangle into `nearest` (pictures, pixels) where it is nearer than what is there."""
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
                wp.atomic_min(nearest, picture, row * width + column, (depth << wp.int64(32)) | wp.int64(triangle))


@wp.kernel(enable_backward=False)
@no_type_check
def interpolate(
    corners: wp.array(dtype=wp.vec3, ndim=2),
    faces: wp.array(dtype=wp.int32, ndim=2),
    carried: wp.array(dtype=wp.float32, ndim=3),
    size: wp.vec2i,
    where: wp.array(dtype=wp.int64),
    triangles: wp.array(dtype=wp.int32),
    values: wp.array(dtype=wp.float32, ndim=2),
) -> None:
    """Interpolate what the corners carry over the triangle that each pixel of `where` shows."""
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


@wp.kernel(enable_backward=False)
@no_type_check
def blend(
    rest: wp.array(dtype=wp.vec3, ndim=2),
    normals: wp.array(dtype=wp.vec3, ndim=2),
    bones: wp.array(dtype=wp.float32, ndim=4),
    index: wp.array(dtype=wp.int32, ndim=2),
    weight: wp.array(dtype=wp.float32, ndim=2),
    moved: wp.array(dtype=wp.vec3, ndim=2),
    turned: wp.array(dtype=wp.vec3, ndim=2),
) -> None:
    """Move and turn vertices by their bones: linear blend skinning."""
    figure, vertex = wp.tid()
    point = rest[figure, vertex]
    normal = normals[figure, vertex]
    place = wp.vec3(0.0, 0.0, 0.0)
    direction = wp.vec3(0.0, 0.0, 0.0)
    for k in range(index.shape[1]):
        share = weight[vertex, k]
        if share > 0.0:
            bone = index[vertex, k]
            for axis in range(3):
                row = wp.vec3(bones[figure, bone, axis, 0], bones[figure, bone, axis, 1], bones[figure, bone, axis, 2])
                place[axis] = place[axis] + share * (wp.dot(row, point) + bones[figure, bone, axis, 3])
                direction[axis] = direction[axis] + share * wp.dot(row, normal)
    moved[figure, vertex] = place
    turned[figure, vertex] = direction
