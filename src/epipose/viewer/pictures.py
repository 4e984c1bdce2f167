"""What a view's camera showed at a moment, straightened, found by a thread of its own."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Condition, Thread
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.io.pictures import picture_files, read_picture
from epipose.io.video_seeking import SeekableVideo
from epipose.io.videos import probe
from epipose.viewer.recording import FilmedView

Picture = UInt8[ndarray, "height width 3"]
Show = Callable[[Picture], None]


class Wish(NamedTuple):
    """A moment on the view's own clock (seconds), and the longest side of its picture."""

    time: float
    longest_px: int


class PictureLoader:
    """Shows a view's pictures: `want` one, and `show` gets it, or that of a later wish. `close` ends it.

    What goes wrong is told once to `complain`, and nothing is shown any more.
    """

    def __init__(self, view: FilmedView, show: Show, complain: Callable[[str], None]) -> None:
        self._view, self._show, self._complain = view, show, complain
        self._wish: Wish | None = None
        self._closed = False
        self._changed = Condition()
        self._thread = Thread(target=self._work, name=f"pictures of {view.name}", daemon=True)
        self._thread.start()

    def want(self, wish: Wish) -> None:
        """Ask for a picture; nobody waits, and an older wish that is not yet fulfilled is forgotten."""
        with self._changed:
            self._wish = wish
            self._changed.notify()

    def close(self) -> None:
        """Stop, and wait until that is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _next(self) -> Wish | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wish is not None or self._closed)
            wish, self._wish = self._wish, None
            return None if self._closed else wish

    def _work(self) -> None:
        last: tuple[float, int] | None = None
        try:
            with ExitStack() as stack:
                source = _source(self._view, stack)
                straighten = Straightener(self._view.camera)
                while (wish := self._next()) is not None:
                    time, picture = source.at(wish.time, wish.longest_px)
                    if (time, wish.longest_px) != last:
                        self._show(straighten(picture))
                        last = (time, wish.longest_px)
        except InputError as error:
            self._complain(f"no pictures of {self._view.name} are shown: {error}")


class PictureSource(ABC):
    """Pictures in any order."""

    @abstractmethod
    def at(self, time: float, longest_px: int) -> tuple[float, Picture]:
        """Return the picture that is shown at a time on the view's clock (seconds), and since when it is."""


def _source(view: FilmedView, stack: ExitStack) -> PictureSource:
    """Open a view's pictures; raises InputError if they cannot be read."""
    assert view.source is not None, "a view without pictures has no loader"
    if view.source.is_dir():
        assert view.times is not None, "pictures do not know their times"
        return _Folder(picture_files(view.source), view.times)
    video = stack.enter_context(SeekableVideo(view.source))
    if view.times is None:
        return _Video(video)
    own = probe(view.source).times
    count = min(len(own), len(view.times))
    return _RecordedVideo(video, own[:count], view.times[:count])


class _Video(PictureSource):
    def __init__(self, video: SeekableVideo) -> None:
        self._video = video

    def at(self, time: float, longest_px: int) -> tuple[float, Picture]:
        frame = self._video.at(time, longest_px)
        return frame.time, frame.image


class _RecordedVideo(PictureSource):
    """A video whose frames were taken when something else says, not when it says itself."""

    def __init__(self, video: SeekableVideo, own: Float[ndarray, "frames"], recorded: Float[ndarray, "frames"]) -> None:
        self._video, self._own, self._recorded = video, own, recorded

    def at(self, time: float, longest_px: int) -> tuple[float, Picture]:
        frame = self._video.at(float(self._own[_shown_at(self._recorded, time)]), longest_px)
        return frame.time, frame.image


class _Folder(PictureSource):
    def __init__(self, files: tuple[Path, ...], times: Float[ndarray, "frames"]) -> None:
        self._files, self._times = files, times

    def at(self, time: float, longest_px: int) -> tuple[float, Picture]:
        index = _shown_at(self._times[: len(self._files)], time)
        picture = read_picture(self._files[index])
        scale = min(1.0, longest_px / max(picture.shape[:2]))
        size_wh = (max(1, round(scale * picture.shape[1])), max(1, round(scale * picture.shape[0])))
        return float(self._times[index]), np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA))


def _shown_at(times: Float[ndarray, "frames"], time: float) -> int:
    return max(bisect_right(times, time + 1e-6) - 1, 0)


class Straightener:
    """Makes pictures what a camera without distortion, of the same focal length and centre, would have shown."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._maps: dict[
            tuple[int, int], tuple[Float32[ndarray, "height width"], Float32[ndarray, "height width"]]
        ] = {}

    def __call__(self, picture: Picture) -> Picture:
        """Return the straight picture, of the same size, black where nothing was seen."""
        if isinstance(self._camera.lens, Pinhole):
            return picture
        size_wh = (picture.shape[1], picture.shape[0])
        if size_wh not in self._maps:
            lens = self._camera.resized(size_wh).lens
            pixels = np.stack(np.meshgrid(np.arange(size_wh[0]), np.arange(size_wh[1])), axis=-1)
            ideal = (pixels - lens.centre) / lens.focal
            seen, valid = lens.project(np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1))
            seen = np.where(valid[..., None], seen, -1e4).astype(np.float32)
            self._maps = {size_wh: (seen[..., 0], seen[..., 1])}
        return np.asarray(cv2.remap(picture, *self._maps[size_wh], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT))
