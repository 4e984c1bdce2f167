"""Pictures and videos of people whom nobody knows: how large they are is read before anything is unpacked."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.videos import Frame, Stranger, promised, read_frames
from epipose.native_output import native_stderr_muted
from epipose.server.limits import Limits, Refused

Picture = UInt8[ndarray, "height width 3"]
JPEG, PNG = "image/jpeg", "image/png"
VIDEOS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
}
"""The kinds that are taken, and what FFmpeg calls them."""
_PNG = b"\x89PNG\r\n\x1a\n"
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the parts of a JPEG that say its size."""
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
"""Markers of parts without content."""
_SKIPPED = frozenset(range(0xE0, 0xF0)) | {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE}
"""Markers of parts that say their length. Decoders read others in their own ways, and might find another size."""
_SCAN = b"\xff\xda"
MOST_SCANS = 100
"""Of a JPEG; each goes over all of the picture, and a few bytes make one."""


def decoded(content: bytes, limits: Limits) -> Picture:
    """Return a JPEG or PNG as RGB, upright; raises Refused for anything else, and for one that is too large."""
    width, height = _size_wh(content)
    check_size(width, height, limits)
    if content.count(_SCAN) > MOST_SCANS:
        raise Refused(422, "the JPEG has more scans than any camera writes; save it again")
    try:
        with native_stderr_muted():
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise Refused(422, "the picture is damaged; send it again")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def raw_picture(content: bytes, size_wh: tuple[int, int]) -> Picture:
    """Return a picture of known size that came as rows of RGB; raises Refused for another number of bytes."""
    width, height = size_wh
    if len(content) != 3 * width * height:
        raise Refused(
            422, f"a raw picture of {width} x {height} pixels has {3 * width * height} bytes, not {len(content)}"
        )
    return np.frombuffer(content, np.uint8).reshape(height, width, 3)


@contextmanager
def frames_of(content: bytes, kind: str, limits: Limits) -> Iterator[Iterator[Frame]]:
    """Yield the frames of a video of a kind of VIDEOS; raises Refused for one that is damaged, too long or too large.

    The frames raise it, too: what a video says of itself may be wrong.
    """
    # Of what is stored more than is shown may be needed: codecs work on blocks.
    stranger = Stranger(container=VIDEOS[kind], pixels=2 * limits.pixels)
    with TemporaryDirectory(prefix="epipose-") as folder:
        file = Path(folder) / "video"
        file.write_bytes(content)
        with _as_refused(file):
            promise = promised(file, stranger)
        check_size(*promise.size_wh, limits)
        # Some codecs have packets that show nothing.
        if promise.seconds > limits.video_s or promise.packets > 2 * limits.video_frames:
            raise _too_long(limits)
        yield _limited(file, stranger, limits)


def _limited(file: Path, stranger: Stranger, limits: Limits) -> Iterator[Frame]:
    with _as_refused(file):
        for frame in read_frames(file, stranger):
            check_size(frame.image.shape[1], frame.image.shape[0], limits)
            if frame.time > limits.video_s or frame.index >= limits.video_frames:
                raise _too_long(limits)
            yield frame


def _too_long(limits: Limits) -> Refused:
    return Refused(413, f"the video is longer than {limits.video_s:g} s or {limits.video_frames} frames; cut it")


@contextmanager
def _as_refused(file: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise Refused(422, str(error).replace(str(file), "the video")) from error


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise Refused for a picture of a size that is not looked at."""
    if width < 1 or height < 1:
        raise Refused(422, "the picture has no pixels; send another one")
    if width * height > limits.pixels:
        most = f"{limits.pixels / 1e6:g} million"
        raise Refused(413, f"a picture of {width} x {height} pixels is larger than {most}; make it smaller")
    if max(width, height) > limits.slimness * min(width, height):
        raise Refused(422, f"a picture of {width} x {height} pixels is too slim to show a person; cut it")


def _size_wh(content: bytes) -> tuple[int, int]:
    """Return the size that a JPEG or PNG says it has; raises Refused for anything else."""
    if content.startswith(_PNG):
        if len(content) >= 24 and content[12:16] == b"IHDR":
            width, height = struct.unpack(">II", content[16:24])
            return width, height
    elif content.startswith(b"\xff\xd8"):
        for marker, part in _jpeg_parts(content):
            if marker in _SIZES and len(part) >= 5:
                height, width = struct.unpack(">HH", part[1:5])
                return width, height
    else:
        raise Refused(415, "this is neither a JPEG nor a PNG; send one of these")
    raise Refused(422, "the picture is cut short or damaged; send it again")


def _jpeg_parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the markers of a JPEG up to its first scan, and what stands behind them."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # what fills up
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker not in _SIZES | _SKIPPED:
            return
        else:
            (length,) = struct.unpack(">H", content[at + 2 : at + 4])
            yield marker, content[at + 4 : at + 2 + length]
            if marker == 0xDA or length < 2:
                return
            at += 2 + length
