"""Data with something in them that nobody expects."""

import copy
from typing import Any

import numpy as np
from hypothesis import strategies as st

JUNK: list[Any] = [None, -1, 7, 1e30, float("nan"), "", "x", [], {}, [[1], [1, 2]], {"R": 1}, True, np.zeros((0, 3)),
                   np.full((17, 3), np.nan), np.zeros((2, 17, 2), np.int8), np.array(["a"])]  # fmt: skip
PLAIN = [junk for junk in JUNK if not isinstance(junk, np.ndarray)]


def spoiled(data: st.DataObject, held: Any, junk: list[Any]) -> Any:
    """A copy of `held` in which one part, anywhere, is something else, or missing."""
    if isinstance(held, dict | list) and held and data.draw(st.integers(0, 9)):
        copied = copy.copy(held)
        places = list(held) if isinstance(held, dict) else range(len(held))
        place = data.draw(st.sampled_from(list(places)))
        if not data.draw(st.integers(0, 5)):
            del copied[place]
        else:
            copied[place] = spoiled(data, held[place], junk)
        return copied
    if isinstance(held, np.ndarray) and held.dtype.names and data.draw(st.booleans()):
        kept = data.draw(st.lists(st.sampled_from(held.dtype.names), min_size=1, unique=True))
        return held[kept]
    return data.draw(st.sampled_from(junk))
