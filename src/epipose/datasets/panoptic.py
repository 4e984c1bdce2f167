"""CMU Panoptic Studio (Joo et al., TPAMI 2017): groups of people in a dome, filmed by 31 HD cameras.

None of it comes with epipose: it is free for research after download with the official panoptic-toolbox. Each sequence
is a folder: `calibration_SEQ.json` (K, R, t in cm and OpenCV's distortion of every camera),
`hdPose3d_stage1_coco19/body3DScene_%08d.json` (or in `hd/` in there: the people in the frame of that number, 19 joints
of each as x, y, z in cm and a confidence), `hdVideos/hd_00_%02d.mp4` or `hdImgs/00_%02d/00_%02d_%08d.jpg`. In its world
Y points down, and the floor is at 0. The VGA and Kinect cameras run on clocks of their own and are not read.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Dataset, Recording, Wanted
from epipose.datasets._checked_poses import check_near, checked_poses
from epipose.datasets._damaged_files import laid_out, read_json
from epipose.datasets._filmed import filmed, times_filmed
from epipose.datasets._listed_pictures import Pictures, picture_paths, shown_everywhere
from epipose.datasets._opencv_cameras import opencv_camera
from epipose.datasets._selection import asked, check_root
from epipose.datasets._upright import Z_UP_FROM_Y_DOWN
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.pose.skeletons import load_skeleton

TITLE = "Panoptic Studio"
FRAME_RATE = 30000 / 1001
"""Of the HD cameras."""
SKELETON = load_skeleton("panoptic19")
CENTIMETRE = 0.01
CONFIDENT = 0.1
"""Confidence above which the official programs show a joint; it is -1 for those that were not found."""
POSES, VIDEOS, PICTURES = "hdPose3d_stage1_coco19", "hdVideos", "hdImgs"
MOST_AHEAD = 10_000
"""Frames, out of some ten thousand, before the first one that has poses."""
_SEQUENCE = re.compile(r"\d{6}_([a-z]+)\w*", re.ASCII)
_CAMERA = re.compile(r"00_\d{2}", re.ASCII)
_FRAME = re.compile(r"body3DScene_(\d{8})\.json", re.ASCII)


class Panoptic(Dataset):
    """Up to 31 HD cameras, 29.97 frames per second, any number of people, 19 joints."""

    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the sequences; `wanted.actions` are sequences or kinds of them, such as haggling."""
        check_root(root, TITLE)
        if wanted.subjects:
            raise InputError(f"{TITLE} does not name its people; choose sequences, such as haggling, with --actions")
        kinds = {
            folder.name: known[1]
            for folder in sorted(root.iterdir())
            if (known := _SEQUENCE.fullmatch(folder.name)) and _calibration(folder).is_file()
        }
        if not kinds:
            raise InputError(
                f"{root} holds no sequence of {TITLE} such as 171204_pose1/calibration_171204_pose1.json; name the"
                " folder in which the sequences lie with --root"
            )
        picked = asked(wanted.actions, {*kinds, *kinds.values()}, "sequence", root)
        names = [name for name, kind in kinds.items() if name in picked or kind in picked]
        return [_recording(root / name, kinds[name]) for name in names], []


PLUGIN = Panoptic()


def _calibration(folder: Path) -> Path:
    return folder / f"calibration_{folder.name}.json"


def _recording(folder: Path, kind: str) -> Recording:
    rig = _rig(_calibration(folder))
    scenes = _scenes(folder)
    cameras, videos = filmed(rig, {view: folder / VIDEOS / f"hd_{view}.mp4" for view in rig})
    pictures: Pictures = {}
    if not videos:
        cameras, pictures = _pictured(folder / PICTURES, rig)
    listed = [name for names in pictures.values() for name in names.values()]
    sources: tuple[Path | str, ...] = (
        _calibration(folder),
        *videos.values(),
        *(scene.name for scene in scenes.values()),
        *listed,
    )
    read = partial(_read, folder, cameras, videos, pictures, scenes)
    return Recording(folder.name, cameras, sources, read, {"action": kind, "sequence": folder.name})


def _rig(file: Path) -> dict[str, Camera]:
    """Return the HD cameras by name, such as 00_07."""
    table, rig = read_json(file), {}
    with laid_out(file):
        for camera in table["cameras"]:
            if camera["type"] != "hd":
                continue
            if not _CAMERA.fullmatch(camera["name"]):
                raise ValueError("a name that is none of an HD camera")
            rotation, shift = np.array(camera["R"], float), np.array(camera["t"], float).reshape(3) * CENTIMETRE
            made = opencv_camera(camera["K"], camera["distCoef"], rotation, shift, camera["resolution"])
            rig[camera["name"]] = made.moved(Z_UP_FROM_Y_DOWN)
    if not rig:
        raise InputError(f"{file} knows no HD camera; get it from its source again")
    return rig


def _scenes(folder: Path) -> dict[int, Path]:
    """Return the files with poses by number of the frame."""
    for place in (folder / POSES, folder / POSES / "hd"):
        found = {int(known[1]): file for file in place.glob("*.json") if (known := _FRAME.fullmatch(file.name))}
        if found:
            break
    else:
        raise InputError(
            f"there is no {folder / POSES}/body3DScene_00000000.json or the like; unpack {POSES}.tar there"
        )
    if min(found) > MOST_AHEAD or max(found) - min(found) > MOST_AHEAD + 2 * len(found):
        raise InputError(f"{place} has poses of frame {max(found)}, but few of those before; unpack {POSES}.tar again")
    return dict(sorted(found.items()))


def _pictured(images: Path, rig: Mapping[str, Camera]) -> tuple[dict[str, Camera], Pictures]:
    """Return the cameras whose pictures were cut out of the videos, with these; all, and nothing, without pictures."""
    pictures = {}
    for view in rig:
        name = re.compile(rf"{view}_(\d{{8}})\.(?:jpg|png)", re.ASCII)
        files = sorted((images / view).glob(f"{view}_*"))
        found = {int(known[1]): f"{view}/{file.name}" for file in files if (known := name.fullmatch(file.name))}
        if found:
            pictures[view] = found
    return {view: camera for view, camera in rig.items() if view in pictures or not pictures}, pictures


def _read(
    folder: Path,
    cameras: Mapping[str, Camera],
    videos: Mapping[str, Path],
    pictures: Pictures,
    scenes: Mapping[int, Path],
) -> Contents:
    frames = list(scenes)
    times = np.array(frames) / FRAME_RATE
    if videos:
        # Videos begin before the first pose, and have frames in which nobody was found.
        times = times_filmed(videos, cameras, FRAME_RATE, TITLE, frames[-1] + 1)
        frames = list(range(len(times)))
    elif pictures:
        frames = shown_everywhere(frames, pictures)
        if not frames:
            raise InputError(f"{folder / PICTURES} has no moment with a pose that all cameras show; unpack it again")
        times = np.array(frames) / FRAME_RATE
    people = [_people(scenes[frame]) if frame in scenes else {} for frame in frames]
    joints = _in_columns(people)
    known = joints[..., 3] > CONFIDENT
    positions = Z_UP_FROM_Y_DOWN.apply(joints[..., :3] * CENTIMETRE)
    poses = checked_poses(positions, known, times, SKELETON, next(iter(scenes.values())).parent)
    return Contents(poses, videos, picture_paths(folder / PICTURES, pictures, frames))


def _people(file: Path) -> dict[int, Float[ndarray, "19 4"]]:
    """Return x, y, z (cm) and confidence of every joint of the people in one frame, by their numbers."""
    table, people = read_json(file), {}
    with laid_out(file):
        for body in table["bodies"]:
            joints = np.array(body["joints19"], float)
            if joints.shape != (len(SKELETON) * 4,):
                raise InputError(
                    f"{file} has {joints.size / 4:g} joints for a person, not {len(SKELETON)}; unpack {POSES}.tar again"
                )
            check_near(joints * CENTIMETRE, file)
            if body["id"] in people:
                raise InputError(f"{file} has person {body['id']} twice; unpack {POSES}.tar again")
            people[_number(body["id"])] = joints.reshape(-1, 4)
    return people


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("not the number of a person")
    return value


def _in_columns(people: Sequence[Mapping[int, Float[ndarray, "19 4"]]]) -> Float[ndarray, "frames people 19 4"]:
    """Return the people of all frames, each in a column; all is 0 where somebody is not there."""
    columns = sorted({number for frame in people for number in frame})
    joints = np.zeros((len(people), len(columns), len(SKELETON), 4))
    for row, frame in enumerate(people):
        for number, body in frame.items():
            joints[row, columns.index(number)] = body
    return joints
