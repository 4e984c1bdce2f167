"""The training set of MPI-INF-3DHP: `S*/Seq*/annot.mat`, `camera.calibration` and `imageSequence/video_*.avi`.

`annot.mat` has cell arrays with a cell for each of 14 cameras; of `annot3`, frames x 84: x, y, z of 28 joints in mm, in
the axes of that camera. (`univ_annot3` shows bodies of one height for everybody, which do not lie on the pictures: not
read.) `camera.calibration` is text, seven lines a camera: name, sensor, size, animated, intrinsic and extrinsic (4x4,
row by row; mm, from the world to the camera), radial. Its world has Y pointing up and the floor at 0.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Recording
from epipose.datasets._checked_poses import check_near, checked_poses
from epipose.datasets._damaged_files import laid_out, read_lines
from epipose.datasets._filmed import filmed, times_filmed
from epipose.datasets._mat_files import read_cells
from epipose.datasets._mpi_inf_3dhp_facts import MILLIMETRE, SHORT_VIDEO, TITLE, Part
from epipose.datasets._opencv_cameras import opencv_camera
from epipose.datasets._upright import Z_UP_FROM_Y_UP
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.pose.skeletons import load_skeleton

SKELETON = load_skeleton("mpi_inf_3dhp28")
MOST_APART_M = 0.02
"""Metres by which cameras may place joints apart."""
_HEADING = "Skeletool Camera Calibration File"
_KEYS = ("name", "sensor", "size", "animated", "intrinsic", "extrinsic", "radial")


def parts(root: Path) -> list[Part]:
    """Return the sequences that are there."""
    files = sorted(root.glob("S[1-8]/Seq[12]/annot.mat"))
    return [Part(file.parents[1].name, file.parent.name, file.parent) for file in files]


def recording(part: Part) -> tuple[Recording, list[str]]:
    """Return a sequence, and what was left out or assumed."""
    calibration = part.folder / "camera.calibration"
    rig, notes = _rig(calibration), []
    videos = {view: part.folder / "imageSequence" / f"{view}.avi" for view in rig}
    short = SHORT_VIDEO.get((part.subject, part.sequence), "")
    if short in videos and videos[short].is_file():
        notes.append(f"{part.name} has no {short}: that video ends long before the others")
        del rig[short], videos[short]
    cameras, videos = filmed(rig, videos)
    annotations = part.folder / "annot.mat"
    read = partial(_read, part, annotations, cameras, videos)
    return Recording(part.name, cameras, (annotations, calibration, *videos.values()), read, part.about), notes


def _rig(file: Path) -> dict[str, Camera]:
    """Return the cameras, called as the videos: video_0 ..."""
    lines = [line.split() for line in read_lines(file) if line.strip()]
    rig = {}
    with laid_out(file):
        if " ".join(lines[0]).startswith(_HEADING):
            lines = lines[1:]
        for start in range(0, len(lines), len(_KEYS)):
            camera = {words[0]: words[1:] for words in lines[start : start + len(_KEYS)]}
            (name,) = camera["name"]
            if tuple(camera) != _KEYS or not re.fullmatch(r"\d{1,2}", name, re.ASCII):
                raise ValueError("other lines")
            if any(map(float, camera["animated"] + camera["radial"])):
                raise ValueError("a camera that moves, or a distortion that is not described")
            intrinsic, extrinsic = (
                np.array(camera[key], float).reshape(4, 4)[:3] for key in ("intrinsic", "extrinsic")
            )
            shift = extrinsic[:, 3] * MILLIMETRE
            made = opencv_camera(intrinsic[:, :3], (), extrinsic[:, :3], shift, camera["size"])
            rig[f"video_{int(name)}"] = made.moved(Z_UP_FROM_Y_UP)
    if not rig:
        raise InputError(f"{file} knows no camera; get it from its source again")
    return rig


def _read(part: Part, file: Path, cameras: Mapping[str, Camera], videos: Mapping[str, Path]) -> Contents:
    cells = read_cells(file, "annot3")
    seen = {view: _joints(file, cells, int(view.removeprefix("video_"))) for view in cameras}
    count = min(map(len, seen.values()))
    times = times_filmed(videos, cameras, part.frame_rate, TITLE, count)
    placed = {view: camera.cam_from_world.inverse().apply(seen[view][: len(times)]) for view, camera in cameras.items()}
    base = next(iter(placed))
    for view, joints in placed.items():
        apart = float(np.median(np.linalg.norm(joints - placed[base], axis=-1))) if len(times) else 0.0
        if not apart <= MOST_APART_M:
            raise InputError(
                f"{file} and {file.parent / 'camera.calibration'} do not belong together: {view} and {base} place"
                f" joints {1000 * apart:.0f} mm apart; get both again"
            )
    positions = placed[base][:, None]
    known = np.ones(positions.shape[:-1], bool)
    return Contents(checked_poses(positions, known, times, SKELETON, file), dict(videos))


def _joints(file: Path, cells: list[ndarray], number: int) -> Float[ndarray, "frames 28 3"]:
    """Return the joints as one camera sees them, in metres."""
    numbers = cells[number] if number < len(cells) else np.empty(0)
    if numbers.ndim != 2 or numbers.shape[1] != 3 * len(SKELETON):
        raise InputError(
            f"{file} holds poses of shape {numbers.shape} for camera {number}, not (frames, {3 * len(SKELETON)});"
            " get it again"
        )
    check_near(numbers * MILLIMETRE, file)
    return numbers.reshape(-1, len(SKELETON), 3) * MILLIMETRE
