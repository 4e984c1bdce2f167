"""Whole pictures in the page, beneath each other: drawings as they are, photos as small as the page can bear."""

import base64
import html
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.io.pictures import as_jpeg, as_png
from epipose.report.learning.contents import Pictured

MOST_PICTURES = 12
MOST_WIDE = 1680
"""Pixels; wider ones are shrunk. Drawings of that width are sharp on any screen."""
MOST_BYTES = 192 * 1024
"""Of a picture. Drawings on white are smaller; what is not is no drawing and becomes a JPEG, or smaller."""
QUALITY = 85


def pictures(shown: Sequence[Pictured]) -> str:
    """Return the section of the first MOST_PICTURES pictures with their captions; nothing without any."""
    if not shown:
        return ""
    figures = "".join(_figure(one) for one in shown[:MOST_PICTURES])
    return f"<section class='pictures'><h2>What the network knows of poses</h2>{figures}</section>"


def _figure(shown: Pictured) -> str:
    caption = html.escape(shown.caption)
    height, width = shown.picture.shape[:2]
    # With its shape said before it is decoded, the page does not jump.
    return (
        f"<figure><img src='{_source(shown.picture)}' width='{width}' height='{height}' alt='{caption}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _source(picture: UInt8[ndarray, "height width 3"]) -> str:
    """Return the address of a picture that is within the page."""
    scale = MOST_WIDE / picture.shape[1]
    kind, data = "png", as_png(shrunk(picture, scale))
    while len(data) > MOST_BYTES:
        kind, data = "jpeg", as_jpeg(shrunk(picture, scale), QUALITY)
        scale = 0.8 * min(scale, 1.0)
    return address(kind, data)


def address(kind: str, data: bytes) -> str:
    """Return an address that holds what a file of a picture would; `kind`: "jpeg" or "png"."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def shrunk(picture: UInt8[ndarray, "height width 3"], scale: float) -> UInt8[ndarray, "new_height new_width 3"]:
    """Return a picture made smaller, or as it is where `scale` is 1 or more."""
    if scale >= 1:
        return picture
    height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
