"""Acts on moving feet: walking on the spot and around, turning about oneself, pacing."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.studio.motion.acting import Act
from epipose.studio.motion.arms import gesturing, swinging
from epipose.studio.motion.signals import drift
from epipose.studio.motion.stepping import SWING, Gait, feet_of

_Times = Float[ndarray, "frames"]


def walk_in_place(times: _Times, rng: np.random.Generator) -> Act:
    """Walk on the spot, knees up."""
    gait = Gait(
        path=lambda when: np.zeros((*when.shape, 2)),
        heading=np.zeros_like,
        step=rng.uniform(0.45, 0.62),
        apart=rng.uniform(0.08, 0.11),
        lift=rng.uniform(0.1, 0.26),
        heel_off=rng.uniform(0.3, 0.5),
        toe_up=-0.25,
    )
    return _stepping(times, rng, gait, arm_swing=rng.uniform(0.2, 0.6))


def walk(times: _Times, rng: np.random.Generator) -> Act:
    """Walk around in a circle about the origin."""
    radius, speed, way = rng.uniform(0.7, 1.4), rng.uniform(0.7, 1.2), rng.choice([-1.0, 1.0])
    start = rng.uniform(0, 2 * np.pi)

    def angle(when: Float[ndarray, "times"]) -> Float[ndarray, "times"]:
        return np.asarray(start + way * speed / radius * when)

    gait = Gait(
        path=lambda when: radius * np.stack([np.cos(angle(when)), np.sin(angle(when))], axis=-1),
        # Somebody at angle 0 of the circle who walks towards +Y has turned by half a circle from facing -Y.
        heading=lambda when: angle(when) + (np.pi if way > 0 else 0.0),
        step=rng.uniform(0.5, 0.58),
        apart=rng.uniform(0.06, 0.09),
        lift=rng.uniform(0.05, 0.08),
        heel_off=0.35 + 0.3 * speed,
        toe_up=0.25 * speed,
    )
    return _stepping(times, rng, gait, arm_swing=0.35 * speed)


def turn(times: _Times, rng: np.random.Generator) -> Act:
    """Turn once around or more on the spot, in small steps, while talking with both hands."""
    length = float(times[-1]) or 1.0
    total = 2 * np.pi * max(1.05, rng.uniform(0.7, 1.2) * length / 6.0) * rng.choice([-1.0, 1.0])
    gait = Gait(
        path=lambda when: 0.06 * np.stack([np.sin(when), np.cos(1.3 * when) - 1], axis=-1),
        heading=lambda when: np.asarray(total * when / length),
        step=rng.uniform(0.4, 0.55),
        apart=rng.uniform(0.09, 0.13),
        lift=rng.uniform(0.05, 0.09),
        heel_off=0.35,
        toe_up=-0.1,
    )
    act = _stepping(times, rng, gait, arm_swing=0.0)
    return Act(**{**vars(act), "arms": gesturing(times, rng)})


def pace(times: _Times, rng: np.random.Generator) -> Act:
    """Pace around a small oval, once or more, turning with it, while talking with both hands."""
    length = float(times[-1]) or 1.0
    along, across = rng.uniform(0.45, 0.65), rng.uniform(0.3, 0.45)
    way, start = rng.choice([-1.0, 1.0]), rng.uniform(0, 2 * np.pi)
    laps = max(1.05, rng.uniform(0.8, 1.2) * length / 6.0)

    def angle(when: Float[ndarray, "times"]) -> Float[ndarray, "times"]:
        return np.asarray(start + way * 2 * np.pi * laps * when / length)

    def heading(when: Float[ndarray, "times"]) -> Float[ndarray, "times"]:
        # An oval's tangent is never far from that of a circle, which makes it continuous over full turns.
        at = angle(when)
        tangent = np.arctan2(across * np.cos(at), -along * np.sin(at))
        off = (tangent - at - np.pi / 2 + np.pi) % (2 * np.pi) - np.pi
        return np.asarray(at + off + (np.pi if way > 0 else 0.0))

    gait = Gait(
        path=lambda when: np.stack([along * np.cos(angle(when)), across * np.sin(angle(when))], axis=-1),
        heading=heading,
        step=rng.uniform(0.45, 0.58),
        apart=rng.uniform(0.09, 0.12),
        lift=rng.uniform(0.05, 0.08),
        heel_off=0.5,
        toe_up=0.1,
    )
    act = _stepping(times, rng, gait, arm_swing=0.0)
    return Act(**{**vars(act), "arms": gesturing(times, rng)})


def _stepping(times: _Times, rng: np.random.Generator, gait: Gait, arm_swing: float) -> Act:
    """Return the act of walking so: the pelvis over the standing foot, the chest turning against it."""
    beat = np.pi * times / gait.step
    over = np.cos(beat - np.pi * (1 - SWING / 2))
    ahead = np.cos(beat)
    heading = gait.heading(times)
    left = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    place = gait.path(times) + 0.22 * gait.apart * over[:, None] * left
    zero = np.zeros(len(times))
    turn = 0.35 * arm_swing * ahead
    lean = rng.uniform(0.0, 0.08)
    neck = drift(times, rng, size=np.array([0.06, 0.03, 0.2]), period=4.0)
    return Act(
        times=times,
        place=place,
        heading=heading,
        sink=0.004 + 0.004 * np.cos(2 * beat),
        pelvis=np.stack([zero + lean, -0.04 * over, -turn], axis=-1),
        spine=np.stack([zero + lean, 0.05 * over, 2 * turn], axis=-1),
        neck=neck - np.stack([zero + lean, 0.01 * over, turn], axis=-1),
        feet=feet_of(gait, times),
        arms=swinging(times, rng, -arm_swing * ahead),
        curl=rng.uniform(0.15, 0.5),
    )
