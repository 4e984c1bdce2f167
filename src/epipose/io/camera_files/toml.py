"""The TOML of aniposelib, Pose2Sim and Caliscope: one table a camera, read and written.

A table holds `name`, `size` (width, height), `matrix`, `distortions`, `rotation` (Rodrigues vector, or matrix) and
`translation` of the motion from world to camera, and `fisheye`. Caliscope puts them under [cameras.N], calls the name
`cam_id` and writes "null" where it knows nothing. We add `units` to [metadata], and to a camera `lens` ("human36m" or
"pinhole", where the other keys cannot say it), `centre_uncertainty` (in `units`) and `rotation_uncertainty` (radians).
A file of lenses only holds poses too, as other programs expect them, and says `lenses_only` in [metadata].
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w

from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Fisheye, Human36mLens, Pinhole
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import rotvec_from_rotation
from epipose.io.camera_files import CameraFile, CameraFormat, CameraUncertainty
from epipose.io.camera_files._parsing import (
    Entry,
    assemble,
    is_identity,
    lens_from_opencv,
    numbers,
    picture_size,
    read_text,
    rotation,
)
from epipose.io.files import atomic_write
from epipose.io.view_names import natural_key

UNITS_M = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), 0.01),
    **dict.fromkeys(("mm", "millimetre", "millimetres", "millimeter", "millimeters"), 0.001),
}
NOTHING = (None, "null", "None", "none", "")
"""How Caliscope and others write a value that they do not know; TOML has no word for it."""


class TomlFormat(CameraFormat):
    """The exchange format, and the one that this program writes."""

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is a file called *.toml."""
        return path.suffix.lower() == ".toml" and path.is_file()

    def read(self, path: Path) -> CameraFile:
        """Return the cameras of a TOML file; without `units`, lengths are judged to be metres or millimetres."""
        try:
            document = tomllib.loads(read_text(path))
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "nested too deeply or too large"
            raise InputError(f"{path} is not sound TOML ({reason}); write it again or mend that line") from error
        tables, ignored = _camera_tables(document, path)
        notes = (f"{path.name} says to ignore {', '.join(ignored)}, which is left out",) if ignored else ()
        unit_m = _unit(document, path)
        entries = [_entry(key, table, path, unit_m) for key, table in tables.items()]
        if _metadata(document).get("lenses_only") is True:
            entries = [replace(entry, cam_from_world=None) for entry in entries]
        return assemble(path, entries, unit_m=unit_m, notes=notes)


PLUGIN = TomlFormat()


def write(
    path: Path,
    cameras: Mapping[str, Camera],
    uncertainty: Mapping[str, CameraUncertainty],
    metadata: Mapping[str, object],
) -> None:
    """Write cameras in metres; tables are numbered so that a program that sorts them as text keeps their order."""
    digits = len(str(len(cameras) - 1))
    document: dict[str, Any] = {
        f"cam_{index:0{digits}}": _table(name, camera, uncertainty.get(name))
        for index, (name, camera) in enumerate(cameras.items())
    }
    document["metadata"] = {"adjusted": False, "error": 0.0, **metadata, "units": "m"}
    if len(cameras) > 1 and all(is_identity(camera.cam_from_world) for camera in cameras.values()):
        document["metadata"]["lenses_only"] = True
    with atomic_write(path, "w") as file:
        file.write(tomli_w.dumps(document))


def _table(name: str, camera: Camera, uncertainty: CameraUncertainty | None) -> dict[str, Any]:
    pinhole = isinstance(camera.lens, Pinhole)
    table: dict[str, Any] = {
        "name": name,
        "size": list(camera.size_wh),
        "matrix": camera.lens.matrix.tolist(),
        # Other programs expect the coefficients to be there.
        "distortions": [0.0] * 5 if pinhole else list(camera.lens.coefficients),
        "rotation": rotvec_from_rotation(camera.cam_from_world.rotation).tolist(),
        "translation": camera.cam_from_world.translation.tolist(),
        "fisheye": isinstance(camera.lens, Fisheye),
    }
    if camera.size_wh == (0, 0):
        del table["size"]
    if isinstance(camera.lens, Human36mLens) or pinhole:
        table["lens"] = "pinhole" if pinhole else "human36m"
    if uncertainty is not None:
        table["centre_uncertainty"] = uncertainty.centre_m
        table["rotation_uncertainty"] = uncertainty.rotation_rad
    return table


def _camera_tables(document: dict[str, Any], path: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the tables that describe a camera, in natural order, and the names of those to be ignored."""
    nested = document.get("cameras")
    tables = nested if isinstance(nested, dict) else document
    cameras: dict[str, dict[str, Any]] = {}
    ignored = []
    for key in sorted(tables, key=natural_key):
        table = tables[key]
        if not isinstance(table, dict) or key == "metadata" or not ({"matrix", "rotation", "translation"} & set(table)):
            continue
        if table.get("ignore") is True:
            ignored.append(_name(key, table, path))
        else:
            cameras[key] = table
    return cameras, ignored


def _name(key: str, table: dict[str, Any], path: Path) -> str:
    name = table.get("name")
    if name in NOTHING:
        name = f"cam_{key}" if key.isdecimal() else key
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise InputError(f"{path}: the name of [{key}] must be text; name it as its video")
    return str(name)


def _metadata(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _unit(document: dict[str, Any], path: Path) -> float | None:
    units = document.get("units", _metadata(document).get("units"))
    if units is None:
        return None
    if not isinstance(units, str) or units.strip().lower() not in UNITS_M:
        raise InputError(f'{path}: the unit of length {units!r} is not known; use units = "m", "cm" or "mm"')
    return UNITS_M[units.strip().lower()]


def _entry(key: str, table: dict[str, Any], path: Path, unit_m: float | None) -> Entry:
    name = _name(key, table, path)
    where = f"{path}: camera {name!r}"
    known = {k: v for k, v in table.items() if not (isinstance(v, str) and v in NOTHING)}
    if "matrix" not in known:
        raise InputError(f"{where} has no matrix; calibrate its lens, or set ignore = true to leave it out")
    model = known.get("lens", "fisheye" if known.get("fisheye") is True else "")
    if not isinstance(model, str):
        raise InputError(f"{where}: lens must be text")
    posed = ("rotation" in known) + ("translation" in known)
    if posed == 1:
        raise InputError(f"{where} has only one of rotation and translation; give both or neither")
    pose = None
    if posed:
        shift = numbers(known["translation"], (3,), f"{where}: the translation")
        pose = Rigid(rotation(known["rotation"], where), shift)
    size_wh = picture_size(known["size"], where) if "size" in known else (0, 0)
    lens = lens_from_opencv(known["matrix"], known.get("distortions", []), where, model=model)
    return Entry(name, lens, size_wh, pose, _uncertainty(known, where, unit_m))


def _uncertainty(known: dict[str, Any], where: str, unit_m: float | None) -> CameraUncertainty | None:
    if "centre_uncertainty" not in known or "rotation_uncertainty" not in known:
        return None
    centre = float(numbers(known["centre_uncertainty"], (), f"{where}: centre_uncertainty"))
    turn = float(numbers(known["rotation_uncertainty"], (), f"{where}: rotation_uncertainty"))
    if min(centre, turn) < 0:
        raise InputError(f"{where}: an uncertainty is negative; write it as one standard deviation")
    return CameraUncertainty(centre * (unit_m if unit_m is not None else 1.0), turn)
