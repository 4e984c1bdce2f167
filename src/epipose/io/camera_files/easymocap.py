"""EasyMocap's pair of files: `intri.yml` with the lenses and `extri.yml` beside it with the poses, in metres.

Camera 01 has K_01 and dist_01, sometimes H_01 and W_01, in the first, and Rot_01 (matrix) or R_01 (Rodrigues vector)
and T_01, of the motion from world to camera, in the second. The list `names` says which cameras there are.
"""

from pathlib import Path

from epipose.errors import InputError
from epipose.geometry.rigid import Rigid
from epipose.io.camera_files import CameraFile, CameraFormat
from epipose.io.camera_files._parsing import Entry, assemble, lens_from_opencv, numbers, picture_size, rotation
from epipose.io.camera_files._storage import Storage, number_lists, read_storage


class EasymocapFormat(CameraFormat):
    """The pair is named by its folder or by either file."""

    def recognises(self, path: Path) -> bool:
        """Return whether `path` is one of the two files, or a folder with intri.yml."""
        return path.name in {"intri.yml", "extri.yml"} or (path / "intri.yml").is_file()

    def read(self, path: Path) -> CameraFile:
        """Return the cameras; without extri.yml only their lenses."""
        folder = path if path.is_dir() else path.parent
        intrinsic, extrinsic = folder / "intri.yml", folder / "extri.yml"
        if not intrinsic.is_file():
            raise InputError(f"{intrinsic} is missing; {extrinsic.name} needs it beside it")
        lenses = read_storage(intrinsic)
        poses = read_storage(extrinsic) if extrinsic.is_file() else {}
        entries = [_entry(name, lenses, poses, folder) for name in _names(lenses, intrinsic)]
        return assemble(folder if path.is_dir() else path, entries, unit_m=1.0)


PLUGIN = EasymocapFormat()


def _names(lenses: Storage, path: Path) -> list[str]:
    names = lenses.get("names", [key.removeprefix("K_") for key in lenses if key.startswith("K_")])
    if not isinstance(names, list):
        raise InputError(f"{path}: names must be a list of camera names")
    return [str(name) for name in names]


def _entry(name: str, lenses: Storage, poses: Storage, folder: Path) -> Entry:
    where = f"{folder / 'intri.yml'}: camera {name!r}"
    if f"K_{name}" not in lenses:
        raise InputError(f"{where} has no K_{name}; calibrate its lens or take it off the list of names")
    distortion = number_lists(lenses.get(f"dist_{name}"))
    lens = lens_from_opencv(number_lists(lenses[f"K_{name}"]), [] if distortion is None else distortion, where)
    size_wh = (0, 0)
    if f"W_{name}" in lenses and f"H_{name}" in lenses:
        size_wh = picture_size([number_lists(lenses[f"{side}_{name}"]) for side in "WH"], where)
    return Entry(name, lens, size_wh, _pose(name, poses, f"{folder / 'extri.yml'}: camera {name!r}"))


def _pose(name: str, poses: Storage, where: str) -> Rigid | None:
    turn = poses.get(f"Rot_{name}", poses.get(f"R_{name}"))
    shift = poses.get(f"T_{name}")
    if turn is None and shift is None:
        return None
    if turn is None or shift is None:
        raise InputError(f"{where} has only one of Rot_{name} (or R_{name}) and T_{name}; give both or neither")
    return Rigid(rotation(number_lists(turn), where), numbers(number_lists(shift), (3,), f"{where}: the translation"))
