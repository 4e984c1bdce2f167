"""Cameras of this computer, by number."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

from epipose.errors import InputError
from epipose.io.videos import Frame
from epipose.native_output import native_stderr_muted

USUAL_RATE = 30.0
"""Frames per second of a camera that does not say its own."""


@contextmanager
def open_webcam(number: int) -> Iterator[Any]:
    """Open a camera as OpenCV does; raises InputError if there is none of that number, or another program has it."""
    with native_stderr_muted():
        capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise InputError(f"there is no camera {number}, or another program uses it; the first one is 0")
        yield capture
    finally:
        capture.release()


def live_frames(capture: Any) -> Iterator[Frame]:
    """Yield what an open camera shows until it shows no more; times are those at which frames arrive."""
    start, latest, index = time.perf_counter(), -1.0, 0
    while True:
        there, image = capture.read()
        if not there:
            return
        latest = max(time.perf_counter() - start, latest + 1e-6) if index else 0.0
        start = start if index else time.perf_counter()
        yield Frame(index, latest, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        index += 1


def frame_rate(capture: Any) -> float:
    """Return how many frames per second a camera says it shows."""
    said = float(capture.get(cv2.CAP_PROP_FPS))
    return said if 1 <= said <= 1000 else USUAL_RATE


def size_wh(capture: Any) -> tuple[int, int]:
    """Return the size of the pictures that an open camera shows."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
