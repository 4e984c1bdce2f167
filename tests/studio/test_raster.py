import numpy as np
import torch

from epipose.studio.bodies import Body
from epipose.studio.raster import Fragments, rasterise

FOCAL, SIZE = 300.0, (160, 200)


def corners_of(points: np.ndarray) -> torch.Tensor:
    """Project points in camera axes by a pinhole of FOCAL in the middle of SIZE."""
    ideal = points[:, :2] / points[:, 2:]
    pixels = ideal * FOCAL + (np.array(SIZE) - 1) / 2
    return torch.from_numpy(np.concatenate([pixels, points[:, 2:]], axis=1).astype(np.float32))[None]


def standing(body: Body) -> np.ndarray:
    """Return the body's vertices in the axes of a camera 3.5 m in front of it."""
    x, y, z = body.vertices.T
    return np.stack([x, -(z - 0.9), y + 3.5], axis=1)


def drawn(points: np.ndarray, faces: np.ndarray) -> Fragments:
    """Draw points in camera axes that carry themselves."""
    carried = torch.from_numpy(points.astype(np.float32))[None]
    return rasterise(corners_of(points), torch.from_numpy(faces.astype(np.int32)), carried, SIZE)


def test_what_is_interpolated_in_space_projects_to_its_pixel(body: Body) -> None:
    found = drawn(standing(body), body.faces)
    assert len(found.where) > 2000
    again = corners_of(found.values.double().numpy())[0].numpy()
    row, column = np.divmod(found.where.numpy(), SIZE[0])
    # Corners are rounded to 1/256 pixel; rims of slanted triangles may miss by a little more.
    error = np.hypot(again[:, 0] - column, again[:, 1] - row)
    assert np.quantile(error, 0.99) < 0.05
    np.testing.assert_allclose(found.depth.reshape(-1)[found.where], again[:, 2], atol=5e-3)


def test_a_sphere_has_the_depth_that_geometry_gives_it() -> None:
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 97), np.linspace(0, np.pi, 49))
    grid = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)], axis=-1).reshape(-1, 3)
    rows = np.arange(48 * 97).reshape(48, 97)[:, :-1].ravel()
    faces = np.concatenate(
        [np.stack([rows, rows + 97, rows + 98], axis=1), np.stack([rows, rows + 98, rows + 1], axis=1)]
    )
    found = drawn(0.5 * grid + [0.1, 0.0, 3.0], faces)
    row, column = np.divmod(np.arange(SIZE[0] * SIZE[1]), SIZE[0])
    ray = np.stack([(column - 79.5) / FOCAL, (row - 99.5) / FOCAL, np.ones(len(row))], axis=1)
    centre = np.array([0.1, 0.0, 3.0])
    a, b, c = (ray**2).sum(axis=1), ray @ centre, centre @ centre - 0.25
    inside = b**2 - a * c > 0
    depth = (b - np.sqrt(np.maximum(b**2 - a * c, 0))) / a
    covered = np.isfinite(found.depth.numpy().ravel())
    assert np.mean(covered != inside) < 0.01
    both = covered & inside & (b**2 - a * c > 0.02)
    np.testing.assert_allclose(found.depth.numpy().ravel()[both], depth[both], atol=2e-3)


def test_the_order_of_triangles_does_not_matter(body: Body) -> None:
    shuffled = np.random.default_rng(0).permutation(body.faces)
    first, second = (drawn(standing(body), faces) for faces in (body.faces, shuffled))
    assert torch.equal(first.depth, second.depth)
    assert torch.allclose(first.values, second.values, atol=2e-3)


def test_only_outer_faces_are_drawn(body: Body) -> None:
    inside_out = drawn(standing(body), body.faces[:, ::-1])
    proper = drawn(standing(body), body.faces)
    both = torch.isfinite(inside_out.depth) & torch.isfinite(proper.depth)
    assert (inside_out.depth - proper.depth)[both].median() > 0.05  # the back, seen from within


def test_pictures_of_a_batch_do_not_mix(body: Body) -> None:
    faces = torch.from_numpy(body.faces.astype(np.int32))
    near, far = corners_of(standing(body)), corners_of(standing(body) + np.array([0.2, 0.0, 2.0]))
    both = torch.cat([near, far])
    together = rasterise(both, faces, both, SIZE)
    for row, alone in enumerate((near, far)):
        assert torch.equal(together.depth[row], rasterise(alone, faces, alone, SIZE).depth[0])


def test_nothing_behind_the_camera_is_drawn(body: Body) -> None:
    points = standing(body)
    # Lying, so that the feet are in front of the camera when the head is behind it.
    lying = points[:, [0, 2, 1]] - [0.0, np.median(points[:, 2]), np.median(points[:, 1])]
    half_behind = drawn(lying, body.faces)
    depth = half_behind.depth[torch.isfinite(half_behind.depth)]
    assert len(depth) > 100
    assert depth.min() > 0.04  # what is nearer is left out
    assert len(drawn(standing(body) - [0.0, 0.0, 7.0], body.faces).where) == 0
