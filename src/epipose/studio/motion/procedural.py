"""Motions made up here, which need no file: walking, turning, pacing, reaching, sitting, balancing, dancing.

Everything follows from the generator: the same seed moves the same body in the same way.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.studio.bodies import Body
from epipose.studio.motion import Motion
from epipose.studio.motion.acting import Act, perform
from epipose.studio.motion.dancing import dance
from epipose.studio.motion.standing import balance, reach, sit
from epipose.studio.motion.walking import pace, turn, walk, walk_in_place

_ACTS: dict[str, Callable[[Float[ndarray, "frames"], np.random.Generator], Act]] = {
    "walk_in_place": walk_in_place,
    "walk": walk,
    "turn": turn,
    "pace": pace,
    "reach": reach,
    "sit": sit,
    "balance": balance,
}
PROCEDURAL = (*_ACTS, "dance")


def procedural(body: Body, kind: str, *, seconds: float, frame_rate: float, rng: np.random.Generator) -> Motion:
    """Return a motion of one of the kinds PROCEDURAL, around the origin and at first facing about -Y.

    `frame_rate` is in frames a second; there is one frame at least.
    """
    times = np.arange(max(1, round(seconds * frame_rate))) / frame_rate
    if kind == "dance":
        return dance(body, times, rng)
    return perform(body, _ACTS[kind](times, rng), kind)
