import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.bodies import Body
from epipose.studio.motion import Motion


def random_motion(bones: int, frames: int = 6, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    turns = rotation_from_rotvec(rng.normal(0, 0.7, (frames, bones, 3)))
    return Motion(turns, rng.normal(size=(frames, 3)), np.arange(frames) / 10, "test")


def test_between_frames_bones_turn_as_scipy_slerps() -> None:
    motion = random_motion(4)
    times = np.random.default_rng(1).uniform(0, motion.seconds, 50)
    between = motion.at(times)
    for bone in range(4):
        expected = Slerp(motion.times, Rotation.from_matrix(motion.rotations[:, bone]))(times).as_matrix()
        np.testing.assert_allclose(between.rotations[:, bone], expected, atol=1e-9)
    expected = np.stack([np.interp(times, motion.times, axis) for axis in motion.shift.T], axis=1)
    np.testing.assert_allclose(between.shift, expected, atol=1e-12)
    np.testing.assert_array_equal(between.times, times)


def test_at_its_own_times_a_motion_is_itself_and_beyond_them_it_is_still() -> None:
    motion = random_motion(3)
    np.testing.assert_allclose(motion.at(motion.times).rotations, motion.rotations, atol=1e-9)
    outside = motion.at(np.array([-1.0, 99.0]))
    np.testing.assert_allclose(outside.rotations, motion.rotations[[0, -1]], atol=1e-9)
    np.testing.assert_allclose(outside.shift, motion.shift[[0, -1]], atol=1e-12)


def test_one_frame_stays_for_all_times() -> None:
    motion = random_motion(3, frames=1)
    later = motion.at(np.array([0.0, 2.0]))
    np.testing.assert_allclose(later.rotations, motion.rotations[[0, 0]], atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.6, -2.5])
def test_turning_and_moving_carry_the_joints_along(body: Body, angle: float) -> None:
    motion = random_motion(len(body.bones))
    placed = motion.turned(angle).moved(np.array([1.5, -0.5]))
    before, after = (body.joints(body.motions(m.rotations, m.shift)) for m in (motion, placed))
    turn = rotation_from_rotvec(np.array([0.0, 0.0, angle]))
    axis = body.heads[0] * [1, 1, 0]
    np.testing.assert_allclose(after, (before - axis) @ turn.T + axis + [1.5, -0.5, 0.0], atol=1e-9)
