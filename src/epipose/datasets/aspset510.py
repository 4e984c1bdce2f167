"""ASPset-510 (Nibali et al., 2021): amateurs doing sports outdoors, filmed by three cameras; in the public domain.

`{trainval,test}/joints_3d/SUBJECT/SUBJECT-CLIP.c3d`: 17 joints in mm; `cameras/SUBJECT/SUBJECT-VIEW.json`: matrices
from the world to the camera (4x4, mm) and to its picture (3x4), without distortion; `videos/SUBJECT/
SUBJECT-CLIP-VIEW.mkv`. Clips of `test` were released with one view each. Its world has the axes of the left camera:
neither upright nor on the floor, which is made up for by level tripods and by feet.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets import Contents, Dataset, Recording, Wanted
from epipose.datasets._checked_poses import check_near, checked_poses
from epipose.datasets._damaged_files import laid_out, read_json
from epipose.datasets._filmed import filmed, times_filmed
from epipose.datasets._opencv_cameras import opencv_camera
from epipose.datasets._selection import asked, check_root
from epipose.datasets._upright import floor_below, up_of_level_cameras, upright
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.rigid import Rigid
from epipose.io.c3d_files import read_c3d
from epipose.pose.skeletons import load_skeleton

TITLE = "ASPset-510"
FRAME_RATE = 50.0
SIZE = (3840, 2160)
VIEWS = ("left", "mid", "right")
SPLITS = ("trainval", "test")
SKELETON = load_skeleton("mpi_inf_3dhp17")
"""The same joints, in another order."""
MILLIMETRE = 0.001
_CLIP = re.compile(r"([0-9a-zA-Z]+)-([0-9a-zA-Z]+)", re.ASCII)


class Aspset510(Dataset):
    """Up to three cameras, 50 frames per second, 17 people, 30 clips of each, 17 joints."""

    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the clips; `wanted.actions` are the numbers of clips, as actions have no names."""
        check_root(root, TITLE)
        clips = _clips(root)
        if not clips:
            raise InputError(
                f"{root} holds no trainval/joints_3d/*/*.c3d or test/joints_3d/*/*.c3d of {TITLE}; name the folder in"
                " which trainval and test lie with --root"
            )
        subjects = asked(wanted.subjects, {clip.subject for clip in clips}, "subject", root)
        numbers = asked(wanted.actions, {clip.number for clip in clips}, "clip", root)
        picked = [clip for clip in clips if clip.subject in subjects and clip.number in numbers]
        if not picked:
            raise InputError(f"nothing of {root} is left to prepare; ask for other subjects or clips")
        worlds, notes = {}, []
        for key in dict.fromkeys((clip.split, clip.subject) for clip in picked):
            every = [clip for clip in clips if (clip.split, clip.subject) == key]
            worlds[key] = _World.of(every)
            if len(worlds[key].cameras) == 1:
                notes.append(f"{key[1]} has one camera, which is taken as level: nothing else says which way is up")
        return [_recording(clip, worlds[clip.split, clip.subject]) for clip in picked], notes


PLUGIN = Aspset510()


@dataclass(frozen=True)
class _Clip:
    """One take of one person."""

    split: str
    subject: str
    number: str
    file: Path
    """With its joints."""

    @property
    def name(self) -> str:
        return f"{self.subject}-{self.number}"

    @property
    def folder(self) -> Path:
        """Of its part of the data set."""
        return self.file.parents[2]

    def video(self, view: str) -> Path:
        return self.folder / "videos" / self.subject / f"{self.name}-{view}.mkv"

    def camera(self, view: str) -> Path:
        return self.folder / "cameras" / self.subject / f"{self.subject}-{view}.json"


def _clips(root: Path) -> list[_Clip]:
    found = []
    for split in SPLITS:
        for file in sorted((root / split / "joints_3d").glob("*/*.c3d")):
            known = _CLIP.fullmatch(file.stem)
            if known and known[1] == file.parent.name:
                found.append(_Clip(split, known[1], known[2], file))
    return found


@dataclass(frozen=True, eq=False)
class _World:
    """The upright world in which a person was filmed."""

    cameras: Mapping[str, Camera]
    world_from_given: Rigid

    @classmethod
    def of(cls, clips: list[_Clip]) -> "_World":
        """Return the world of all clips of a person: its up from the cameras, its floor from the feet in all clips."""
        given = {view: _camera(clips[0].camera(view)) for view in VIEWS if clips[0].camera(view).is_file()}
        if not given:
            raise InputError(f"there is no {clips[0].camera(VIEWS[0])} or other camera; unpack the cameras again")
        turn = upright(up_of_level_cameras(list(given.values())))
        feet = [SKELETON.index("left_ankle"), SKELETON.index("right_ankle")]
        heights = np.concatenate([turn.apply(_joints(clip.file)[:, feet])[..., 2] for clip in clips])
        known = heights[np.isfinite(heights).all(axis=1)]
        if not len(known):
            raise InputError(f"{clips[0].file.parent} holds no pose; get it from its source again")
        world_from_given = Rigid(turn.rotation, np.array([0, 0, -floor_below(known)]))
        return cls({view: camera.moved(world_from_given) for view, camera in given.items()}, world_from_given)


def _camera(file: Path) -> Camera:
    """Return a camera in the axes of the file."""
    table = read_json(file)
    with laid_out(file):
        picture = np.array(table["intrinsic_matrix"], float).reshape(3, 4)
        motion = np.array(table["extrinsic_matrix"], float).reshape(4, 4)
        if np.abs(picture[:, 3]).max() > 0 or np.abs(motion[3] - [0, 0, 0, 1]).max() > 0:
            raise ValueError("other matrices")
        return opencv_camera(picture[:, :3], (), motion[:3, :3], motion[:3, 3] * MILLIMETRE, SIZE)


def _recording(clip: _Clip, world: _World) -> Recording:
    cameras, videos = filmed(world.cameras, {view: clip.video(view) for view in world.cameras})
    sources = (clip.file, *(clip.camera(view) for view in cameras), *videos.values())
    read = partial(_read, clip, cameras, videos, world.world_from_given)
    about = {"subject": clip.subject, "action": clip.number, "split": clip.split}
    return Recording(clip.name, cameras, sources, read, about)


def _read(clip: _Clip, cameras: Mapping[str, Camera], videos: Mapping[str, Path], world_from_given: Rigid) -> Contents:
    joints = _joints(clip.file)
    times = times_filmed(videos, cameras, FRAME_RATE, TITLE, len(joints))
    positions = world_from_given.apply(joints[: len(times)])[:, None]
    known = ~np.isnan(positions).any(axis=-1)
    return Contents(checked_poses(positions, known, times, SKELETON, clip.file), dict(videos))


def _joints(file: Path) -> Float[ndarray, "frames 17 3"]:
    """Return the joints in metres, NaN where one is missing."""
    points = read_c3d(file)
    if set(points.names) != set(SKELETON.joint_names) or len(points.names) != len(SKELETON):
        raise InputError(f"{file} has other joints ({', '.join(points.names[:3])} ...) than {TITLE}; get it again")
    if abs(points.frame_rate - FRAME_RATE) > 0.01:
        raise InputError(f"{file} has {points.frame_rate:g} poses per second, {TITLE} {FRAME_RATE:g}; get it again")
    check_near(points.positions[~np.isnan(points.positions)], file)
    return points.positions[:, [points.names.index(joint) for joint in SKELETON.joint_names]]
