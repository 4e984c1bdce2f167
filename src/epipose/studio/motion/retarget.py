"""Bringing a recorded clip onto a body of other proportions, by inverse kinematics.

Joints say nothing about how a bone twists: knees and elbows bend about the axis that the clip bends them about, feet
are level where they stand, hands follow their forearms.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d

from epipose.geometry.rotations import rotation_onto, rotvec_from_rotation
from epipose.studio.bodies import JOINTS, NECK, SPINE, Body
from epipose.studio.motion import Motion
from epipose.studio.motion.clip import NEEDED, Clip
from epipose.studio.motion.feet import foot_turn
from epipose.studio.motion.floor import settled
from epipose.studio.motion.limbs import Limb, across, frame
from epipose.studio.motion.puppet import SIDES, Puppet, limited
from epipose.studio.motion.scaling import rest_joints, scaled_clip

_SMOOTH = 0.06
_NECK_LIMIT, _SPINE_LIMIT, _COLLAR_LIMIT = 0.8, 1.9, 0.45
_CURL = 0.25
_USUAL = 0.15
"""How many radians a knee or elbow is bent where its bend says as much about its axis as its usual axis does."""
_EASE = 1e-4
"""What a radian of the spine weighs, squared, against a metre between shoulders and where they should be."""


def retarget(body: Body, clip: Clip) -> Motion:
    """Return how `body` moves as `clip` does, its feet on the floor, at the clip's times."""
    rate = 1 / float(np.median(np.diff(clip.times))) if len(clip.times) > 1 else 30.0
    goal, rest = scaled_clip(body, clip), rest_joints(body)
    puppet = _placed(body, goal, rest)
    _set_trunk(puppet, goal, rest)
    _set_head(puppet, goal)
    for side in SIDES:
        _set_leg(puppet, side, goal, rest, rate)
        _set_arm(puppet, side, goal, rate)
        puppet.curl_fingers(side, _CURL)
    shift = settled(body, puppet.rotations, puppet.shift, rate)
    return Motion(puppet.rotations, shift, clip.times, clip.name)


def miss(body: Body, clip: Clip, motion: Motion) -> float:
    """Return how far (metres, in the mean) `motion` is from the clip scaled to `body`, after one shift for all of it.

    Over the joints that every clip has.
    """
    columns = [JOINTS.index(joint) for joint in NEEDED]
    wanted = scaled_clip(body, clip)
    off = body.joints(body.motions(motion.rotations, motion.shift))[:, columns]
    off = off - np.stack([wanted.joint(joint) for joint in NEEDED], axis=1)
    return float(np.linalg.norm(off - np.median(off, axis=(0, 1)), axis=-1).mean())


def _placed(body: Body, goal: Clip, rest: dict[str, ndarray]) -> Puppet:
    """Return the body with its hips where the clip's are, its pelvis as upright as the lower half of the trunk."""
    left, right = goal.joint("left_hip"), goal.joint("right_hip")
    middle = (left + right) / 2
    above = goal.joint("spine") if "spine" in goal.joint_names else _shoulders(goal)
    axes = frame(left - right, above - middle)
    # The frame begins with the left side and the way up, which are X and Z of a body at rest.
    root = np.stack([axes[..., 0], -axes[..., 2], axes[..., 1]], axis=-1)
    return Puppet(body, root, middle - root @ (rest["pelvis"] - body.heads[0]) - body.heads[0])


def _shoulders(goal: Clip) -> Float[ndarray, "frames 3"]:
    return np.asarray((goal.joint("left_shoulder") + goal.joint("right_shoulder")) / 2)


def _set_trunk(puppet: Puppet, goal: Clip, rest: dict[str, ndarray]) -> None:
    """Bend the spine until the shoulders are as near as they come, then let the collar bones take what is left."""
    body = puppet.body
    bend = np.zeros((len(goal.times), 3))
    for _ in range(3):
        bend = limited(bend + _spine_step(puppet, bend, goal, rest), _SPINE_LIMIT)
    puppet.set_chain(SPINE, bend)
    for side, name in SIDES.items():
        collar = body.bones.index(f"clavicle.{side}")
        aim = _inside(puppet, body.parents[collar], goal.joint(f"{name}_shoulder") - puppet.head(collar))
        turn = rotation_onto(np.broadcast_to(rest[f"{name}_shoulder"] - body.heads[collar], aim.shape), aim)
        puppet.set_collar(side, limited(rotvec_from_rotation(turn), _COLLAR_LIMIT))


def _spine_step(
    puppet: Puppet, bend: Float[ndarray, "frames 3"], goal: Clip, rest: dict[str, ndarray]
) -> Float[ndarray, "frames 3"]:
    """Return the Gauss-Newton step of the spine's turn that brings the shoulders nearer to the clip's."""
    shoulders = [f"{name}_shoulder" for name in SIDES.values()]

    def misses(rotvec: Float[ndarray, "frames 3"]) -> Float[ndarray, "frames 6"]:
        puppet.set_chain(SPINE, rotvec)
        chest = puppet.bone(puppet.body.bones.index(SPINE[-1]))
        return np.concatenate([chest[..., :3] @ rest[s] + chest[..., 3] - goal.joint(s) for s in shoulders], axis=-1)

    step = 1e-4
    here = misses(bend)
    slopes = np.stack([(misses(bend + step * axis) - here) / step for axis in np.eye(3)], axis=-1)
    squares = np.swapaxes(slopes, -1, -2) @ slopes + _EASE * np.eye(3)
    pull = np.einsum("fij,fi->fj", slopes, here) + _EASE * bend
    return np.asarray(-np.linalg.solve(squares, pull[..., None])[..., 0])


def _set_head(puppet: Puppet, goal: Clip) -> None:
    """Turn the head as far as the clip's leaves its usual place above the shoulders.

    What skeletons call neck and head differs too much for more.
    """
    if "head" not in goal.joint_names:
        return
    aim = _inside(puppet, puppet.body.bones.index(SPINE[-1]), goal.joint("head") - _shoulders(goal))
    aim = aim / np.linalg.norm(aim, axis=-1, keepdims=True).clip(1e-9)
    turn = rotvec_from_rotation(rotation_onto(np.broadcast_to(np.median(aim, axis=0), aim.shape), aim))
    puppet.set_chain(NECK, limited(turn, _NECK_LIMIT))


def _inside(puppet: Puppet, bone: int, vector: Float[ndarray, "frames 3"]) -> Float[ndarray, "frames 3"]:
    """Return a direction in the world in the axes of a bone."""
    return np.asarray(np.einsum("fji,fj->fi", puppet.bone(bone)[..., :3], vector))


def _set_leg(puppet: Puppet, side: str, goal: Clip, rest: dict[str, ndarray], rate: float) -> None:
    name, leg = SIDES[side], puppet.legs[side]
    hip, knee, ankle = (goal.joint(f"{name}_{part}") for part in ("hip", "knee", "ankle"))
    normal = _hinge_axis(puppet, leg, knee - hip, ankle - knee, rate)
    beside = puppet.body.heads[leg.end_bone] - rest[f"{name}_ankle"]
    # The foot turns about a point beside the joint, which moves as the foot turns: once more when it has turned.
    for _ in range(2):
        foot = puppet.bone(leg.end_bone)[..., :3]
        puppet.reach_to(leg, ankle + foot @ beside, normal)
        puppet.set_foot(side, foot_turn(goal, name, puppet.bone(puppet.body.parents[leg.end_bone])[..., :3], rate))


def _set_arm(puppet: Puppet, side: str, goal: Clip, rate: float) -> None:
    name, arm = SIDES[side], puppet.arms[side]
    shoulder, elbow, wrist = (goal.joint(f"{name}_{part}") for part in ("shoulder", "elbow", "wrist"))
    puppet.reach_to(arm, wrist, _hinge_axis(puppet, arm, elbow - shoulder, wrist - elbow, rate))


def _hinge_axis(
    puppet: Puppet, limb: Limb, upper: Float[ndarray, "frames 3"], lower: Float[ndarray, "frames 3"], rate: float
) -> Float[ndarray, "frames 3"]:
    """Return about which axis the clip bends a knee or an elbow.

    As far as it is too straight to tell, the axis is where it goes when the upper bone turns the shortest way from
    rest. What bends a knee or an elbow against that is noise.
    """
    above = puppet.bone(puppet.body.parents[limb.upper_bone])[..., :3]
    usual = np.einsum("fij,fj->fi", rotation_onto(above @ limb.upper, upper), above @ limb.hinge)
    lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
    seen = np.cross(upper, lower) / lengths.clip(1e-9)[:, None]
    if limb in puppet.legs.values():
        seen = seen - np.minimum(np.sum(seen * usual, axis=-1, keepdims=True), 0) * usual
    axis = gaussian_filter1d(seen + _USUAL * usual, max(_SMOOTH * rate, 1e-3), axis=0, mode="nearest")
    return across(axis, upper / np.linalg.norm(upper, axis=-1, keepdims=True).clip(1e-9))
