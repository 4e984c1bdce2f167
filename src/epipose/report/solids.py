"""Unit solids as triangles, counter-clockwise from outside."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Solid = tuple[Float[ndarray, "vertices 3"], Int[ndarray, "faces 3"]]


def ball(rings: int = 10, spokes: int = 16) -> Solid:
    """Return vertices and triangles of a ball of radius 1."""
    polar = np.repeat(np.linspace(0, np.pi, rings), spokes)
    around = np.tile(np.arange(spokes) * 2 * np.pi / spokes, rings)
    vertices = np.column_stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)])
    return vertices, _strips(rings, spokes)


def rod(spokes: int = 12) -> Solid:
    """Return vertices and triangles of an open rod of radius 1 from z = -1/2 to 1/2."""
    around = np.tile(np.arange(spokes) * 2 * np.pi / spokes, 2)
    height = np.repeat([0.5, -0.5], spokes)
    return np.column_stack([np.cos(around), np.sin(around), height]), _strips(2, spokes)


def _strips(rings: int, spokes: int) -> Int[ndarray, "faces 3"]:
    a = np.arange((rings - 1) * spokes)
    beside = a - a % spokes + (a + 1) % spokes
    return np.concatenate([np.stack([a, a + spokes, beside + spokes], 1), np.stack([a, beside + spokes, beside], 1)])
