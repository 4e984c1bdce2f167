"""Fitting a calibrated camera to the pictures of its video, whose size is not always the one it was calibrated at."""

from dataclasses import replace

import numpy as np

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import BrownConrady, Human36mLens
from epipose.geometry.rigid import Rigid

MOST_CROPPED_PX = 16
"""Video encoders work in blocks of 16 pixels and drop what is over, so 1088 becomes 1080."""
MOST_CROPPED_PART = 0.02
EDGES = ("right", "bottom")
QUARTER_TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""New camera axes from old ones when the picture is turned clockwise: what was down is now left."""


def fit_to_video(
    camera: Camera, size_wh: tuple[int, int], name: str, *, rotation: int = 0
) -> tuple[Camera, str | None]:
    """Return the camera for pictures of `size_wh`, and a sentence for the report when its calibration was of others.

    A few pixels more or less at the same scale are a crop at the right or bottom edge, where encoders cut; pictures of
    the same shape are a resize; pictures turned by a quarter are turned as `rotation`, the degrees clockwise by which
    the video asks to be turned for display, says. A size of (0, 0) in `camera`, unknown, takes that of the video.
    Raises InputError for any other size, and for a quarter turn whose direction is not known.
    """
    if camera.size_wh == size_wh:
        return camera, None
    if camera.size_wh == (0, 0):
        return _with_unknown_size(camera, size_wh, name)
    sizes = f"the calibration of {name} is for pictures of {_words(camera.size_wh)}, its video has {_words(size_wh)}"
    if _is_crop(camera.size_wh, size_wh):
        changes = [
            f"{abs(old - new)} px {'less' if new < old else 'more'} at the {edge}"
            for old, new, edge in zip(camera.size_wh, size_wh, EDGES, strict=True)
            if old != new
        ]
        return replace(camera, size_wh=size_wh), f"{sizes}: taken as {' and '.join(changes)}, at the same scale"
    if _is_resize(camera.size_wh, size_wh):
        return camera.resized(size_wh), f"{sizes}: taken as resized"
    across = (camera.size_wh[1], camera.size_wh[0])
    if across == size_wh or _is_crop(across, size_wh) or _is_resize(across, size_wh):
        if rotation % 360 not in (90, 270):
            raise InputError(
                f"{sizes}, turned by a quarter in a direction that is not known; turn the video as it was when it was"
                " calibrated, or calibrate with pictures of this video"
            )
        for _ in range(rotation % 360 // 90):
            camera = _turned_clockwise(camera)
        fitted, _ = fit_to_video(camera, size_wh, name)
        return fitted, f"{sizes}: taken as turned by {rotation % 360} degrees clockwise, as the video asks for"
    raise InputError(f"{sizes}; calibrate with pictures of this video, or export it uncropped")


def _words(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"


def _is_crop(old: tuple[int, int], new: tuple[int, int]) -> bool:
    return all(abs(a - b) <= min(MOST_CROPPED_PX, MOST_CROPPED_PART * a) for a, b in zip(old, new, strict=True))


def _is_resize(old: tuple[int, int], new: tuple[int, int]) -> bool:
    """Return whether one factor explains both sides, up to the pixel that rounding to even sizes costs."""
    low = max((n - 1) / o for o, n in zip(old, new, strict=True))
    high = min((n + 1) / o for o, n in zip(old, new, strict=True))
    return low <= high


def _with_unknown_size(camera: Camera, size_wh: tuple[int, int], name: str) -> tuple[Camera, str]:
    if any(not 0.25 * n < c < 0.75 * n for c, n in zip(camera.lens.centre, size_wh, strict=True)):
        raise InputError(
            f"the calibration of {name} has its principal point at {camera.lens.centre[0]:.0f},"
            f" {camera.lens.centre[1]:.0f}, far from the middle of its video of {_words(size_wh)}; calibrate with"
            " pictures of this video, or add the picture size to the calibration"
        )
    return replace(camera, size_wh=size_wh), f"the calibration of {name} gives no picture size; taken as its video's"


def _turned_clockwise(camera: Camera) -> Camera:
    """Return the camera whose pictures are turned by 90 degrees clockwise: (u, v) becomes (height - 1 - v, u)."""
    lens = camera.lens
    coefficients = list(lens.coefficients)
    if isinstance(lens, BrownConrady | Human36mLens):
        # (p2, p1) is a direction in the picture and turns with it.
        coefficients[2:4] = [coefficients[3], -coefficients[2]]
    turned = replace(
        lens,
        focal=lens.focal[::-1],
        centre=(camera.size_wh[1] - 1 - lens.centre[1], lens.centre[0]),
        coefficients=tuple(coefficients),
    )
    motion = Rigid(QUARTER_TURN, np.zeros(3)) @ camera.cam_from_world
    return Camera(turned, motion, camera.size_wh[::-1])
