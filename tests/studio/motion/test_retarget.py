from pathlib import Path

import numpy as np
import pytest

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.bodies import JOINTS, Body
from epipose.studio.motion import Motion
from epipose.studio.motion.clip import NEEDED, Clip
from epipose.studio.motion.clips import read_clips
from epipose.studio.motion.floor import lowest
from epipose.studio.motion.limbs import ARM, LEG, limb
from epipose.studio.motion.procedural import procedural
from epipose.studio.motion.retarget import retarget
from epipose.studio.motion.scaling import scaled_clip

CLIPS = ("amp_dance", "amp_hop", "cmu_131_02_walk_mj", "cmueval_test_soccer_1", "cmueval_train_running_2")


@pytest.fixture(scope="module")
def clips(shared: Path) -> dict[str, Clip]:
    return {clip.name: clip for clip in read_clips(shared / "mocap")}


def joints_of(body: Body, motion: Motion) -> np.ndarray:
    joints = body.joints(body.motions(motion.rotations, motion.shift))
    return joints[:, [JOINTS.index(name) for name in NEEDED]]


def knee_and_elbow_bends(body: Body, motion: Motion) -> list[np.ndarray]:
    """Return how far each hinge is bent about its own axis, in radians; the turn has no other part."""
    bends = []
    for bones in (ARM, LEG):
        for side in ("L", "R"):
            one = limb(body, bones, side)
            turned = motion.rotations[:, one.lower_bone] @ one.lower
            np.testing.assert_allclose(
                motion.rotations[:, one.lower_bone] @ one.hinge, np.tile(one.hinge, (len(turned), 1)), atol=1e-9
            )
            bends.append(np.arctan2(np.cross(one.upper, turned) @ one.hinge, turned @ one.upper))
    return bends


@pytest.mark.parametrize("name", CLIPS)
def test_follows_recorded_clips_on_the_floor(body: Body, clips: dict[str, Clip], name: str) -> None:
    clip = clips[name]
    motion = retarget(body, clip)
    wanted = scaled_clip(body, clip)
    miss = joints_of(body, motion) - np.stack([wanted.joint(joint) for joint in NEEDED], axis=1)
    miss -= np.median(miss, axis=(0, 1))
    assert np.linalg.norm(miss, axis=-1).mean() < 0.025
    low = lowest(body, body.motions(motion.rotations, motion.shift))
    assert low.min() > -0.01
    assert np.median(low) < 0.01
    assert all(bend.min() > 0 and bend.max() < 2.7 for bend in knee_and_elbow_bends(body, motion))
    np.testing.assert_array_equal(motion.times, clip.times)
    assert motion.name == name


def test_a_turned_and_moved_clip_makes_a_turned_and_moved_motion(body: Body, clips: dict[str, Clip]) -> None:
    clip = clips["cmu_131_02_walk_mj"]
    turn = rotation_from_rotvec(np.array([0.0, 0.0, 2.1]))
    other = Clip(clip.name, clip.joint_names, clip.positions @ turn.T + [3.0, -1.0, 0.0], clip.times)
    straight, turned = (joints_of(body, retarget(body, each)) for each in (clip, other))
    gap = turned - straight @ turn.T
    np.testing.assert_allclose(gap, np.broadcast_to(gap[0, 0], gap.shape), atol=1e-6)


def test_the_size_of_the_recorded_person_does_not_matter(body: Body, clips: dict[str, Clip]) -> None:
    clip = clips["amp_dance"]
    smaller = Clip(clip.name, clip.joint_names, clip.positions[::9] * 0.5, clip.times[::9])
    usual = Clip(clip.name, clip.joint_names, clip.positions[::9], clip.times[::9])
    one, other = (joints_of(body, retarget(body, each)) for each in (smaller, usual))
    # Which foot stands is told by centimetres, so only nearly.
    assert np.abs(one - other).mean() < 0.01


def test_finds_a_motion_of_the_same_body_again(body: Body) -> None:
    motion = procedural(body, "walk", seconds=3.0, frame_rate=25.0, rng=np.random.default_rng(1))
    joints = joints_of(body, motion)
    again = retarget(body, Clip("walk", NEEDED, joints, motion.times))
    miss = joints_of(body, again) - joints
    assert np.linalg.norm(miss, axis=-1).mean() < 0.025


def test_left_stays_left(body: Body, clips: dict[str, Clip]) -> None:
    clip = clips["cmueval_test_soccer_1"]
    joints = dict(zip(NEEDED, np.moveaxis(joints_of(body, retarget(body, clip)), 1, 0), strict=True))
    for part in ("hip", "knee", "ankle", "shoulder", "wrist"):
        across = joints[f"left_{part}"] - joints[f"right_{part}"]
        theirs = clip.joint(f"left_{part}") - clip.joint(f"right_{part}")
        cosine = np.sum(across * theirs, axis=1) / np.linalg.norm(across, axis=1) / np.linalg.norm(theirs, axis=1)
        assert np.median(cosine) > 0.9


def test_one_frame_is_enough(body: Body, clips: dict[str, Clip]) -> None:
    clip = clips["amp_walk"]
    motion = retarget(body, Clip("one", clip.joint_names, clip.positions[:1], clip.times[:1]))
    assert motion.rotations.shape == (1, len(body.bones), 3, 3)
    assert np.all(np.isfinite(motion.rotations))


def test_a_knee_that_seems_to_bend_backwards_is_taken_for_noise(body: Body) -> None:
    still = np.broadcast_to(np.eye(3, 4), (1, len(body.bones), 3, 4))
    joints = body.joints(still)[:, [JOINTS.index(name) for name in NEEDED]]
    for side in ("left", "right"):
        joints[:, NEEDED.index(f"{side}_knee"), 1] += 0.12
    motion = retarget(body, Clip("backwards", NEEDED, joints, np.zeros(1)))
    motions = body.motions(motion.rotations, motion.shift)
    for side in ("L", "R"):
        thigh = motions[0, body.bones.index(f"upperleg01.{side}"), :, :3]
        assert (thigh @ limb(body, LEG, side).hinge)[0] > 0.9
