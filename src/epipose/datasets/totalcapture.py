"""TotalCapture (Trumble et al., BMVC 2017): five people before eight cameras, measured with markers at the same time.

None of it comes with epipose: it is for research only, after registration with the University of Surrey. Its archives
unpack into folders that users arrange in several ways, so files are found by their names: `calibration.cal`;
`gt_skel_gbl_pos.txt` in a folder called as the take (`acting1`) below one called as the person (`S1`); videos
`TC_S1_acting1_cam1.mp4` anywhere. Poses are text: names of 21 joints, then a line a frame, of x, y, z in inches. The
calibration is text: the number of cameras and 1, then seven lines a camera: first and last row and column, (fx, fy, cx,
cy), k1, and the rotation and shift (metres) from the world to the camera. Its world has Y pointing up, the floor at 0.
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
from epipose.datasets._damaged_files import laid_out, read_lines
from epipose.datasets._filmed import filmed, times_filmed
from epipose.datasets._opencv_cameras import opencv_camera
from epipose.datasets._selection import asked, check_root
from epipose.datasets._upright import Z_UP_FROM_Y_UP
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.pose.skeletons import load_skeleton

TITLE = "TotalCapture"
FRAME_RATE = 60.0
SKELETON = load_skeleton("totalcapture21")
INCH = 0.0254
POSES, CALIBRATION = "gt_skel_gbl_pos.txt", "calibration.cal"
NAMES = ("Hips", "Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head", "RightShoulder", "RightArm", "RightForeArm",
         "RightHand", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "RightUpLeg", "RightLeg", "RightFoot",
         "LeftUpLeg", "LeftLeg", "LeftFoot")  # fmt: skip
"""The joints of SKELETON as the data set calls them."""
LINES = 7
"""Of a camera."""
MOST_CAMERAS = 99
_TAKE = re.compile(r"([a-z]+)\d", re.ASCII | re.IGNORECASE)
_SUBJECT = re.compile(r"s(\d)", re.ASCII | re.IGNORECASE)


class TotalCapture(Dataset):
    """Eight cameras, 60 frames per second, five people, takes called acting1 to walking3, 21 joints."""

    def recordings(self, root: Path, wanted: Wanted) -> tuple[list[Recording], list[str]]:
        """Return the takes; `wanted.actions` are takes (walking2) or kinds of them (walking)."""
        check_root(root, TITLE)
        takes = _takes(root)
        if not takes:
            raise InputError(
                f"{root} holds no S1/acting1/{POSES} or the like of {TITLE}, nor in folders of it; name the folder in"
                " which its archives were unpacked with --root"
            )
        subjects = asked(wanted.subjects, {take.subject for take in takes}, "subject", root)
        actions = asked(wanted.actions, {name for take in takes for name in (take.action, take.kind)}, "action", root)
        picked = [take for take in takes if take.subject in subjects and {take.action, take.kind} & actions]
        if not picked:
            raise InputError(f"nothing of {root} is left to prepare; ask for other subjects or actions")
        calibration = next(iter(sorted(root.rglob(CALIBRATION))), None)
        if calibration is None:
            raise InputError(f"there is no {CALIBRATION} in {root}, which tells where the cameras stood; put it there")
        rig = _rig(calibration)
        videos = {file.name.lower(): file for file in sorted(root.rglob("TC_S*_cam*.mp4"))}
        notes: list[str] = []
        return [_recording(take, rig, calibration, videos, notes) for take in picked], notes


PLUGIN = TotalCapture()


@dataclass(frozen=True, order=True)
class _Take:
    """One recording of one person."""

    subject: str
    action: str
    """With its number: acting1."""
    file: Path
    """With its poses."""

    @property
    def name(self) -> str:
        return f"{self.subject}_{self.action}"

    @property
    def kind(self) -> str:
        return self.action[:-1]


def _takes(root: Path) -> list[_Take]:
    found: dict[tuple[str, str], _Take] = {}
    for file in sorted(root.rglob(POSES)):
        action = file.parent.name.lower()
        places = file.relative_to(root).parts[:-2]
        subject = next((known[1] for part in reversed(places) if (known := _SUBJECT.fullmatch(part))), None)
        if subject is None or not _TAKE.fullmatch(action):
            continue
        take = _Take(f"S{subject}", action, file)
        if other := found.get((take.subject, take.action)):
            raise InputError(f"{root} holds {take.name} twice, {other.file} and {file}; take one away")
        found[take.subject, take.action] = take
    return sorted(found.values())


def _rig(file: Path) -> dict[str, Camera]:
    lines = [line.split() for line in read_lines(file) if line.strip()]
    rig = {}
    with laid_out(file):
        count, order = map(int, lines[0])
        if not 0 < count <= MOST_CAMERAS or order != 1 or len(lines) != 1 + LINES * count:
            raise ValueError("other lines")
        for number in range(count):
            block = [list(map(float, line)) for line in lines[1 + LINES * number : 1 + LINES * (number + 1)]]
            (top, bottom, left, right), (fx, fy, cx, cy), (k1,) = block[:3]
            # Which of the bounds are rows is not certain, but all pictures are wider than high.
            height, width = sorted((bottom - top + 1, right - left + 1))
            matrix = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
            made = opencv_camera(
                matrix, (k1, 0.0, 0.0, 0.0), block[3:6], np.array(block[6]).reshape(3), (width, height)
            )
            rig[f"cam{number + 1}"] = made.moved(Z_UP_FROM_Y_UP)
    return rig


def _recording(
    take: _Take, rig: Mapping[str, Camera], calibration: Path, videos: Mapping[str, Path], notes: list[str]
) -> Recording:
    named = {view: videos.get(f"tc_{take.name}_{view}.mp4".lower()) for view in rig}
    cameras, shown = filmed(rig, {view: video for view, video in named.items() if video is not None})
    if missing := [view for view in rig if view not in cameras]:
        notes.append(f"{take.name} has no {' or '.join(missing)}: there is no video of it")
    read = partial(_read, take.file, cameras, shown)
    about: dict[str, str | int] = {"subject": take.subject, "action": take.kind, "take": int(take.action[-1])}
    return Recording(take.name, cameras, (take.file, calibration, *shown.values()), read, about)


def _read(file: Path, cameras: Mapping[str, Camera], videos: Mapping[str, Path]) -> Contents:
    joints = _joints(file)
    times = times_filmed(videos, cameras, FRAME_RATE, TITLE, len(joints))
    positions = Z_UP_FROM_Y_UP.apply(joints[: len(times)])[:, None]
    known = np.ones(positions.shape[:-1], bool)
    return Contents(checked_poses(positions, known, times, SKELETON, file), dict(videos))


def _joints(file: Path) -> Float[ndarray, "frames 21 3"]:
    """Return the joints in metres, Y up."""
    lines = [line.split() for line in read_lines(file) if line.strip()]
    names = lines[0] if lines else []
    if sorted(names) != sorted(NAMES):
        raise InputError(f"{file} does not begin with the names of the {len(NAMES)} joints of {TITLE}; unpack it again")
    with laid_out(file):
        numbers = np.array([list(map(float, line)) for line in lines[1:]]).reshape(len(lines) - 1, len(NAMES), 3)
        check_near(numbers * INCH, file)
    return numbers[:, [names.index(name) for name in NAMES]] * INCH
