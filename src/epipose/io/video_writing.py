"""Writing videos frame by frame; a file takes its place when it is whole."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.io.files import atomic_write


@dataclass(frozen=True)
class Coding:
    """How pictures become a video, in FFmpeg's names."""

    container: str
    codec: str
    given: str
    """Layout of the pixels that are given ..."""
    stored: str
    """... and of those that are stored."""
    options: Mapping[str, str]
    container_options: Mapping[str, str] = field(default_factory=dict)


def h264(crf: int, *, preset: str = "medium") -> Coding:
    """Return the coding of pictures in RGB as H.264 at a constant rate factor: 0 is perfect, 51 the worst.

    `preset` is x264's word for how much time it takes to make files small.
    """
    # What x264 writes depends on its number of threads, and with mbtree also on chance.
    options = {"crf": str(crf), "preset": preset, "threads": "2", "x264-params": "mbtree=0"}
    return Coding("mp4", "libx264", given="rgb24", stored="yuv420p", options=options)


def even_size(size_wh: tuple[int, int], most_px: int) -> tuple[int, int]:
    """Return the size of pictures that are made smaller, if need be, to `most_px` at most: even, as videos want it."""
    scale = min(1.0, most_px / max(size_wh))
    width, height = (max(2, 2 * round(scale * length / 2)) for length in size_wh)
    return width, height


@contextmanager
def video_writer(
    path: Path, size_wh: tuple[int, int], frame_rate: Fraction, coding: Coding
) -> Iterator[Callable[[UInt8[ndarray, "height width *channels"]], None]]:
    """Yield what appends one picture; raises InputError when the disk refuses."""
    count = 0
    # By its name: of a file object that fails to write, FFmpeg could not say why.
    with (
        atomic_write(path, "wb") as file,
        av.open(file.name, "w", coding.container, container_options=dict(coding.container_options)) as container,
    ):
        stream = container.add_stream(coding.codec, rate=frame_rate, options=dict(coding.options))
        if not isinstance(stream, av.VideoStream):
            raise TypeError(f"{coding.codec} is no video codec")
        stream.width, stream.height = size_wh
        stream.pix_fmt = coding.stored

        def append(picture: UInt8[ndarray, "height width *channels"]) -> None:
            nonlocal count
            if picture.shape[:2] != (size_wh[1], size_wh[0]):
                raise ValueError(f"a picture of shape {picture.shape} does not fit a video of {size_wh}")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=coding.given)
            frame.pts, frame.time_base, count = count, 1 / frame_rate, count + 1
            container.mux(stream.encode(frame))

        yield append
        container.mux(stream.encode(None))
