"""Video files: their exact times without decoding (`probe`) and their frames one at a time (`read_frames`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from jaxtyping import Float, UInt8
from numpy import ndarray

from epipose.errors import InputError


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a view, upright as its file asks to show it."""

    index: int
    time: float
    """Seconds since the first frame, exact."""
    image: UInt8[ndarray, "height width 3"]
    """RGB."""


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """What a video file says about itself, as `read_frames` will show it."""

    size_wh: tuple[int, int]
    """Size of the upright picture."""
    times: Float[ndarray, "frames"]
    """Seconds since the first frame, rising; exact also at a variable frame rate."""
    frame_rate: float
    """Frames per second as the file states them; the truth is in `times`."""
    codec: str
    rotation: int
    """Degrees by which the stored picture is turned clockwise to stand upright: 0, 90, 180 or 270."""
    notes: tuple[str, ...]
    """Faults that leave the video usable, one sentence each."""


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """What a video of somebody unknown may be, so that it takes no more than its share."""

    container: str
    """The one kind of file, as FFmpeg calls it; of the others some name further files, which it then opens."""
    pixels: int
    """Of a stored frame, checked before it is unpacked."""


@dataclass(frozen=True)
class Promise:
    """What a video file says of itself before it is unpacked, which may be wrong."""

    size_wh: tuple[int, int]
    """Of the stored picture; (0, 0) if it is not said."""
    seconds: float
    """0 if it is not said."""
    packets: int
    """Counted; about as many as frames are unpacked, also where all are at the same time."""


def promised(path: Path, stranger: Stranger) -> Promise:
    """Return what a stranger's video says of itself; raises InputError as `probe` does."""
    with opened_video(path, stranger) as (container, stream):
        context = stream.codec_context
        seconds = (container.duration or 0) / av.time_base
        packets = sum(1 for _ in container.demux(stream))
        return Promise((context.width, context.height), seconds, packets)


def probe(path: Path) -> VideoInfo:
    """Return what is known of a video after reading its index and one frame; raises InputError if it shows nothing."""
    with opened_video(path) as (container, stream):
        first = next(_pictures(container, stream), None)
        if first is None:
            raise InputError(f"{path} holds no frame that can be decoded; record or export it again")
        turn = Upright.of(first)
        size_wh = (first.height, first.width) if turn.transposed else (first.width, first.height)
    with opened_video(path) as (container, stream):
        packets = [(packet.pts, packet.is_discard, packet.is_corrupt) for packet in container.demux(stream)][:-1]
        stamps = [pts for pts, discard, _ in packets if pts is not None and not discard]
        if not stamps:
            raise _no_times(path)
        ticks = np.unique(stamps)
        tick = seconds_per_tick(stream)
        times = (ticks - ticks[0]) * tick.numerator / tick.denominator
        rate = stream.guessed_rate or (1 / float(np.median(np.diff(times))) if len(times) > 1 else 0)
        cut = stream.frames > len(packets) or any(corrupt for *_, corrupt in packets)
        codec = stream.codec_context.name
    notes = []
    if cut:
        promised = f" of {stream.frames}" if stream.frames > len(packets) else ""
        notes.append(f"{path.name} is cut short or damaged: {len(times)}{promised} frames are there")
    if len(stamps) > len(times):
        notes.append(f"{path.name} holds {len(stamps) - len(times)} frames at the time of another; they are left out")
    return VideoInfo(size_wh, times, float(rate), codec, turn.clockwise_degrees, tuple(notes))


def read_frames(path: Path, stranger: Stranger | None = None) -> Iterator[Frame]:
    """Yield the frames of a video upright and in the order of time, holding only a few in memory.

    Frames that are damaged, or at the time of another, are left out; raises InputError if nothing can be shown.
    """
    start: int | None = None
    latest, index, turn, size = -1.0, 0, Upright(), (0, 0)
    with opened_video(path, stranger) as (container, stream):
        for picture, pts in timed_pictures(path, container, stream):
            start = pts if start is None else start
            time = float((pts - start) * seconds_per_tick(stream))
            if time <= latest:
                continue
            if index == 0:
                turn, size = Upright.of(picture), (picture.width, picture.height)
            if (picture.width, picture.height) != size:
                raise InputError(f"{path} changes its picture size at {time:.2f} s; export it again at one size")
            yield Frame(index, time, turn(picture.to_ndarray(format="rgb24")))
            latest, index = time, index + 1
    if index == 0:
        raise InputError(f"{path} holds no frame that can be decoded; record or export it again")


@dataclass(frozen=True)
class Upright:
    """How a stored picture becomes upright: exchange rows and columns first, then mirror columns and rows."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of(cls, picture: av.VideoFrame) -> "Upright":
        """Read the display matrix: x' = a x + c y, y' = b x + d y, stored as rows (a, b, u), (c, d, v), (x, y, w)."""
        data: Any = picture.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
        transposed = abs(b) > abs(a)
        return cls(transposed, (c if transposed else a) < 0, (b if transposed else d) < 0)

    @property
    def clockwise_degrees(self) -> int:
        """The turn, without the mirroring that a few cameras also store."""
        if self.transposed:
            return 90 if self.mirrored_x else 270
        return 180 if self.mirrored_y else 0

    def __call__(self, image: UInt8[ndarray, "rows columns 3"]) -> UInt8[ndarray, "height width 3"]:
        """Return the upright picture, contiguous in memory."""
        if self.transposed:
            image = image.swapaxes(0, 1)
        image = image[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1]
        return np.ascontiguousarray(image)


@contextmanager
def opened_video(path: Path, stranger: Stranger | None = None) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the main video stream of a file; anything that FFmpeg cannot do with it becomes an InputError."""
    if not path.is_file():
        raise InputError(f"there is no video file {path}; check the name")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; copy it again from the camera")
    kind = stranger.container if stranger is not None else None
    limits = {"max_pixels": str(stranger.pixels)} if stranger is not None else {}
    try:
        with av.open(str(path), format=kind, metadata_errors="replace") as container:
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream):
                raise InputError(f"{path} holds no video; check that it is the right file")
            if stream.codec_context is None:
                raise InputError(f"{path} uses a codec that cannot be read; export it as H.264 mp4")
            stream.thread_type = "AUTO"
            stream.codec_context.options = limits
            yield container, stream
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f"{path} is not a video that can be read, or it was cut short ({error.strerror}); "
            "copy it again from the camera or export it as H.264 mp4"
        ) from error


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Decode frame by frame; a damaged packet costs its own frame only."""
    for packet in container.demux(stream):
        try:
            pictures = packet.decode()
        except av.error.InvalidDataError:
            continue
        for picture in pictures:
            if isinstance(picture, av.VideoFrame):
                yield picture


def timed_pictures(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[tuple[av.VideoFrame, int]]:
    """Decode with presentation times in ticks.

    AVI numbers its packets in decoding order, so its frames, in order, take its numbers, in order.
    """
    if container.format.name != "avi":
        for picture in _pictures(container, stream):
            if picture.pts is None:
                raise _no_times(path)
            yield picture, picture.pts
        return
    with opened_video(path) as (again, same):
        stamps = sorted(packet.pts for packet in again.demux(same) if packet.pts is not None)
    try:
        yield from zip(_pictures(container, stream), stamps, strict=True)
    except ValueError as error:
        raise InputError(f"{path} is damaged, and an AVI then loses its times; export it again as mp4") from error


def seconds_per_tick(stream: VideoStream) -> Fraction:
    """Seconds in one unit of the stream's time stamps."""
    assert stream.time_base is not None, "FFmpeg gives every stream that it opens a time base"
    return stream.time_base


def _no_times(path: Path) -> InputError:
    return InputError(
        f"{path} does not say when its frames were taken; wrap it with: ffmpeg -r RATE -i IN -c copy OUT.mp4"
    )
