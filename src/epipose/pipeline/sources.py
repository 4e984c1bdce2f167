"""What `epipose predict` looks at: a picture, a folder of pictures, a video, or a camera of this computer."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epipose.errors import InputError
from epipose.io.capture_layouts import VIDEO_SUFFIXES
from epipose.io.pictures import PICTURE_SUFFIXES, picture_files, read_picture, read_pictures
from epipose.io.videos import Frame, probe, read_frames
from epipose.io.webcams import frame_rate, live_frames, open_webcam, size_wh


@dataclass(frozen=True, eq=False)
class Opened:
    """A source whose frames are there to be taken."""

    frames: Iterator[Frame]
    size_wh: tuple[int, int]
    """Of the first frame."""
    frame_rate: float
    """1/s; 1 for pictures that are none of a video."""


@dataclass(frozen=True, eq=False)
class Source:
    """One view, opened when its frames are asked for."""

    kind: Literal["pictures", "video", "webcam"]
    """`pictures` have nothing to do with each other; a folder of them with a frame rate is a video."""
    name: str
    path: Path
    """Of the file or folder; where the program runs, for a webcam."""
    files: tuple[Path, ...] = ()
    """Of pictures."""
    count: int | None = None
    """Frames; None where nobody knows."""
    frame_rate: float | None = None
    """1/s; None for a webcam, which says it when it is opened, and for pictures that are none of a video."""
    size_wh: tuple[int, int] = (0, 0)
    """Of the first picture; not known of a webcam."""
    rotation: int = 0
    """Degrees clockwise by which a video asks to be turned for display."""
    notes: tuple[str, ...] = ()

    @property
    def out(self) -> Path:
        """Where results go if nobody says: beside the source, or in `predicted/` of the capture it belongs to."""
        if self.path.parent.name in ("videos", "images"):
            return self.path.parent.parent / "predicted" / self.name
        return (self.path if self.kind == "webcam" else self.path.parent) / f"{self.name}-predicted"

    @property
    def capture(self) -> Path | None:
        """The folder in whose models/ a model may be, if there is one."""
        for folder in (self.path.parent, self.path.parent.parent):
            if (folder / "models").is_dir():
                return folder
        return None

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """Open the source; raises InputError, also while frames are taken, if it cannot be read."""
        if self.kind == "webcam":
            with open_webcam(int(self.name.removeprefix("webcam"))) as capture:
                yield Opened(live_frames(capture), size_wh(capture), frame_rate(capture))
            return
        rate = self.frame_rate or 1.0
        frames: Iterator[Frame]
        if self.kind == "pictures":
            frames = (Frame(index, float(index), read_picture(file)) for index, file in enumerate(self.files))
        else:
            frames = read_pictures(self.path, frame_rate=rate) if self.files else read_frames(self.path)
        yield Opened(frames, self.size_wh, rate)


def open_source(source: str | Path, frame_rate: float | None = None) -> Source:
    """Return what there is to look at; raises InputError if there is nothing, or nothing that can be read.

    A number is a camera of this computer, unless there is a file of that name. With a `frame_rate` (1/s) the pictures
    of a folder are frames of a video.
    """
    path = Path(source)
    if frame_rate is not None and not (math.isfinite(frame_rate) and frame_rate > 0):
        raise InputError(f"a frame rate of {frame_rate} cannot be; give frames per second")
    if str(source).isdecimal() and not path.exists():
        return Source("webcam", f"webcam{int(str(source))}", Path())
    if not path.exists():
        raise InputError(
            f"there is no {path}; name a picture, a folder of pictures, a video, or the number of a camera"
        )
    if path.is_dir():
        return _folder(path, frame_rate)
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return _pictures(path, (path,))
    info = probe(path)
    return Source(
        "video",
        path.stem,
        path,
        count=len(info.times),
        frame_rate=info.frame_rate,
        size_wh=info.size_wh,
        rotation=info.rotation,
        notes=info.notes,
    )


def _folder(path: Path, frame_rate: float | None) -> Source:
    files = picture_files(path)
    if not files:
        inside = sorted((*path.glob("*"), *path.glob("videos/*")))
        videos = [file for file in inside if file.suffix.lower() in VIDEO_SUFFIXES]
        hint = f"; name one of its videos, such as {videos[0]}" if videos else "; name a folder of pictures, or a video"
        raise InputError(f"{path} holds no pictures{hint}")
    pictures = _pictures(path, files)
    if frame_rate is None:
        return pictures
    return Source(
        "video", pictures.name, path, files, count=len(files), frame_rate=frame_rate, size_wh=pictures.size_wh
    )


def _pictures(path: Path, files: tuple[Path, ...]) -> Source:
    height, width = read_picture(files[0]).shape[:2]
    name = path.stem if path.is_file() else path.resolve().name
    return Source("pictures", name, path, files, count=len(files), size_wh=(width, height))
