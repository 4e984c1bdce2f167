import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from epipose.studio.furniture import (
    EDGE,
    Mover,
    Path,
    box,
    chair,
    desk,
    disc,
    moved,
    round_table,
    screen,
)
from epipose.studio.surfaces import Mesh
from epipose.studio.textures import Mottled

GREY = Mottled((0.5, 0.5, 0.5), (0.4, 0.4, 0.4), "cloudy", 1.0, 0.1)
THINGS: dict[str, Callable[[], Mesh]] = {
    "box": lambda: box((0.4, 0.6, 0.9), GREY),
    "disc": lambda: disc(0.7, (0.1, 0.2, 1.0), (0.3, -1.0, 0.4), GREY),
    "table on one leg": lambda: round_table(0.55, 0.75, np.random.default_rng(1)),
    "table on four legs": lambda: round_table(0.8, 0.72, np.random.default_rng(4)),
    "desk": lambda: desk(np.random.default_rng(0)),
    "chair": lambda: chair(np.random.default_rng(0)),
    "screen": lambda: screen(np.random.default_rng(0)),
}
things = pytest.mark.parametrize("mesh", [make() for make in THINGS.values()], ids=list(THINGS))


def volume(mesh: Mesh) -> float:
    """Return the volume inside a closed mesh by the divergence theorem."""
    first, second, third = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    return float(np.sum(first * np.cross(second, third)) / 6)


@things
def test_a_thing_is_closed_and_wound_from_outside(mesh: Mesh) -> None:
    places = np.round(mesh.vertices, 6) + 0.0
    directed = Counter(
        (tuple(places[a]), tuple(places[b])) for face in mesh.faces for a, b in itertools.pairwise([*face, face[0]])
    )
    assert all(directed[b, a] == count for (a, b), count in directed.items())
    assert volume(mesh) > 0


@things
def test_edges_are_short_and_no_triangle_is_a_line(mesh: Mesh) -> None:
    corners = mesh.vertices[mesh.faces]
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max() <= EDGE
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.linalg.norm(across, axis=1).min() > 1e-7


@things
def test_triangles_that_share_a_corner_face_nearly_the_same_way(mesh: Mesh) -> None:
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    total = np.zeros_like(mesh.vertices)
    np.add.at(total, mesh.faces.ravel(), np.repeat(normals, 3, axis=0))
    around = total[mesh.faces] / np.linalg.norm(total[mesh.faces], axis=-1, keepdims=True)
    assert np.sum(around * normals[:, None], axis=-1).min() > np.cos(np.deg2rad(16))


@things
def test_every_corner_has_a_colour(mesh: Mesh) -> None:
    colour = mesh.material.colour(torch.from_numpy(mesh.coordinates.astype(np.float32)))
    assert colour.shape == mesh.vertices.shape
    assert float(colour.min()) > 0
    assert float(colour.max()) < 1.2


def test_volumes_are_those_of_geometry() -> None:
    assert volume(THINGS["box"]()) == pytest.approx(0.4 * 0.6 * 0.9, rel=1e-9)
    assert volume(THINGS["disc"]()) == pytest.approx(np.pi * 0.7**2 * 0.03, rel=0.01)
    found = set()
    for seed in range(6):
        table = volume(round_table(0.6, 0.75, np.random.default_rng(seed)))
        rest = table / np.pi - 0.6**2 * 0.03
        one, four = (0.55 * 0.6) ** 2 * 0.025 + 0.04**2 * 0.695, 4 * 0.025**2 * 0.72
        found.add("one" if abs(rest / one - 1) < 0.05 else "four" if abs(rest / four - 1) < 0.05 else "neither")
    assert found == {"one", "four"}


def test_things_stand_on_the_floor_and_a_disc_lies_where_it_is_put() -> None:
    for name, make in THINGS.items():
        if name != "disc":
            assert make().vertices[:, 2].min() == pytest.approx(0.0, abs=1e-12), name
    mesh, normal = THINGS["disc"](), np.array([0.3, -1.0, 0.4]) / np.linalg.norm([0.3, -1.0, 0.4])
    offset = mesh.vertices - [0.1, 0.2, 1.0]
    np.testing.assert_allclose(np.abs(offset @ normal).max(), 0.015)
    np.testing.assert_allclose(np.linalg.norm(np.cross(offset, normal), axis=1).max(), 0.7)


def test_moving_turns_about_the_origin_first() -> None:
    mesh = box((0.4, 0.2, 1.0), GREY)
    there = moved(mesh, (2.0, 3.0), np.pi / 2)
    np.testing.assert_allclose(there.vertices.min(axis=0), [1.9, 2.8, 0.0], atol=1e-12)
    np.testing.assert_allclose(there.vertices.max(axis=0), [2.1, 3.2, 1.0], atol=1e-12)
    assert volume(there) == pytest.approx(volume(mesh))


def test_a_mover_is_at_its_stops_and_straight_between_them() -> None:
    path = Path(np.array([0.0, 2.0]), np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([0.0, 0.0]))
    mover = Mover(box((0.2, 0.2, 0.2), GREY), path)
    for time, place in ((-1.0, [0.0, 0.0]), (0.5, [0.25, 0.5]), (5.0, [1.0, 2.0])):
        np.testing.assert_allclose(mover.at(time).vertices.mean(axis=0)[:2], place, atol=1e-9)


def test_a_random_path_lasts_as_long_as_asked_and_keeps_aside() -> None:
    for seed in range(20):
        path = Path.random(np.random.default_rng(seed), seconds=12.0, aside=1.2, reach=1.5)
        assert path.times[-1] >= 12.0
        assert np.all(np.diff(path.times) > 0)
        distance = [np.hypot(*path.at(time)[0]) for time in np.linspace(0, 12, 100)]
        assert min(distance) > 1.0
        assert max(distance) < 2.1
