"""Short animated pictures, for pages and messages that show pictures but play no videos: WebP that goes round for ever.

FFmpeg writes them, but does not read them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2
from jaxtyping import UInt8
from numpy import ndarray

from epipose.io.video_writing import Coding, even_size, video_writer

WEBP = Coding(
    "webp",
    "libwebp_anim",
    given="rgb24",
    stored="yuv420p",
    options={"quality": "75", "compression_level": "4"},
    container_options={"loop": "0"},
)
"""Without an end, with all colours, and a fifth as large as a GIF."""
MOST_S, MOST_RATE, MOST_PX = 6, Fraction(15), 640
"""Seconds, pictures a second and longer side of what is made of a video, so that it stays below some megabytes."""


@contextmanager
def animation_writer(
    path: Path, size_wh: tuple[int, int], frame_rate: Fraction
) -> Iterator[Callable[[UInt8[ndarray, "height width 3"], float], None]]:
    """Yield what takes the frames of a video of a `frame_rate` (1/s) at their times (s), smaller and not all of them.

    Raises InputError when the disk refuses.
    """
    rate = min(frame_rate, MOST_RATE)
    small_wh = even_size(size_wh, MOST_PX)
    count = 0
    with video_writer(path, small_wh, rate, WEBP) as append:

        def take(picture: UInt8[ndarray, "height width 3"], time: float) -> None:
            nonlocal count
            due = min(int(time * rate + 1e-3) + 1, int(MOST_S * rate))
            if count >= due:
                return
            small = cv2.resize(picture, small_wh, interpolation=cv2.INTER_AREA)
            while count < due:
                append(small)
                count += 1

        yield take
