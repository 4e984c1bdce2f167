import numpy as np
import pytest

from epipose.geometry.rotations import rotvec_from_rotation
from epipose.studio.bodies import JOINTS, Body, make_body
from epipose.studio.motion import Motion
from epipose.studio.motion.floor import lowest
from epipose.studio.motion.limbs import LEG, limb
from epipose.studio.motion.procedural import PROCEDURAL, procedural
from epipose.studio.people import anny_age


def made(body: Body, kind: str, seed: int = 0, seconds: float = 4.0) -> Motion:
    return procedural(body, kind, seconds=seconds, frame_rate=25.0, rng=np.random.default_rng(seed))


def joints_of(body: Body, motion: Motion) -> dict[str, np.ndarray]:
    joints = body.joints(body.motions(motion.rotations, motion.shift))
    return dict(zip(JOINTS, np.moveaxis(joints, 1, 0), strict=True))


@pytest.mark.parametrize("kind", PROCEDURAL)
def test_moves_as_people_can(body: Body, kind: str) -> None:
    for seed in range(3):
        motion = made(body, kind, seed)
        joints = joints_of(body, motion)
        assert len(motion.times) == 100
        low = lowest(body, body.motions(motion.rotations, motion.shift))
        assert low.min() > -0.01
        assert low.max() < 0.01
        # Upright: hips over the feet's height, the head over the hips, unless a dance bends far over.
        assert np.all(joints["pelvis"][:, 2] > 0.15)
        if kind != "dance":
            assert np.all(joints["head_top"][:, 2] > joints["pelvis"][:, 2] + 0.3)
        speed = np.diff(np.stack(list(joints.values())), axis=1) * 25.0
        assert np.linalg.norm(speed, axis=-1).max() < 7.0
        assert np.linalg.norm(speed, axis=-1).mean() > 0.02
        assert np.abs(np.diff(speed, axis=1) * 25.0).max() < 80.0
        for side in ("L", "R"):
            leg = limb(body, LEG, side)
            shin = motion.rotations[:, leg.lower_bone] @ leg.lower
            bend = np.arctan2(np.cross(leg.upper, shin) @ leg.hinge, shin @ leg.upper)
            assert bend.min() > -0.05
            assert bend.max() < 2.7
            ankle = rotvec_from_rotation(motion.rotations[:, leg.end_bone])
            assert np.linalg.norm(ankle, axis=1).max() < 1.0


@pytest.mark.parametrize("kind", PROCEDURAL)
def test_the_seed_decides(body: Body, kind: str) -> None:
    one, same, other = (made(body, kind, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.rotations, same.rotations)
    np.testing.assert_array_equal(one.shift, same.shift)
    assert np.abs(one.rotations - other.rotations).max() > 0.05


@pytest.mark.parametrize("seconds", [3.0, 5.0, 12.0])
def test_turns_all_the_way_around(body: Body, seconds: float) -> None:
    joints = joints_of(body, made(body, "turn", seconds=seconds))
    across = joints["left_hip"] - joints["right_hip"]
    heading = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))
    assert abs(heading[-1] - heading[0]) >= 2 * np.pi * 0.99


@pytest.mark.parametrize("kind", ["walk", "walk_in_place", "turn", "pace", "reach", "sit"])
def test_standing_feet_stay_where_they_are(body: Body, kind: str) -> None:
    motion = made(body, kind, 3)
    motions = body.motions(motion.rotations, motion.shift)
    for side in ("L", "R"):
        foot = body.bones.index(f"foot.{side}")
        flat = motions[:, foot, 2, 2] > 0.999995
        place = np.einsum("fij,j->fi", motions[:, foot, :, :3], body.heads[foot]) + motions[:, foot, :, 3]
        speed = np.linalg.norm(np.diff(place, axis=0), axis=1) * 25.0
        both = flat[1:] & flat[:-1] & (np.abs(place[1:, 2] - body.heads[foot][2]) < 0.005)
        assert both.sum() > 8
        # Only as a foot comes to stand or rolls off does it still move.
        assert np.median(speed[both]) < 0.005


def test_walks_around_within_reach_of_the_cameras(body: Body) -> None:
    pelvis = joints_of(body, made(body, "walk", seconds=10.0))["pelvis"]
    assert np.linalg.norm(np.diff(pelvis, axis=0), axis=1).sum() > 5.0
    assert np.linalg.norm(pelvis[:, :2], axis=1).max() < 1.6


def test_walks_forwards(body: Body) -> None:
    for seed in range(8):
        joints = joints_of(body, made(body, "walk", seed))
        ahead = np.gradient(joints["pelvis"], axis=0)
        looking = joints["nose"] - (joints["left_ear"] + joints["right_ear"]) / 2
        assert np.mean(np.sum(ahead * looking, axis=1) > 0) > 0.95


def test_sits_down_to_the_height_of_a_chair(body: Body) -> None:
    joints = joints_of(body, made(body, "sit", seconds=8.0))
    assert 0.4 < joints["pelvis"][:, 2].min() < 0.6
    assert joints["pelvis"][:, 2].max() > 0.85


@pytest.mark.parametrize("kind", PROCEDURAL)
def test_children_do_the_same_in_their_size_and_one_frame_is_enough(kind: str) -> None:
    child = make_body({"age": anny_age(8.0)})
    motion = made(child, kind)
    low = lowest(child, child.motions(motion.rotations, motion.shift))
    assert np.abs(low).max() < 0.01
    one = procedural(child, kind, seconds=0.0, frame_rate=25.0, rng=np.random.default_rng(0))
    assert one.rotations.shape == (1, len(child.bones), 3, 3)
    assert np.all(np.isfinite(one.rotations))
    assert np.all(np.isfinite(one.shift))
