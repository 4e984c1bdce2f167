"""Choosing how somebody moves in a scene."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError
from epipose.studio.bodies import Body
from epipose.studio.motion import Motion
from epipose.studio.motion.clips import read_clips
from epipose.studio.motion.procedural import PROCEDURAL, procedural
from epipose.studio.motion.retarget import retarget

ANY = "any"
"""Any of PROCEDURAL."""
FRAME_RATE = 50.0
"""Frames per second at which motions are made up."""


def choose_motion(source: str, body: Body, seconds: float, rng: np.random.Generator) -> Motion:
    """Return a motion of `body` that is `seconds` long, or a whole clip if all are shorter.

    `source` is ANY, a name of PROCEDURAL, or the path of a file or folder of clips, of which one is drawn.
    """
    if source == ANY:
        source = str(rng.choice(PROCEDURAL))
    if source in PROCEDURAL:
        return procedural(body, source, seconds=seconds + 1 / FRAME_RATE, frame_rate=FRAME_RATE, rng=rng)
    if not Path(source).exists():
        names = ", ".join((ANY, *PROCEDURAL))
        raise InputError(f"there is no motion {source!r}; choose from {names}, or give a folder of BVH or NPZ clips")
    clips = read_clips(Path(source))
    long = [clip for clip in clips if clip.times[-1] >= seconds]
    clip = (long or clips)[int(rng.integers(len(long or clips)))]
    count = int(np.searchsorted(clip.times, seconds)) + 1
    start = int(rng.integers(max(len(clip.times) - count, 0) + 1))
    kept = np.s_[start : start + count]
    cut = replace(clip, positions=clip.positions[kept], times=clip.times[kept] - clip.times[start])
    return retarget(body, cut)


def to_and_fro(times: Float[ndarray, "frames"], seconds: float) -> Float[ndarray, "frames"]:
    """Return times within 0 and `seconds`: beyond these they turn back, so that a motion goes on for ever."""
    if seconds == 0:
        return np.zeros_like(times)
    return np.asarray(seconds - np.abs(np.mod(times, 2 * seconds) - seconds))
