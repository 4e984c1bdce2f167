"""Views that are folders of pictures instead of videos."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.io.files import atomic_write
from epipose.io.videos import Frame
from epipose.io.view_names import natural_key
from epipose.native_output import native_stderr_muted

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})


def picture_files(folder: Path) -> tuple[Path, ...]:
    """Return the pictures in `folder` in natural order of their names."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    return tuple(sorted((path for path in files if not path.name.startswith(".")), key=lambda p: natural_key(p.name)))


def read_pictures(folder: Path, *, frame_rate: float) -> Iterator[Frame]:
    """Yield the pictures of one view, taken at `frame_rate` (1/s), upright as their EXIF data ask."""
    shape: tuple[int, ...] = ()
    for index, path in enumerate(picture_files(folder)):
        image = read_picture(path)
        shape = shape or image.shape
        if image.shape != shape:
            raise InputError(f"{path} differs in size from the pictures before it; bring all of {folder} to one size")
        yield Frame(index, index / frame_rate, image)


def read_picture(path: Path, *, as_stored: bool = False) -> UInt8[ndarray, "height width 3"]:
    """Return one picture as RGB of 8 bits, upright as its EXIF data ask, or `as_stored`.

    Raises InputError when it cannot be read.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except FileNotFoundError as error:
        raise InputError(f"there is no picture {path}; check the name") from error
    try:
        with native_stderr_muted():  # what the libraries of formats have to say of damaged files
            how = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if as_stored else 0)
            image = cv2.imdecode(data, how) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path} is not a picture that can be read; replace or remove it")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def write_jpeg(path: Path, picture: UInt8[ndarray, "height width 3"]) -> None:
    """Write an RGB picture, whole or not at all."""
    with atomic_write(path, "wb") as file:
        file.write(as_jpeg(picture))


def write_png(path: Path, picture: UInt8[ndarray, "height width 3"]) -> None:
    """Write an RGB picture without loss, whole or not at all."""
    with atomic_write(path, "wb") as file:
        file.write(as_png(picture))


def as_jpeg(picture: UInt8[ndarray, "height width 3"], quality: int = 92) -> bytes:
    """Return an RGB picture as the content of a JPEG file of a `quality` of 0 to 100."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)


def as_png(picture: UInt8[ndarray, "height width 3"]) -> bytes:
    """Return an RGB picture as the content of a PNG file."""
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return bytes(data)
