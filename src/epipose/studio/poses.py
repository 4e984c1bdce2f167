"""Random poses within the limits of joints: standing, walking, reaching, sitting, crouching, bending, some lying.

Angles are radians about the axes of the body at rest, which faces -Y: turning about +X bends the trunk forwards and
knees backwards, about +Z turns to the left.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec, rotation_onto, skew
from epipose.studio.bodies import NECK, SPINE, Body

STANCES = {"stand": 0.3, "walk": 0.27, "lunge": 0.1, "kick": 0.08, "crouch": 0.1, "sit": 0.12, "lie": 0.03}
"""How the legs stand, and how often."""
SKIN_STRIDE = 23
"""Every so many vertices are enough to find the lowest one to a centimetre."""


@dataclass(frozen=True)
class _Leg:
    """Angles of one leg: forwards, aside, turned out, and the knee's bend."""

    flexion: float
    abduction: float
    turnout: float
    knee: float


def random_pose(body: Body, rng: np.random.Generator) -> tuple[Float[ndarray, "bones 3 3"], Float[ndarray, "3"]]:
    """Return rotations and shift (see `Body.motions`) of a pose that stands on the floor over the origin, facing
    anywhere."""
    turns = np.tile(np.eye(3), (len(body.bones), 1, 1))
    stance = rng.choice(list(STANCES), p=list(STANCES.values()))
    _set_trunk(turns, body, rng, stance)
    _set_legs(turns, body, rng, stance)
    for side in ("L", "R"):
        _set_arm(turns, body, rng, side)
    heading = _about(2, rng.uniform(0, 2 * np.pi))
    lean = _about(0, rng.normal(0, 0.06)) @ _about(1, rng.normal(0, 0.05))
    if stance == "lie":
        lean = _about(0, rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.15)) @ _about(2, rng.uniform(-1, 1))
    turns[0] = heading @ lean
    return turns, _onto_floor(body, turns)


def _onto_floor(body: Body, turns: Float[ndarray, "bones 3 3"]) -> Float[ndarray, "3"]:
    """Return the shift that puts the lowest vertex on the floor and the root over the origin."""
    motions = body.motions(turns, np.zeros(3))
    some = np.s_[::SKIN_STRIDE]
    rows = np.einsum("vk,vkj->vj", body.skin_weights[some], motions[body.skin_bones[some], 2])
    lowest = (rows[:, :3] * body.vertices[some]).sum(axis=1) + rows[:, 3]
    root = motions[0] @ np.append(body.heads[0], 1.0)
    return np.array([-root[0], -root[1], -lowest.min()])


def _set_trunk(turns: ndarray, body: Body, rng: np.random.Generator, stance: str) -> None:
    """Bend spine and neck, each over all its bones."""
    forward = rng.normal(0.12, 0.25) if rng.random() < 0.75 else rng.uniform(0.2, 1.5)
    if stance == "crouch":
        forward = rng.uniform(0.2, 1.0)
    bend = np.array([np.clip(forward, -0.45, 1.5), rng.normal(0, 0.15), rng.normal(0, 0.25)])
    turns[[body.bones.index(bone) for bone in SPINE]] = rotation_from_rotvec(bend / len(SPINE))
    # People look ahead rather than at the floor when they bend.
    look = np.array([rng.normal(0.05, 0.25) - 0.4 * bend[0], rng.normal(0, 0.15), rng.normal(0, 0.45)])
    look = np.clip(look, [-0.9, -0.5, -1.2], [0.8, 0.5, 1.2])
    turns[[body.bones.index(bone) for bone in NECK]] = rotation_from_rotvec(look / len(NECK))


def _set_legs(turns: ndarray, body: Body, rng: np.random.Generator, stance: str) -> None:
    """Set hips, knees and ankles; soles stay as level as the ankles allow."""
    for side, sign, leg in zip("LR", (1, -1), _legs(rng, stance), strict=True):
        hip = _about(0, -leg.flexion) @ _about(1, -sign * leg.abduction) @ _about(2, sign * leg.turnout)
        turns[body.bones.index(f"upperleg01.{side}")] = hip @ _upright_leg(body, side)
        turns[body.bones.index(f"lowerleg01.{side}")] = _about(0, leg.knee)
        level = np.clip(leg.flexion - leg.knee, -0.7, 0.4) + rng.normal(0, 0.1)
        turns[body.bones.index(f"foot.{side}")] = _about(0, level)


def _legs(rng: np.random.Generator, stance: str) -> tuple[_Leg, _Leg]:
    """Draw the left and the right leg."""
    legs = [_leg(rng, stance), _leg(rng, stance)]
    if stance == "walk":
        stride = rng.uniform(0.15, 0.55)
        legs = [_Leg(stride, 0.05, 0.1, rng.uniform(0, 0.3)), _Leg(-stride, 0.05, 0.1, rng.uniform(0.1, 0.9))]
    if stance == "lunge":
        stride = rng.uniform(0.15, 1.0)
        legs = [_Leg(stride + 0.5, 0.1, 0.1, stride + 0.4), _Leg(-stride / 2, 0.1, 0.1, rng.uniform(0.2, 1.4))]
    if stance == "kick":
        legs[0] = _Leg(rng.uniform(-0.6, 1.6), rng.uniform(0, 0.7), rng.normal(0.1, 0.2), rng.uniform(0, 1.9))
    return (legs[0], legs[1]) if rng.random() < 0.5 else (legs[1], legs[0])


def _leg(rng: np.random.Generator, stance: str) -> _Leg:
    """Draw a leg of a stance that has two alike."""
    apart, out = abs(rng.normal(0.03, 0.12)), rng.normal(0.12, 0.15)
    if stance == "sit":
        return _Leg(rng.normal(1.45, 0.15), apart * 2, out, float(np.clip(rng.normal(1.45, 0.3), 0.2, 2.2)))
    if stance == "crouch":
        deep = rng.uniform(0.5, 2.0)
        knee = float(np.clip(1.25 * deep + rng.normal(0, 0.1), 0, 2.4))
        return _Leg(deep + rng.normal(0, 0.1), 2 * apart, out * 2, knee)
    if stance == "lie":
        return _Leg(rng.uniform(-0.1, 1.2), apart, out, rng.uniform(0, 1.5))
    bend = abs(rng.normal(0, 0.12))
    return _Leg(bend + rng.normal(0, 0.05), apart, out, 2 * bend)


def _upright_leg(body: Body, side: str) -> Float[ndarray, "3 3"]:
    """Return what brings a leg from its straddle at rest to straight below its hip."""
    hip, ankle = (body.heads[body.bones.index(f"{bone}.{side}")] for bone in ("upperleg01", "foot"))
    axis = (ankle - hip) / np.linalg.norm(ankle - hip)
    return rotation_onto(axis, np.array([0.15 * axis[0], axis[1], -np.sqrt(1 - (0.15 * axis[0]) ** 2 - axis[1] ** 2)]))


def _set_arm(turns: ndarray, body: Body, rng: np.random.Generator, side: str) -> None:
    """Set shoulder, elbow and wrist: hanging, bent before the body, or reaching anywhere an arm can."""
    sign = 1 if side == "L" else -1
    chain = ("upperarm01", "lowerarm01", "wrist")
    shoulder, elbow, wrist = (body.heads[body.bones.index(f"{bone}.{side}")] for bone in chain)
    upper, fore = (elbow - shoulder) / np.linalg.norm(elbow - shoulder), (wrist - elbow) / np.linalg.norm(wrist - elbow)
    aim, bend = _aim_of_arm(rng, sign)
    # A raised arm takes the shoulder blade with it.
    lift = np.clip(aim[2] + 0.2, 0.0, 1.2) * 0.35
    twist = rotation_from_rotvec(upper * rng.uniform(-1.1, 0.7) * sign)
    hinge = skew(upper) @ fore
    turns[body.bones.index(f"shoulder01.{side}")] = _about(1, -sign * lift)
    turns[body.bones.index(f"upperarm01.{side}")] = _about(1, sign * lift) @ rotation_onto(upper, aim) @ twist
    below = [hinge / np.linalg.norm(hinge) * bend, fore * rng.uniform(-0.8, 0.8), rng.normal(0, 0.2, 3)]
    bones = [body.bones.index(f"{bone}.{side}") for bone in ("lowerarm01", "lowerarm02", "wrist")]
    turns[bones] = rotation_from_rotvec(np.stack(below))


def _aim_of_arm(rng: np.random.Generator, sign: int) -> tuple[Float[ndarray, "3"], float]:
    """Draw where the upper arm points to (unit) and how far the elbow bends more than at rest."""
    if rng.random() < 0.5:
        aim = np.array([sign * abs(rng.normal(0.12, 0.12)), rng.normal(0, 0.25), -1.0])
        bend = rng.uniform(-0.3, 0.5) if rng.random() < 0.6 else rng.uniform(0.5, 2.0)
    else:
        aim = rng.normal(size=3) + np.array([sign * 0.7, -0.6, 0.1])
        aim[0] = sign * max(sign * aim[0], -0.35)
        aim[1] = min(aim[1], 0.7)
        bend = rng.uniform(-0.4, 2.0)
    return aim / np.linalg.norm(aim), bend


def _about(axis: int, angle: float) -> Float[ndarray, "3 3"]:
    """Return the rotation by `angle` about the X, Y or Z axis."""
    turn = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn[[first, second], [first, second]] = np.cos(angle)
    turn[second, first] = np.sin(angle)
    turn[first, second] = -np.sin(angle)
    return turn
