"""Qualisys Track Manager's camera file (.qca.txt): XML with lengths in millimetres and lenses in 1/64 pixel.

With M the rows r11 to r33, the camera stands at (x, y, z) and turns the world by diag(1, -1, -1) M, since its own axes
are y up and z backward. Distortion coefficients are as in OpenCV and are not divided by 64.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from epipose.errors import InputError
from epipose.geometry.lenses import BrownConrady
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import CameraFile, CameraFormat
from epipose.io.camera_files._parsing import (
    Entry,
    assemble,
    beginning,
    lens,
    numbers,
    picture_size,
    read_text,
    rotation,
)

SUBPIXELS = 64
OPENCV_FROM_QUALISYS = np.diag([1.0, -1.0, -1.0])


class QualisysFormat(CameraFormat):
    """Cameras that a Qualisys system calibrated."""

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is called *.qca.txt or is XML with a <calibration>."""
        return path.name.lower().endswith(".qca.txt") or "<calibration" in beginning(path)

    def read(self, path: Path) -> CameraFile:
        """Return the active cameras by their serial; lengths become metres."""
        text = read_text(path)
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise InputError(f"{path} defines XML entities, which no Qualisys file does; export it again")
        try:
            # The declared encoding is ASCII, of which the text already decoded is a superset.
            root = ElementTree.fromstring(text.encode())
        except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
            raise InputError(f"{path} is not sound XML ({error}); export it again") from error
        cameras = [camera for camera in root.iter("camera") if camera.get("active", "1") != "0"]
        turned = [c.get("serial", "") for c in cameras if c.get("viewrotation", "0") not in {"0", ""}]
        notes = (
            f"{path.name} says that {', '.join(turned)} is shown turned in Qualisys; its cameras fit the video as the"
            " sensor sees it",
        )
        return assemble(path, [_entry(c, path) for c in cameras], unit_m=0.001, notes=notes if turned else ())


PLUGIN = QualisysFormat()


def _entry(camera: Element, path: Path) -> Entry:
    name = camera.get("serial", "")
    where = f"{path}: camera {name!r}"
    transform, intrinsic = camera.find("transform"), camera.find("intrinsic")
    if transform is None or intrinsic is None:
        raise InputError(f"{where} has no transform or no intrinsic; calibrate it in Qualisys and export again")
    rows = [[_number(transform, f"r{row}{column}", where) for column in (1, 2, 3)] for row in (1, 2, 3)]
    centre = np.array([_number(transform, axis, where) for axis in "xyz"])
    cam_from_world = Rigid.from_centre(OPENCV_FROM_QUALISYS @ rotation(rows, where), centre)
    left, top, size_wh = _field_of_view(camera, intrinsic, where)
    focal = tuple(_number(intrinsic, key, where) / SUBPIXELS for key in ("focalLengthU", "focalLengthV"))
    middle = tuple(_number(intrinsic, key, where) / SUBPIXELS for key in ("centerPointU", "centerPointV"))
    keys = (
        "radialDistortion1",
        "radialDistortion2",
        "tangentalDistortion1",
        "tangentalDistortion2",
        "radialDistortion3",
    )
    coefficients = np.array([_number(intrinsic, key, where) for key in keys])
    seen = (middle[0] - left, middle[1] - top)
    return Entry(name, lens(BrownConrady, (focal[0], focal[1]), seen, coefficients, where), size_wh, cam_from_world)


def _field_of_view(camera: Element, intrinsic: Element, where: str) -> tuple[float, float, tuple[int, int]]:
    """Return the first column and row of the sensor that the video shows, and the size of the video."""
    window = camera.find("fov_video")
    if window is None:
        last = [_number(intrinsic, key, where) / SUBPIXELS for key in ("sensorMaxU", "sensorMaxV")]
        return 0.0, 0.0, picture_size([round(last[0]) + 1, round(last[1]) + 1], where)
    left, top, right, bottom = (_number(window, side, where) for side in ("left", "top", "right", "bottom"))
    return left, top, picture_size([right - left + 1, bottom - top + 1], where)


def _number(element: Element, key: str, where: str) -> float:
    text = element.get(key)
    try:
        value = float(text) if text is not None else None
    except ValueError:
        value = None
    if value is None:
        raise InputError(f"{where}: {key} is missing or not a number; calibrate it in Qualisys and export again")
    return float(numbers(value, (), f"{where}: {key}"))
