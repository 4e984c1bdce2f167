"""How far cameras are from the truth, how long a call takes, and how a table is printed."""

import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.geometry.alignment import pair_rotation_errors, similarity
from epipose.geometry.cameras import Camera

T = TypeVar("T")


class Timed(NamedTuple, Generic[T]):
    """What a call returned, and its seconds: on the clock, and of the processor (all threads)."""

    value: T
    wall: float
    processor: float


def timed(task: Callable[[], T], repeats: int = 1) -> Timed[T]:
    """Return the result of `task`, with its shortest times over `repeats` runs: others may share the machine."""
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        value = task()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return Timed(value, min(walls), min(processors))


def rotation_errors(found: Sequence[Camera], truth: Sequence[Camera]) -> Float[ndarray, "pairs"]:
    """Return the error of the relative rotation of every pair of cameras, in degrees (pairs as `combinations`)."""
    return np.rad2deg(pair_rotation_errors(found, truth))


def laid_on(
    found: Sequence[Camera], source: Float[ndarray, "n 3"], target: Float[ndarray, "n 3"]
) -> tuple[Camera, ...]:
    """Return cameras moved by the similarity that best takes the points `source` to `target`."""
    factor, motion = similarity(source, target)
    return tuple(camera.moved(motion, factor) for camera in found)


def laid_on_centres(found: Sequence[Camera], truth: Sequence[Camera]) -> tuple[Camera, ...]:
    """Return three cameras or more laid on the true ones by their centres (similarity, least squares)."""
    return laid_on(found, centres(found), centres(truth))


def centres(cameras: Sequence[Camera]) -> Float[ndarray, "views 3"]:
    """Return where the cameras stand."""
    return np.stack([camera.centre for camera in cameras])


def centre_errors(found: Sequence[Camera], truth: Sequence[Camera]) -> Float[ndarray, "views"]:
    """Return how far cameras that were laid on the true ones stand from them, in millimetres."""
    return np.asarray(1000 * np.linalg.norm(centres(found) - centres(truth), axis=-1))


def met(value: float, bar: float) -> str:
    """Return in words whether a value is at most the bar; NaN misses it."""
    return "met" if value <= bar else "missed"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as Markdown that is also readable as it is."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    print(f"\n{title}\n")
    print(line(header))
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        print(line(row))
    print(flush=True)
