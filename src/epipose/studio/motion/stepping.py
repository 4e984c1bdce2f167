"""Walking: feet that stand still, swing over to where they stand next, and roll from heel to toes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import PchipInterpolator

from epipose.studio.motion.acting import SIGNS, Foot
from epipose.studio.motion.signals import ease

SWING = 0.8
"""Of a step's time a foot is in the air; each foot steps every second step."""
_FIRST = {"L": 0, "R": 1}


@dataclass(frozen=True, eq=False)
class Gait:
    """How somebody steps, in metres, seconds and radians."""

    path: Callable[[Float[ndarray, "times"]], Float[ndarray, "times 2"]]
    """Where the pelvis is over the floor at a time."""
    heading: Callable[[Float[ndarray, "times"]], Float[ndarray, "times"]]
    step: float
    """Seconds from the landing of one foot to the landing of the other; the left foot lands at 0."""
    apart: float
    """Half the distance between the feet."""
    lift: float
    heel_off: float
    """How far a foot has rolled onto its toes when it leaves the floor."""
    toe_up: float
    """How far it is rolled onto its heel when it lands."""


def feet_of(gait: Gait, times: Float[ndarray, "frames"]) -> dict[str, Foot]:
    """Return the feet of somebody who walks so, from before the first time to after the last."""
    return {side: _foot(gait, times, side) for side in SIGNS}


def _foot(gait: Gait, times: Float[ndarray, "frames"], side: str) -> Foot:
    swing, cycle = SWING * gait.step, 2 * gait.step
    since = times + swing - _FIRST[side] * gait.step
    count = np.floor(since / cycle)
    phase = since - cycle * count
    land = (count * cycle) + _FIRST[side] * gait.step
    part = ease(phase / swing)
    before, after = (_foothold(gait, side, land + off) for off in (-cycle, 0.0))
    place = before[0] + part[:, None] * (after[0] - before[0])
    heading = before[1] + part * (after[1] - before[1])
    lift = gait.lift * np.sin(np.pi * np.clip(phase / swing, 0, 1)) ** 2
    return Foot(place, heading, lift, _roll(gait, swing, cycle)(phase))


def _foothold(
    gait: Gait, side: str, landed: Float[ndarray, "frames"]
) -> tuple[Float[ndarray, "frames 2"], Float[ndarray, "frames"]]:
    """Return where a foot stands that landed at a time, and its heading: below the hips when these pass over it."""
    passing = landed + (1 - SWING / 2) * gait.step
    heading = gait.heading(passing)
    left = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    return gait.path(passing) + SIGNS[side] * gait.apart * left, heading


def _roll(gait: Gait, swing: float, cycle: float) -> PchipInterpolator:
    """Return the foot's pitch over a cycle that begins when it leaves the floor."""
    stance = cycle - swing
    keys = {
        -0.2 * stance: 0.45 * gait.heel_off,
        0.0: gait.heel_off,
        0.25 * swing: 0.9 * gait.heel_off,
        0.7 * swing: -0.5 * gait.toe_up,
        swing: -gait.toe_up,
        swing + 0.15 * stance: 0.0,
        swing + 0.55 * stance: 0.0,
        swing + 0.8 * stance: 0.45 * gait.heel_off,
        cycle: gait.heel_off,
        cycle + 0.25 * swing: 0.9 * gait.heel_off,
    }
    return PchipInterpolator(list(keys), list(keys.values()))
