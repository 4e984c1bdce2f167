import numpy as np

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.bodies import Body
from epipose.studio.motion.floor import grounded, lowest, settled


def random_turns(body: Body, frames: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    turns = rotation_from_rotvec(rng.normal(0, 0.2, (frames, len(body.bones), 3)))
    turns[:, 0] = rotation_from_rotvec(rng.normal(0, 1.0, (frames, 3)))
    return turns


def test_finds_the_lowest_of_all_vertices(body: Body) -> None:
    motions = body.motions(random_turns(body, 12), np.zeros((12, 3)))
    expected = [body.skinned(frame)[:, 2].min() for frame in motions]
    np.testing.assert_allclose(lowest(body, motions), expected, atol=2e-3)


def test_grounded_bodies_touch_the_floor(body: Body) -> None:
    turns = random_turns(body, 5)
    shift = grounded(body, turns, np.ones((5, 3)))
    np.testing.assert_allclose(lowest(body, body.motions(turns, shift)), 0.0, atol=1e-9)
    np.testing.assert_array_equal(shift[:, :2], 1.0)


def test_standing_comes_to_the_floor_and_jumps_stay_jumps(body: Body) -> None:
    turns = np.tile(np.eye(3), (120, len(body.bones), 1, 1))
    time = np.arange(120) / 30
    height = np.where(np.abs(time - 2) < 0.25, 4.9 * (0.25**2 - (time - 2) ** 2), 0.0) + 0.3
    height[:20] = -0.2
    shift = np.stack([time, 0 * time, height], axis=1)
    low = lowest(body, body.motions(turns, settled(body, turns, shift, 30.0)))
    assert low.min() > -1e-9
    assert np.abs(low[np.abs(time - 2) > 0.4]).max() < 0.2
    assert np.median(low[np.abs(time - 2) > 0.4]) < 1e-3
    assert 0.25 < low.max() < 0.32
