"""Smooth signals over time: slow drift, and moving from one key value to the next."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def ease(part: Float[ndarray, "*batch"]) -> Float[ndarray, "*batch"]:
    """Return a way from 0 to 1 that starts and ends at rest, as hands move (least jerk)."""
    part = np.clip(part, 0.0, 1.0)
    return np.asarray(part**3 * (10 - 15 * part + 6 * part**2))


def keyed(
    times: Float[ndarray, "frames"], keys: Float[ndarray, "keys channels"], gap: float, hold: float
) -> Float[ndarray, "frames channels"]:
    """Return values that leave one of `keys` for the next every `gap` seconds, after staying for the part `hold`.

    Stays at the last key.
    """
    at = np.clip(times / gap, 0.0, len(keys) - 1)
    before = np.minimum(at.astype(int), max(len(keys) - 2, 0))
    part = ease((at - before - hold) / (1 - hold))[:, None]
    return np.asarray(keys[before] * (1 - part) + keys[np.minimum(before + 1, len(keys) - 1)] * part)


def drift(
    times: Float[ndarray, "frames"], rng: np.random.Generator, *, size: Float[ndarray, "channels"], period: float
) -> Float[ndarray, "frames channels"]:
    """Return slow wandering about 0 of about `size` in each channel, over about `period` seconds."""
    total = np.zeros((len(times), len(size)))
    for share in (1.0, 0.6, 0.35):
        lasting = period * share * rng.uniform(0.8, 1.25, len(size))
        total += share * np.sin(2 * np.pi * (times[:, None] / lasting + rng.uniform(0, 1, len(size))))
    return np.asarray(size * total / 1.4)


def enough_keys(seconds: float, gap: float) -> int:
    """Return how many keys last for `seconds`, and one to go to."""
    return int(np.ceil(seconds / gap)) + 2
