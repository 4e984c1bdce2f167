import numpy as np
import pytest
import torch

from epipose.studio.finishes import random_floor, random_object, random_picture, random_wall
from epipose.studio.surfaces import Material
from epipose.studio.textures import Laid, Mottled, Parts, Picture, linear_from_stored

WHITE, BLACK, RED = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.6, 0.1, 0.1)
CHEQUERS = Laid(WHITE, BLACK, RED, (0.5, 0.25), 0.02, 0.0, 0.0, alternating=True, contrast=0.0)


def points(count: int = 4000, reach: float = 8.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-reach, reach, (count, 2)).astype(np.float32))


def some_materials() -> list[Material]:
    rng = np.random.default_rng(5)
    drawn = [make(rng) for make in (random_floor, random_wall, random_object) for _ in range(25)]
    return [*drawn, *(random_picture(rng, (0.8, 0.5)) for _ in range(6))]


def test_every_material_gives_light_that_a_surface_can_reflect() -> None:
    for material in some_materials():
        colour = material.colour(points())
        assert colour.dtype == torch.float32
        assert float(colour.min()) >= 0.0
        assert float(colour.max()) < 1.25, material


def test_a_point_has_the_same_colour_whatever_else_is_asked_for() -> None:
    places = points(200)
    for material in some_materials():
        alone = torch.cat([material.colour(place[None]) for place in places[:10]])
        torch.testing.assert_close(alone, material.colour(places)[:10], atol=1e-6, rtol=0.0)


def test_materials_differ_from_place_to_place() -> None:
    varied = [float(material.colour(points()).std(dim=0).max()) > 1e-3 for material in some_materials()]
    assert np.mean(varied) > 0.95


def test_chequers_take_turns_and_have_joints() -> None:
    along, down = torch.meshgrid(torch.arange(-4, 4), torch.arange(-4, 4), indexing="ij")
    middles = torch.stack([(along.flatten() + 0.5) * 0.5, (down.flatten() + 0.5) * 0.25], dim=1)
    turn = torch.remainder(along + down, 2).flatten()
    torch.testing.assert_close(CHEQUERS.colour(middles)[:, 0], 1.0 - turn, atol=1e-6, rtol=0.0)
    torch.testing.assert_close(CHEQUERS.colour(middles - torch.tensor([0.25, 0.0])), torch.tensor(RED).expand(64, 3))
    torch.testing.assert_close(CHEQUERS.colour(middles - torch.tensor([0.0, 0.125])), torch.tensor(RED).expand(64, 3))


def test_rows_of_bricks_are_shifted() -> None:
    bricks = Laid(WHITE, WHITE, BLACK, (0.2, 0.1), 0.02, 0.5, 0.0, contrast=0.0)
    joints = bricks.colour(torch.tensor([[0.2, 0.05], [0.2, 0.15], [0.1, 0.05], [0.1, 0.15]]))[:, 0]
    torch.testing.assert_close(joints, torch.tensor([0.0, 1.0, 1.0, 0.0]), atol=1e-4, rtol=0.0)


def test_noise_is_centred_and_repeats_without_a_seam() -> None:
    for noise in ("cloudy", "rough", "grain", "fibre"):
        material = Mottled(BLACK, WHITE, noise, 2.0, 0.15)
        inside, again = (material.colour(points(20000, 1.0) + shift)[:, 0] for shift in (0.0, 4.0))
        torch.testing.assert_close(inside, again, atol=2e-3, rtol=0.0)
        assert abs(float(inside.mean()) - 0.5) < 0.02
        spread = {"grain": 0.1}.get(noise, 0.15)  # between samples, rough noise is smoothed
        assert float(inside.std()) == pytest.approx(spread, rel=0.15)
    smooth = Mottled(BLACK, WHITE, "cloudy", 2.0, 0.15)
    line = torch.stack([torch.linspace(-0.05, 0.05, 400), torch.full((400,), 0.3)], dim=1)
    assert float(smooth.colour(line)[:, 0].diff().abs().max()) < 0.01


def test_a_picture_shows_its_pixels_upright() -> None:
    stored = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    picture = Picture.from_stored(stored, (0.4, 0.3))
    row, column = np.divmod(np.arange(48), 8)
    middles = np.stack([(column + 0.5) / 8 * 0.4, 0.3 - (row + 0.5) / 6 * 0.3], axis=1).astype(np.float32)
    found = picture.colour(torch.from_numpy(middles)).numpy()
    np.testing.assert_allclose(found, linear_from_stored(stored).reshape(-1, 3), atol=1e-5)


def test_stored_light_is_read_by_the_curve_of_srgb() -> None:
    values = linear_from_stored(np.array([0, 10, 128, 188, 255], np.uint8))
    np.testing.assert_allclose(values, [0.0, 0.0030352, 0.2158605, 0.5028865, 1.0], atol=1e-6)


def test_parts_have_materials_of_their_own() -> None:
    both = Parts((Mottled(WHITE, WHITE, "rough", 1.0, 0.1), Mottled(RED, RED, "rough", 1.0, 0.1)))
    which = torch.tensor([[0.1, 0.2, 1.0], [0.3, 0.1, 0.0], [5.0, 2.0, 0.99]])
    torch.testing.assert_close(both.colour(which), torch.tensor([RED, WHITE, RED]))
