from dataclasses import replace

import numpy as np
import pytest
import torch

from epipose.studio.bodies import Body
from epipose.studio.light import Light, shadow_map
from epipose.studio.render import FURNITURE, cast_shadows, draw, mesh_surface
from epipose.studio.surfaces import Mesh
from tests.studio.views import SIZE, random_view


class Grey:
    """A material of one grey."""

    def colour(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Return half of the light."""
        return torch.full((len(coordinates), 3), 0.5)


def box(centre: tuple[float, float, float], side: float) -> Mesh:
    """Return a cube."""
    corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * side / 2 + centre
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))])
    corners = corner[faces].reshape(-1, 3)  # each side has its own, so that edges are sharp
    return Mesh(corners, np.arange(len(corners)).reshape(-1, 3), corners, Grey())


def test_the_same_scene_gives_the_same_picture(body: Body) -> None:
    first, second = random_view(body, 3).drawn(), random_view(body, 3).drawn()
    assert torch.equal(first.colour, second.colour)
    assert torch.equal(first.labels, second.labels)


def test_a_window_is_a_part_of_the_picture(body: Body) -> None:
    view = random_view(body, 3)
    whole = view.drawn()
    shadows = cast_shadows([view.surface], view.light, view.surface.vertices.mean(dim=0))
    part = draw([view.surface], view.camera, view.light, shadows, (60, 40, 80, 100))
    assert torch.equal(part.labels, whole.labels[40:140, 60:140])
    torch.testing.assert_close(part.colour, whole.colour[40:140, 60:140], atol=0.02, rtol=0.0)


def test_samples_average_to_the_same_picture(body: Body) -> None:
    view = random_view(body, 5)
    shadows = cast_shadows([view.surface], view.light, view.surface.vertices.mean(dim=0))
    fine = draw([view.surface], view.camera, view.light, shadows, (0, 0, *SIZE), samples=4)
    coverage = (fine.labels > 0).float().reshape(SIZE[1], 4, SIZE[0], 4).mean(dim=(1, 3))
    single = (view.drawn().labels > 0).float()
    assert torch.all(coverage[single > 0] > 0) or torch.mean((coverage - single).abs()) < 0.01
    assert abs(float(coverage.sum() - single.sum())) < 0.02 * float(single.sum())


def test_what_is_nearer_hides_what_is_behind(body: Body) -> None:
    view = random_view(body, 3)
    towards = view.camera.centre / np.linalg.norm(view.camera.centre)
    near = mesh_surface(box(tuple(np.array([0, 0, 0.8]) + 1.0 * towards), 0.3))
    far = mesh_surface(box(tuple(np.array([0, 0, 0.8]) - 1.5 * towards), 0.3))
    alone = view.drawn()
    hidden, not_hidden = (view.drawn(other) for other in (near, far))
    assert torch.all(not_hidden.labels[alone.labels == 1] == 1)
    assert (hidden.labels == FURNITURE).sum() > 100
    assert (hidden.labels == 1).sum() < (alone.labels == 1).sum()


def test_a_body_shades_the_floor_on_the_side_away_from_the_lamp(body: Body) -> None:
    view = random_view(body, 3)
    light = replace(view.light, towards=(0.6, 0.0, 0.8))
    shadows = cast_shadows([view.surface], light, torch.tensor([0.0, 0.0, 0.9]))
    grid = torch.stack(torch.meshgrid(torch.linspace(-1.5, 1.5, 60), torch.linspace(-1.5, 1.5, 60), indexing="ij"), -1)
    floor = torch.cat([grid.reshape(-1, 2), torch.zeros(3600, 1)], dim=1)
    dark = shadows.lit(floor) < 0.5
    assert dark.sum() > 20
    assert floor[dark, 0].mean() < view.surface.vertices[:, 0].mean() - 0.1  # the lamp is at +X


def test_the_lamp_lights_what_faces_it() -> None:
    light = Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.1, 0.1, 0.1), (0.1, 0.1, 0.1))
    normals = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [2**-0.5, 0.0, 2**-0.5]])
    shaded = light.shade(torch.full((3, 3), 0.5), normals, torch.ones(3))
    assert shaded[:, 0].tolist() == pytest.approx([0.55, 0.05, 0.05 + 0.5 * 2**-0.5])
    dark = light.shade(torch.full((3, 3), 0.5), normals, torch.zeros(3))
    assert dark[:, 0].tolist() == pytest.approx([0.05] * 3)


def test_shadows_fall_along_the_light() -> None:
    mesh = box((0.0, 0.0, 1.5), 0.4)
    surface = mesh_surface(mesh)
    light = Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.1, 0.1, 0.1), (0.1, 0.1, 0.1))
    shadows = shadow_map(surface.vertices, surface.faces, light, torch.tensor([0.0, 0.0, 1.0]))
    points = torch.tensor([[0.0, 0.0, 0.0], [0.15, 0.15, 0.5], [0.5, 0.0, 0.0], [0.0, 0.0, 1.9], [5.0, 0.0, 0.0]])
    assert shadows.lit(points).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
