import numpy as np
import pytest
import torch

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.studio.interiors import FACES, Block, Panel
from epipose.studio.light import Light
from epipose.studio.rooms import Room
from epipose.studio.textures import Mottled, Picture

LAMP = Light(towards=(0.6, 0.0, 0.8), key=(0.5, 0.5, 0.5), above=(0.6, 0.6, 0.6), below=(0.3, 0.3, 0.3))
GREY = Mottled((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "cloudy", 1.0, 0.0)


def corners_of_ring(rng: np.random.Generator) -> np.ndarray:
    """Return places of four cameras."""
    bearing, distance = np.arange(4) * np.pi / 2 + rng.uniform(0, 1), rng.uniform(3.5, 5.5, 4)
    return np.stack([distance * np.cos(bearing), distance * np.sin(bearing), rng.uniform(0.9, 2.6, 4)], axis=1)


def directions(count: int) -> torch.Tensor:
    free = np.random.default_rng(1).standard_normal((count, 3))
    return torch.from_numpy((free / np.linalg.norm(free, axis=1, keepdims=True)).astype(np.float32))


def filled(room: Room, points: np.ndarray) -> np.ndarray:
    """Return which points are not air."""
    outside = np.any((points < room.low) | (points > room.high), axis=-1)
    for block in room.blocks:
        outside |= np.all((points > block.low) & (points < block.high), axis=-1)
    return outside


def looking(place: np.ndarray, size_wh: tuple[int, int]) -> Camera:
    """Return a camera with some distortion that looks at the middle of the action."""
    forward = np.array([0.0, 0.0, 1.0]) - place
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0]) / np.linalg.norm(np.cross(forward, [0.0, 0.0, 1.0]))
    turn = np.stack([right, np.cross(forward, right), forward])
    middle = ((size_wh[0] - 1) / 2, (size_wh[1] - 1) / 2)
    lens = BrownConrady((0.7 * size_wh[0],) * 2, middle, (-0.2, 0.05, 0.0, 0.0, 0.0))
    return Camera(lens, Rigid.from_centre(turn, place), size_wh)


def plain_room(panels: tuple[Panel, ...] = (), blocks: tuple[Block, ...] = ()) -> Room:
    """Return a grey room of 6 x 8 x 3 m."""
    return Room((-3.0, -4.0, 0.0), (3.0, 4.0, 3.0), (GREY,) * 6, panels, blocks, (0.0, (0.1,) * 3), LAMP)


@pytest.fixture(scope="module")
def rooms() -> list[tuple[Room, np.ndarray]]:
    """Rooms, and the cameras in them."""
    result = []
    for seed in range(8):
        cameras = corners_of_ring(np.random.default_rng(seed))
        result.append((Room.random(np.random.default_rng(seed), enclosing=cameras), cameras))
    return result


def test_rays_go_through_air_up_to_the_first_surface(rooms: list[tuple[Room, np.ndarray]]) -> None:
    ahead = directions(3000)
    assert sum(len(room.blocks) for room, _ in rooms) > 30
    for room, cameras in rooms:
        look = room.look(torch.from_numpy(cameras[:1].astype(np.float32)), ahead)
        way = ahead.double().numpy() * look.distance.double().numpy()[:, None]
        end, step = cameras[0] + way, 2e-3 * ahead.double().numpy()
        assert np.mean(filled(room, end + step)) > 0.995  # a corner may be cut
        shares = np.linspace(0, 1, 80)[:, None, None]
        assert not filled(room, cameras[0] + shares * (way - step)).any()
        facing = (look.normals * ahead).sum(dim=1)
        assert float(facing.max()) <= 0.0


def test_cameras_are_free_and_see_the_action(rooms: list[tuple[Room, np.ndarray]]) -> None:
    person = np.array([[0.3, -0.2, 0.05], [-0.3, 0.3, 1.0], [0.2, 0.2, 1.7]])
    for room, cameras in rooms:
        for camera in cameras:
            assert not filled(room, camera + 0.3 * directions(200).numpy()).any()
            between = camera + (person - camera) * np.linspace(0, 1, 200)[:, None, None]
            assert not filled(room, between).any()
        around = np.random.default_rng(0).uniform([-1.3, -1.3, 0.0], [1.3, 1.3, 2.0], (2000, 3))
        assert not filled(room, around).any()


def test_furniture_stands_in_the_room_with_its_back_to_a_wall_and_off_the_action() -> None:
    bearing = np.linspace(0, 2 * np.pi, 2000)
    around = 1.85 * np.stack([np.cos(bearing), np.sin(bearing), np.full(2000, 0.03)], axis=1)
    blocks = 0
    for seed in range(40):
        room = Room.random(np.random.default_rng(seed), enclosing=np.array([[1.5, 0.0, 1.0]]))
        assert not filled(room, around).any()
        for block in room.blocks:
            assert np.all(np.array(block.low) >= np.array(room.low) - 1e-9)
            assert np.all(np.array(block.high) <= np.array(room.high) + 1e-9)
            axis, sign = FACES[block.front_face]
            gap = (block.low[axis] - room.low[axis]) if sign > 0 else (room.high[axis] - block.high[axis])
            assert gap < 0.05
        blocks += len(room.blocks)
    assert blocks > 100


def test_what_shines_is_as_bright_as_it_says_in_any_light() -> None:
    lamp = Panel(2, (-1.0, 1.0), (1.0, 2.0), GREY, 0.1, (0.2, 0.2, 0.2), glow=1.6)
    start, ahead = torch.tensor([[0.0, 0.0, 1.5]]), torch.tensor([[0.0, 1.0, 0.0], [0.2375, 1.0, 0.0]])
    middle, frame = plain_room((lamp,)).look(start, ahead / ahead.norm(dim=1, keepdim=True)).colour
    torch.testing.assert_close(middle, torch.full((3,), 0.8))
    assert 0.05 < float(frame[0]) < 0.2


def test_a_room_holds_cameras_wherever_they_are() -> None:
    far = np.array([[9.0, 0.5, 5.5], [2.0, -1.0, 1.0]])
    room = Room.random(np.random.default_rng(0), enclosing=far)
    assert np.all(np.array(room.low) < far.min(axis=0) - 0.1)
    assert np.all(np.array(room.high) > far.max(axis=0) + 0.1)


def test_a_place_looks_the_same_from_everywhere(rooms: list[tuple[Room, np.ndarray]]) -> None:
    for room, cameras in rooms:
        first, second = (torch.from_numpy(camera[None].astype(np.float32)) for camera in cameras[:2])
        ahead = directions(2000)
        seen = room.look(first, ahead)
        points = first + ahead * seen.distance[:, None]
        way = points - second
        again = room.look(second, way / way.norm(dim=1, keepdim=True))
        same = (again.distance - way.norm(dim=1)).abs() < 1e-3
        assert float(same.float().mean()) > 0.5
        difference = (seen.colour - again.colour).abs().amax(dim=1)[same]
        assert float(difference.quantile(0.95)) < 0.02


def test_same_seed_same_room() -> None:
    cameras = corners_of_ring(np.random.default_rng(3))
    one, two = (Room.random(np.random.default_rng(7), enclosing=cameras).background(looking(cameras[0], (64, 36)))
                for _ in range(2))  # fmt: skip
    assert torch.equal(one.ambient, two.ambient)
    assert torch.equal(one.key, two.key)


def test_pictures_on_every_wall_are_upright_and_not_mirrored() -> None:
    # Red grows to the right, green upwards.
    shade = np.linspace(0, 255, 33).astype(np.uint8)
    stored = np.stack(np.broadcast_arrays(shade, shade[::-1, None], np.uint8(0)), axis=-1)
    painted = Picture.from_stored(np.ascontiguousarray(stored), (2.0, 2.0))
    panels = tuple(Panel(face, (-1.0, 0.5), (1.0, 2.5), painted, 0.0, (0.0, 0.0, 1.0)) for face in range(4))
    eye, up = np.array([0.0, 0.0, 1.5]), np.array([0.0, 0.0, 1.0])
    for forward in np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]):
        right = np.cross(forward, up)
        offsets = [0.15 * right, -0.15 * right, 0.15 * up, -0.15 * up]
        ahead = torch.from_numpy(np.array([forward + offset for offset in offsets], np.float32))
        look = plain_room(panels).look(torch.from_numpy(eye[None].astype(np.float32)), ahead)
        rightmost, leftmost, high, low = look.colour
        assert float(rightmost[0]) > 1.5 * float(leftmost[0])
        assert float(high[1]) > 1.5 * float(low[1])


def test_a_front_is_on_the_side_that_it_should_be() -> None:
    red = Mottled((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), "cloudy", 1.0, 0.0)
    block = Block((-0.5, 3.0, 0.0), (0.5, 4.0, 2.0), GREY, red, front_face=2)
    eye = torch.tensor([[0.0, 0.0, 1.0], [2.5, 3.5, 1.0]])
    look = plain_room(blocks=(block,)).look(eye, torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]))
    torch.testing.assert_close(look.distance, torch.tensor([3.0, 2.0]))
    assert float(look.colour[0, 1]) == 0.0
    assert float(look.colour[1, 1]) > 0.05


def test_furniture_casts_shadows_away_from_the_lamp() -> None:
    block = Block((-0.5, -0.5, 0.0), (0.5, 0.5, 1.0), GREY, GREY, front_face=2)
    room, down = plain_room(blocks=(block,)), torch.tensor([[0.0, 0.0, -1.0]])
    for x, expected in ((-1.0, 0.0), (1.0, 0.2), (-1.5, 0.2)):  # its shadow is 0.75 m long
        key = room.look(torch.tensor([[x, 0.0, 2.0]]), down).key[0, 0]
        assert float(key) == pytest.approx(expected, abs=1e-4)


def test_light_on_an_open_floor_is_that_of_the_lamp_and_of_the_room() -> None:
    look = plain_room().look(torch.tensor([[0.0, 0.0, 2.0]]), torch.tensor([[0.0, 0.0, -1.0]]))
    torch.testing.assert_close(look.key, torch.full((1, 3), 0.5 * 0.8 * 0.5))
    assert 0.25 < float(look.ambient[0, 0]) <= 0.5 * 0.6


def test_points_of_a_background_project_to_their_pixels() -> None:
    cameras = corners_of_ring(np.random.default_rng(2))
    room = Room.random(np.random.default_rng(2), enclosing=cameras)
    camera = looking(cameras[1], (80, 60))
    background = room.background(camera, samples=1)
    pixels, seen = camera.project(background.points.double().numpy())
    assert seen.all()
    column, row = np.meshgrid(np.arange(80), np.arange(60))
    np.testing.assert_allclose(pixels, np.stack([column, row], axis=-1), atol=2e-3)


def test_a_finer_background_is_the_mean_of_its_rays() -> None:
    cameras = corners_of_ring(np.random.default_rng(2))
    room = Room.random(np.random.default_rng(2), enclosing=cameras)
    camera = looking(cameras[1], (40, 30))
    fine = room.background(camera.resized((80, 60)), samples=1).ambient
    mean = fine.view(30, 2, 40, 2, 3).mean(dim=(1, 3))
    torch.testing.assert_close(room.background(camera, samples=2).ambient, mean, atol=1e-4, rtol=0.0)


def test_rays_in_a_narrow_bundle_meet_what_they_meet_among_others(rooms: list[tuple[Room, np.ndarray]]) -> None:
    for room, cameras in rooms:
        start = torch.from_numpy(cameras[:1].astype(np.float32))
        everywhere = directions(1500)
        aim = everywhere[0] if len(room.blocks) == 0 else _towards(room.blocks[-1], cameras[0])
        bundle = aim + 0.15 * everywhere
        bundle = bundle / bundle.norm(dim=1, keepdim=True)
        alone, among = room.look(start, bundle), room.look(start, torch.cat([bundle, everywhere]))
        torch.testing.assert_close(alone.distance, among.distance[:1500])
        torch.testing.assert_close(alone.key, among.key[:1500], atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(alone.ambient, among.ambient[:1500], atol=2e-3, rtol=0.0)


def _towards(block: Block, eye: np.ndarray) -> torch.Tensor:
    """Return the direction from a camera to the nearest corner of a block."""
    return torch.from_numpy((np.array(block.low) - eye) / np.linalg.norm(np.array(block.low) - eye)).float()


def test_a_camera_far_from_the_middle_of_the_floor_sees_no_gap() -> None:
    room = plain_room()
    lens = Pinhole((200.0, 200.0), (99.5, 74.5))
    camera = Camera(lens, Rigid.from_centre(np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]]), np.array([2.9, 3.9, 2.9])),
                    (200, 150))  # fmt: skip
    assert bool(torch.isfinite(room.background(camera).points).all())
