"""What made-up people do with their arms."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.studio.motion.acting import SIGNS, Arm
from epipose.studio.motion.signals import drift, enough_keys, keyed

# Of each gesture: where the upper arm points (outwards, forwards, upwards), the elbow's bend and the arm's twist.
_GESTURES = {
    "hang": (0.12, 0.05, -1.0, 0.25, 0.0),
    "explain": (0.25, 0.25, -1.0, 1.45, -0.3),
    "fold": (0.2, 0.3, -1.0, 1.7, 0.7),
    "hip": (0.6, -0.35, -1.0, 1.5, 0.9),
    "point": (0.2, 1.0, -0.1, 0.2, 0.0),
    "offer": (0.3, 0.8, -0.6, 0.8, -0.3),
    "aside": (1.0, 0.15, -0.05, 0.3, 0.0),
    "raise": (0.45, 0.35, 1.0, 0.35, 0.0),
    "wave": (0.9, 0.25, 0.1, 1.5, -0.9),
    "head": (0.7, 0.6, 0.35, 2.2, 0.0),
}
HANG = np.array(_GESTURES["hang"])


def arm_of(side: str, channels: Float[ndarray, "frames 5"]) -> Arm:
    """Return the arm of the five channels of a gesture over time."""
    outwards, forwards, upwards, bend, twist = channels.T
    return Arm(np.stack([SIGNS[side] * outwards, -forwards, upwards], axis=-1), bend, twist)


def hanging(times: Float[ndarray, "frames"], rng: np.random.Generator) -> dict[str, Arm]:
    """Return arms that hang at the sides, never quite still."""
    return {side: arm_of(side, HANG + _wander(times, rng)) for side in SIGNS}


def swinging(
    times: Float[ndarray, "frames"], rng: np.random.Generator, swing: Float[ndarray, "frames"]
) -> dict[str, Arm]:
    """Return arms that swing: the left one forwards by `swing` (radians), the right one backwards."""
    arms = {}
    for side, sign in SIGNS.items():
        forwards = sign * swing
        beat = np.stack(
            [0 * swing, np.tan(0.05 + forwards), 0 * swing, 0.15 + 0.5 * np.maximum(forwards, 0), 0 * swing]
        )
        arms[side] = arm_of(side, HANG * [1, 0, 1, 1, 1] + beat.T + 0.5 * _wander(times, rng))
    return arms


def gesturing(times: Float[ndarray, "frames"], rng: np.random.Generator) -> dict[str, Arm]:
    """Return arms that talk: from one gesture to the next, each arm in its own time."""
    arms = {}
    for side in SIGNS:
        gap = rng.uniform(0.9, 1.5)
        names = rng.choice(list(_GESTURES), enough_keys(float(times[-1]), gap))
        keys = np.array([_GESTURES[name] for name in names])
        arms[side] = arm_of(side, keyed(times, keys, gap, rng.uniform(0.2, 0.5)) + _wander(times, rng))
    return arms


def _wander(times: Float[ndarray, "frames"], rng: np.random.Generator) -> Float[ndarray, "frames 5"]:
    return drift(times, rng, size=np.array([0.03, 0.06, 0.0, 0.08, 0.06]), period=3.0)
