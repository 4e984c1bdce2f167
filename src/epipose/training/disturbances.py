"""What happens to training pictures by chance: things in front, other colours, blur, noise, compression."""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from epipose.geometry.crop_frames import CropFrame
from epipose.geometry.images import mapped

COVERING = 0.4
"""Share of the pictures parts of which are covered."""


def disturbed(
    picture: UInt8[ndarray, "size size 3"],
    another: Callable[[], UInt8[ndarray, "n n 3"]],
    rng: np.random.Generator,
    covering: float = COVERING,
) -> UInt8[ndarray, "size size 3"]:
    """Cover parts of the picture, let another one shine through, change its style and colours, each at times.

    `another` gives some other picture; `covering` is how often something is covered.
    """
    if rng.random() < covering:
        _cover(picture, another(), rng)
    if rng.random() < 0.12:
        share, other = rng.uniform(0.05, 0.3), another()
        other = cv2.resize(other, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.addWeighted(picture, 1 - share, other, share, 0))
    if rng.random() < 0.12:
        picture = _restyled(picture, rng)
    return recoloured(picture, rng)


def _cover(picture: UInt8[ndarray, "size size 3"], other: UInt8[ndarray, "n n 3"], rng: np.random.Generator) -> None:
    """Lay patches of another crop or of one colour over the picture."""
    size = len(picture)
    for _ in range(rng.integers(1, 4)):
        width, height = (int(value) for value in rng.uniform(0.06, 0.3, 2) * size)
        left, top = (int(value) for value in rng.uniform(-0.05, 0.95, 2) * size)
        part = picture[max(top, 0) : top + height, max(left, 0) : left + width]
        rows, columns = part.shape[:2]
        if rng.random() < 0.5 and rows <= len(other) and columns <= len(other):
            down, right = (int(rng.integers(len(other) - extent + 1)) for extent in (rows, columns))
            part[:] = other[down : down + rows, right : right + columns]
        else:
            part[:] = rng.integers(0, 256, 3)


def _restyled(picture: UInt8[ndarray, "size size 3"], rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Mix colours and neighbours by chance: what stays is shape, which drawn and filmed people share.

    Random convolutions, after Xu et al., ICLR 2021.
    """
    colours = rng.normal(0, 0.6, (3, 3))
    restyled = cv2.transform(picture.astype(np.float32), colours.astype(np.float32))
    if rng.random() < 0.5:
        kernel = rng.normal(0, 0.4, (3, 3))
        kernel[1, 1] += 1
        restyled = cv2.filter2D(restyled, -1, kernel.astype(np.float32))
    mean, spread = restyled.mean(axis=(0, 1)), restyled.std(axis=(0, 1)) + 5
    restyled = (restyled - mean) / spread * picture.std(axis=(0, 1)) + picture.mean(axis=(0, 1))
    share = rng.uniform(0.3, 1)
    return np.asarray(np.clip(share * restyled + (1 - share) * picture, 0, 255).astype(np.uint8))


def recoloured(picture: UInt8[ndarray, "size size 3"], rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Change exposure, contrast and tint, sometimes to grey; blur, compress or add noise sometimes."""
    levels = np.arange(256, dtype=np.float32)[:, None]
    contrast, gamma = rng.uniform(0.65, 1.4), rng.uniform(0.75, 1.35)
    tint = rng.normal(0, 9, 3) + rng.normal(0, 18)
    table = 255 * (np.clip((levels - 128) * contrast + 128 + tint, 0, 255) / 255) ** gamma
    picture = np.asarray(cv2.LUT(picture, np.ascontiguousarray(table.astype(np.uint8)[None])))
    if rng.random() < 0.12:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.8))
    if rng.random() < 0.15:
        picture = _smeared(picture, rng)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 12), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        _, compressed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        picture = np.asarray(cv2.imdecode(compressed, cv2.IMREAD_COLOR))
    return picture


def _smeared(picture: UInt8[ndarray, "size size 3"], rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Blur along one direction, as motion does."""
    length, angle = rng.uniform(2, 0.06 * len(picture)), rng.uniform(0, np.pi)
    reach = int(np.ceil(length / 2))
    step = np.arange(-reach, reach + 1)
    along = np.cos(angle) * step[None] + np.sin(angle) * step[:, None]
    across = np.cos(angle) * step[:, None] - np.sin(angle) * step[None]
    kernel = (np.abs(along) <= length / 2) * np.clip(1 - np.abs(across), 0, 1)
    return np.asarray(cv2.filter2D(picture, -1, (kernel / kernel.sum()).astype(np.float32)))


def draw_disc(
    picture: UInt8[ndarray, "size size 3"], disc: Float64[ndarray, "3"], frame: CropFrame, rng: np.random.Generator
) -> None:
    """Draw the scene's round obstacle where it stands, in a colour of its own."""
    middle = mapped(frame.crop_from_px, disc[:2])
    radius = disc[2] * frame.size / frame.side_px
    shift = 4  # bits of OpenCV's fractions of pixels
    centre = np.clip(np.round(middle * 2**shift), -(2**20), 2**20).astype(int).tolist()
    colour = rng.integers(0, 256, 3).tolist()
    cv2.circle(picture, centre, round(radius * 2**shift), colour, -1, cv2.LINE_AA, shift)
