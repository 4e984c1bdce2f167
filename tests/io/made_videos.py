"""Small videos with known content: frame k shows its number as a grey level, and coloured corners."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy import ndarray

CORNERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
FIXED = 65536
WHOLE = 1 << 30
DISPLAY = {  # clockwise degrees: a b u, c d v, x y w of the display matrix
    0: (FIXED, 0, 0, 0, FIXED, 0, 0, 0, WHOLE),
    90: (0, FIXED, 0, -FIXED, 0, 0, 0, 0, WHOLE),
    180: (-FIXED, 0, 0, 0, -FIXED, 0, 0, 0, WHOLE),
    270: (0, -FIXED, 0, FIXED, 0, 0, 0, 0, WHOLE),
}


def picture(index: int, size_wh: tuple[int, int] = (160, 96)) -> ndarray:
    """Corners, clockwise from the top left: red, green, blue, white; the middle is as bright as 5 index."""
    width, height = size_wh
    image = np.full((height, width, 3), 5 * index % 256, np.uint8)
    w, h = width // 4, height // 4
    image[:h, :w], image[:h, -w:], image[-h:, -w:], image[-h:, :w] = CORNERS.values()
    return image


def write_video(
    path: Path,
    frames: int = 30,
    *,
    codec: str = "libx264",
    milliseconds: Sequence[int] | None = None,
    size_wh: tuple[int, int] = (160, 96),
    rate: Fraction = Fraction(30),
    movflags: str = "",
    title: str = "",
    gop: int | None = None,
) -> Path:
    """Write `frames` pictures at a constant rate, or at the times given, with a key frame every `gop`."""
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size_wh
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        if gop is not None:
            stream.codec_context.gop_size = gop
        if milliseconds is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, size_wh), format="rgb24")
            frame.pts = index if milliseconds is None else milliseconds[index]
            frame.time_base = 1 / rate if milliseconds is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def set_display_matrix(path: Path, matrix: Sequence[int]) -> Path:
    """Overwrite the display matrix in the track header (ISO 14496-12, 8.3.2) of an mp4 of one track."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4
    start = header + 4 + (32 if data[header] == 1 else 20) + 16
    data[start : start + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


def corner_names(image: ndarray) -> list[str]:
    """Names of the corners' colours, clockwise from the top left."""
    seen = [image[5, 5], image[5, -6], image[-6, -6], image[-6, 5]]
    return [min(CORNERS, key=lambda name: np.abs(np.subtract(CORNERS[name], pixel)).sum()) for pixel in seen]
