"""Who is at each pixel of a view, frame by frame: videos of labels, 0 nobody and 1 to n people, without loss (FFV1).

A frame belongs to the frame of the same number in the view's own video; its time is not kept exactly.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.video_writing import Coding, video_writer

LOSSLESS = Coding("matroska", "ffv1", given="gray", stored="gray", options={"level": "3", "g": "1"})
"""Every frame by itself."""

Labels = UInt8[ndarray, "height width"]


def mask_path(truth_folder: Path, view: str) -> Path:
    """Return where the masks of a view are, in the `truth/` of a capture."""
    return truth_folder / "masks" / f"{view}.mkv"


def mask_writer(
    path: Path, size_wh: tuple[int, int], frame_rate: Fraction
) -> AbstractContextManager[Callable[[Labels], None]]:
    """Yield what appends one frame's labels; the file takes its place when the block ends without an error."""
    return video_writer(path, size_wh, frame_rate, LOSSLESS)


def read_masks(path: Path) -> Iterator[Labels]:
    """Yield the labels of each frame; raises InputError for a file that is missing or damaged."""
    if not path.is_file():
        raise InputError(f"there is no file {path}; masks are made with epipose synthesize")
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = container.streams.best("video")
            if stream is None or stream.codec_context is None or stream.codec_context.name != "ffv1":
                raise InputError(f"{path} is no video of labels; make it again with epipose synthesize")
            for frame in container.decode(stream):
                if not isinstance(frame, av.VideoFrame) or frame.format.name != "gray" or frame.is_corrupt:
                    raise InputError(f"{path} is damaged; make it again with epipose synthesize")
                yield frame.to_ndarray(format="gray")
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"{path} is damaged ({error.strerror}); make it again with epipose synthesize") from error


def boxes_of(labels: Labels, people: int) -> Float32[ndarray, "people 4"]:
    """Return x0 y0 x1 y1, the outermost pixels of labels 1 to `people`; all 0 for a label that is nowhere."""
    boxes = np.zeros((people, 4), np.float32)
    for person in range(people):
        here = labels == person + 1
        columns, rows = np.flatnonzero(here.any(axis=0)), np.flatnonzero(here.any(axis=1))
        if columns.size:
            boxes[person] = columns[0], rows[0], columns[-1], rows[-1]
    return boxes
