"""Dance-like motion: from one random pose within the limits of the joints to the next, holding each a little."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.rotations import rotation_from_rotvec
from epipose.studio.bodies import Body
from epipose.studio.motion import Motion
from epipose.studio.motion.floor import grounded
from epipose.studio.motion.signals import ease, enough_keys
from epipose.studio.poses import random_pose

_UPRIGHT = 0.7


def dance(body: Body, times: Float[ndarray, "frames"], rng: np.random.Generator) -> Motion:
    """Return a dance at `times`: random poses, turning about while the lowest point stays on the floor."""
    gap, hold = rng.uniform(0.8, 1.3), rng.uniform(0.1, 0.3)
    poses = [_upright_pose(body, rng) for _ in range(enough_keys(float(times[-1]), gap))]
    heading = np.cumsum(rng.normal(0, 0.7, len(poses))) - 0.7
    for turns, angle in zip(poses, heading, strict=True):
        turns[0] = _about_z(angle) @ turns[0]
    keys = Motion(np.stack(poses), np.zeros((len(poses), 3)), np.arange(len(poses)) * gap, "dance")
    beat = np.floor(times / gap)
    moving = keys.at(gap * (beat + ease((times / gap - beat - hold) / (1 - hold))))
    return Motion(moving.rotations, grounded(body, moving.rotations, moving.shift), times, "dance")


def _upright_pose(body: Body, rng: np.random.Generator) -> Float[ndarray, "bones 3 3"]:
    """Draw a pose that stands, sits or crouches, facing -Y."""
    while True:
        turns, _ = random_pose(body, rng)
        if turns[0, 2, 2] > _UPRIGHT:
            ahead = -turns[0, :, 1]
            turns[0] = _about_z(-float(np.arctan2(ahead[0], -ahead[1]))) @ turns[0]
            return turns


def _about_z(angle: float) -> Float[ndarray, "3 3"]:
    return rotation_from_rotvec(np.array([0.0, 0.0, angle]))
