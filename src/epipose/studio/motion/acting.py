"""What a made-up motion says about a person at every time, and how a body does it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.bodies import NECK, SPINE, Body
from epipose.studio.motion import Motion
from epipose.studio.motion.floor import settled
from epipose.studio.motion.puppet import SIDES, Puppet

SIGNS = {"L": 1.0, "R": -1.0}
"""Of X, where the left and the right of somebody facing -Y are."""
USUAL_STATURE = 1.75
"""Metres of an act are those of somebody this tall; others do it as much larger or smaller as they are."""

_COLLAR_SHARE = 0.3
_SMOOTH = 0.06
_ALMOST = 0.997
"""Of a leg's length: how far a hip is from its ankle at most."""


@dataclass(frozen=True, eq=False)
class Foot:
    """Where one foot is."""

    place: Float[ndarray, "frames 2"]
    """Of the ankle over the floor while the foot is level, in metres."""
    heading: Float[ndarray, "frames"]
    lift: Float[ndarray, "frames"]
    """How high it is held, in metres."""
    pitch: Float[ndarray, "frames"]
    """Radians; positive rolls it onto its toes, negative onto its heel."""


@dataclass(frozen=True, eq=False)
class Arm:
    """How one arm is held, in the axes of the chest: somebody faces -Y, has the left at +X and up at +Z."""

    aim: Float[ndarray, "frames 3"]
    """Where the upper arm points."""
    bend: Float[ndarray, "frames"]
    """Of the elbow; 0 is straight."""
    twist: Float[ndarray, "frames"]
    """About the upper arm; positive turns the forearm inwards."""


@dataclass(frozen=True, eq=False)
class Act:
    """A person over time; rotation vectors (radians) in the axes of the part below, +X forwards, +Z to the left."""

    times: Float[ndarray, "frames"]
    place: Float[ndarray, "frames 2"]
    """Of the pelvis over the floor, in metres."""
    heading: Float[ndarray, "frames"]
    """Radians about the vertical; 0 faces -Y."""
    sink: Float[ndarray, "frames"]
    """How much lower the pelvis is than standing, in metres; it goes lower still where the feet are too far."""
    pelvis: Float[ndarray, "frames 3"]
    spine: Float[ndarray, "frames 3"]
    neck: Float[ndarray, "frames 3"]
    feet: dict[str, Foot]
    arms: dict[str, Arm]
    curl: float
    """Of each joint of the fingers."""


def perform(body: Body, act: Act, name: str) -> Motion:
    """Return how `body` does `act`, on the floor."""
    size = body.stature / USUAL_STATURE
    shift = np.concatenate([size * act.place, -size * act.sink[:, None]], axis=1)
    puppet = Puppet(body, _about_z(act.heading) @ rotation_from_rotvec(act.pelvis), shift)
    turns = {side: _foot_turn(foot) for side, foot in act.feet.items()}
    ankles = {side: _ankle(body, side, act.feet[side], turns[side], size) for side in SIDES}
    puppet.shift[:, 2] -= _too_high(puppet, ankles, act.times)
    puppet.set_chain(SPINE, act.spine)
    puppet.set_chain(NECK, act.neck)
    for side, arm in act.arms.items():
        direction = arm.aim / np.linalg.norm(arm.aim, axis=-1, keepdims=True)
        # A raised arm takes the collar bone along.
        raised = _COLLAR_SHARE * np.clip(direction[:, 2] + 0.2, 0.0, 1.2)
        puppet.set_collar(side, raised[:, None] * np.array([0.0, -SIGNS[side], 0.0]))
        puppet.point_arm(side, direction, arm.bend, SIGNS[side] * arm.twist)
        puppet.curl_fingers(side, act.curl)
    for side, foot in act.feet.items():
        leg = puppet.legs[side]
        knees = (_about_z(foot.heading) + puppet.rotations[:, 0]) @ leg.hinge
        puppet.reach_to(leg, ankles[side], knees)
        puppet.set_foot(side, turns[side])
        puppet.bend_toes(side, np.maximum(foot.pitch, 0.0) * np.clip(1 - foot.lift / 0.08, 0.0, 1.0))
    rate = 1 / float(np.median(np.diff(act.times))) if len(act.times) > 1 else 1.0
    return Motion(puppet.rotations, settled(body, puppet.rotations, puppet.shift, rate), act.times, name)


def _about_z(angle: Float[ndarray, "frames"]) -> Float[ndarray, "frames 3 3"]:
    return rotation_from_rotvec(angle[:, None] * np.array([0.0, 0.0, 1.0]))


def _foot_turn(foot: Foot) -> Float[ndarray, "frames 3 3"]:
    return np.asarray(_about_z(foot.heading) @ rotation_from_rotvec(foot.pitch[:, None] * np.array([1.0, 0.0, 0.0])))


def _ankle(
    body: Body, side: str, foot: Foot, turn: Float[ndarray, "frames 3 3"], size: float
) -> Float[ndarray, "frames 3"]:
    """Return where the ankle is of a foot that rolls over its ball or its heel on the floor."""
    ankle = body.heads[body.bones.index(f"foot.{side}")]
    sole = [body.bones.index(f"foot.{side}")]
    skin = body.vertices[np.isin(body.skin_bones[:, 0], sole) & (body.vertices[:, 2] < 0.25 * ankle[2])]
    toes = body.heads[body.bones.index(f"toe2-1.{side}")]
    ball = np.array([0.0, toes[1] - ankle[1], -ankle[2]])
    heel = np.array([0.0, skin[:, 1].max() - ankle[1], -ankle[2]])
    pivot = np.where(foot.pitch[:, None] > 0, ball, heel)
    level = np.concatenate([size * foot.place, (ankle[2] + size * foot.lift)[:, None]], axis=1)
    return np.asarray(level + np.einsum("fij,fj->fi", _about_z(foot.heading) - turn, pivot))


def _too_high(
    puppet: Puppet, ankles: dict[str, Float[ndarray, "frames 3"]], times: Float[ndarray, "frames"]
) -> Float[ndarray, "frames"]:
    """Return how much lower the pelvis must be for both feet to be in reach, smoothly over time."""
    excess = np.zeros(len(times))
    for side, leg in puppet.legs.items():
        hip = puppet.head(leg.upper_bone)
        away = np.linalg.norm((hip - ankles[side])[:, :2], axis=-1)
        rise = np.sqrt(np.maximum((_ALMOST * leg.length) ** 2 - away**2, 0.0))
        excess = np.maximum(excess, hip[:, 2] - ankles[side][:, 2] - rise)
    if len(times) < 2:
        return excess
    frames = _SMOOTH / float(np.median(np.diff(times)))
    return np.asarray(gaussian_filter1d(maximum_filter1d(excess, 2 * round(frames) + 1), frames, mode="nearest"))
