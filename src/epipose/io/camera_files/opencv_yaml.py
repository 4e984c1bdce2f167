"""A single camera in OpenCV's FileStorage, as its calibration sample, ROS and many scripts write it.

The names of the entries differ from program to program, so each has several; a pose is optional and its unit judged.
"""

from pathlib import Path

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import CameraFile, CameraFormat
from epipose.io.camera_files._parsing import (
    Entry,
    assemble,
    beginning,
    lens_from_opencv,
    numbers,
    picture_size,
    rotation,
)
from epipose.io.camera_files._storage import Storage, number_lists, read_storage

MATRIX = ("camera_matrix", "cameramatrix", "intrinsic_matrix", "intrinsics", "mtx", "k")
DISTORTION = (
    "distortion_coefficients",
    "distortion_coefficents",
    "dist_coeffs",
    "distcoeffs",
    "distortion",
    "dist",
    "d",
)
ROTATION = ("rvec", "rotation", "rotation_matrix", "r")
TRANSLATION = ("tvec", "translation", "translation_vector", "t")
SIZE = {"image_size", "size", "resolution"}
FISHEYE_MODELS = ("fisheye", "equidistant", "kannala_brandt")


class OpencvFormat(CameraFormat):
    """One camera a file; its name is the entry `camera_name`, or else the name of the file."""

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is YAML, but not one of EasyMocap's pair, or XML of OpenCV."""
        if path.suffix.lower() in {".yml", ".yaml"}:
            return path.is_file() and path.stem not in {"intri", "extri"}
        return "<opencv_storage" in beginning(path)

    def read(self, path: Path) -> CameraFile:
        """Return the camera of `path`; posed when the file holds a rotation and a translation."""
        entries = {key.lower(): value for key, value in read_storage(path).items()}
        name = entries.get("camera_name")
        name = name if isinstance(name, str) and name.strip() else path.stem
        where = f"{path}: camera {name!r}"
        if not any(key in entries for key in MATRIX):
            raise InputError(f"{path} holds no camera_matrix; check that it is the calibration of one camera")
        model = entries.get("distortion_model")
        fisheye = number_lists(entries.get("fisheye_model")) == 1 or (
            isinstance(model, str) and model.lower() in FISHEYE_MODELS
        )
        lens = lens_from_opencv(
            _first(entries, MATRIX), _first(entries, DISTORTION, []), where, model="fisheye" if fisheye else ""
        )
        entry = Entry(name, lens, _size(entries, where), _pose(entries, where))
        return assemble(path, [entry], unit_m=None)


PLUGIN = OpencvFormat()


def _first(entries: Storage, names: tuple[str, ...], missing: object = None) -> object:
    """Return the first entry of one of `names`, as number lists (None if it holds something else)."""
    return next((number_lists(entries[name]) for name in names if name in entries), missing)


def _size(entries: Storage, where: str) -> tuple[int, int]:
    if "image_width" in entries and "image_height" in entries:
        return picture_size([number_lists(entries[key]) for key in ("image_width", "image_height")], where)
    if SIZE & set(entries):
        return picture_size(_first(entries, tuple(SIZE)), where)
    return 0, 0


def _pose(entries: Storage, where: str) -> Rigid | None:
    if not (set(ROTATION) & set(entries) and set(TRANSLATION) & set(entries)):
        return None
    shift = numbers(_first(entries, TRANSLATION), (3,), f"{where}: the translation")
    return Rigid(rotation(_first(entries, ROTATION), where), shift)
