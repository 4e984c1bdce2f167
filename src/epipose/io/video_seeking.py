"""The frame that a video shows at any moment, in any order, for looking at it and not for measuring."""

from bisect import bisect_right
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np

from epipose.errors import InputError
from epipose.io.videos import Frame, Upright, opened_video, seconds_per_tick, timed_pictures

Timed = tuple[av.VideoFrame, int]

_NEAR_S = 2.0
"""Seconds ahead up to which a video is decoded on rather than searched, where its key frames are not known."""
_BACK_S = (0.0, 1.0, 4.0, 16.0)
"""How far before a moment its search begins: containers search by decoding times, which are a little off."""


class SeekableVideo:
    """An open video file. Playing decodes every frame once; a leap decodes from the key frame before it.

    A context manager, and for one thread at a time. Opening, and `at`, raise InputError for files that show nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._open = path, ExitStack()
        self._shown: Timed | None = None
        self._next: Timed | None = None
        try:
            first = self._restart()
            if first is None:
                raise InputError(f"{path} holds no frame that can be decoded; record or export it again")
            picture, self._start = first
            self._upright = Upright.of(picture)
            width, height = picture.width, picture.height
            self.size_wh = (height, width) if self._upright.transposed else (width, height)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SeekableVideo":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def rotation(self) -> int:
        """Degrees by which the stored pictures are turned clockwise to stand upright."""
        return self._upright.clockwise_degrees

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()

    def at(self, time: float, longest_px: int | None = None) -> Frame:
        """Return what is shown `time` seconds after the first frame; before that the first, after the last that.

        With `longest_px` the picture is made smaller, if it is larger. The `index` is not known, and 0.
        """
        tick = self._start + int(np.floor((time + 1e-6) / self._tick))
        if self._leaps(tick):
            self._leap(tick)
        while self._shown is None or (self._next is not None and self._next[1] <= tick):
            if self._next is None:
                raise InputError(f"{self._path} cannot be decoded at {time:.2f} s; copy it again from the camera")
            self._shown, self._next = self._next, next(self._pictures, None)
        picture, shown = self._shown
        scale = 1.0 if longest_px is None else min(1.0, longest_px / max(self.size_wh))
        width, height = (max(1, round(scale * side)) for side in (picture.width, picture.height))
        small = picture.to_ndarray(width=width, height=height, format="rgb24", interpolation="AREA")
        return Frame(0, (shown - self._start) * self._tick, self._upright(small))

    def _leaps(self, tick: int) -> bool:
        """Return whether decoding on from where we are is not the shortest way."""
        from_here = self._shown or self._next
        if from_here is None or tick < from_here[1]:
            return from_here is None or from_here[1] > self._start
        if not self._seekable:
            return False
        if not self._key_ticks:
            return (tick - from_here[1]) * self._tick > _NEAR_S
        ahead = self._next[1] if self._next is not None else from_here[1]
        return self._key_ticks[max(bisect_right(self._key_ticks, tick) - 1, 0)] > ahead

    def _leap(self, tick: int) -> None:
        for back in _BACK_S if self._seekable else ():
            self._container.seek(max(self._start, tick - round(back / self._tick)), stream=self._stream)
            first = self._begin()
            if first is not None and first[1] <= tick:
                return
        self._restart()

    def _restart(self) -> Timed | None:
        self._open.close()
        self._container, self._stream = self._open.enter_context(opened_video(self._path))
        self._tick = float(seconds_per_tick(self._stream))
        # An AVI has no times of its own to know a frame by after a leap.
        self._seekable = self._container.format.name != "avi"
        self._key_ticks = [entry.timestamp for entry in self._stream.index_entries if entry.is_keyframe]
        return self._begin()

    def _begin(self) -> Timed | None:
        """Decode from where the file stands, and return the first picture there."""
        self._pictures, self._shown = timed_pictures(self._path, self._container, self._stream), None
        self._next = next(self._pictures, None)
        return self._next
