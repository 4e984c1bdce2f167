"""What is fixed about Human3.6M: who, what, its cameras, its joints, and which of its recordings are damaged."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.datasets._checked_poses import checked_poses
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Human36mLens
from epipose.geometry.rigid import Rigid
from epipose.geometry.rotations import nearest_rotation
from epipose.pose.keypoints import Poses
from epipose.pose.skeletons import Skeleton, load_skeleton

FRAME_RATE = 50
SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
"""Those whose poses are published."""
CAMERAS = ("54138969", "55011271", "58860488", "60457274")
"""In the order in which all files number them, from 1 on."""
ACTIONS = ("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting",
           "SittingDown", "Smoking", "TakingPhoto", "Waiting", "Walking", "WalkingDog", "WalkTogether")  # fmt: skip
"""In the order in which all files number them, from 2 on."""
FIRST_ACTION = 2
_FILE = re.compile(r"([A-Za-z]+)(?:[ _-]+\d+)?")
"""What files of a take may be called, all the more as captures are called after them."""
_OTHER_NAMES = {"photo": "TakingPhoto", "walkdog": "WalkingDog"}

SKELETON = load_skeleton("h36m17")
OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""The joints of SKELETON among the 32 that were measured."""
MILLIMETRE = 0.001
SAME_LENS_PX = 0.01
"""Pixels by which rounding may change the numbers of a lens."""


@dataclass(frozen=True, order=True)
class Take:
    """One recording: a subject doing one action for the first or the second time."""

    subject: str
    action: str
    """One of ACTIONS."""
    number: int | None
    """1 or 2; None where the file does not say it."""
    file: str = ""
    """What the files of this recording are called, such as "Directions 1", where names matter."""

    @property
    def name(self) -> str:
        """Name of the capture folder."""
        if self.number is not None:
            return f"{self.subject}_{self.action}-{self.number}"
        return f"{self.subject}_{self.file.replace(' ', '_')}"

    @property
    def about(self) -> dict[str, str | int]:
        """What the data set calls it."""
        numbers = {} if self.number is None else {"take": self.number}
        return {"subject": self.subject, "action": self.action, **numbers, **({"file": self.file} if self.file else {})}


DAMAGED = frozenset({Take("S9", "Greeting", 2), Take("S9", "SittingDown", 2), Take("S9", "Waiting", 1)})
"""Recordings whose poses drift away from the pictures."""
WITHOUT_VIEW = {Take("S11", "Directions", 2): CAMERAS[0]}
"""A recording of which one camera's video is not part of the release."""


def missing_view(take: Take) -> str | None:
    """Return the camera whose video of a take is not part of the release; None where all are."""
    for other, view in WITHOUT_VIEW.items():
        if (take.subject, take.action, take.number) == (other.subject, other.action, other.number):
            return view
    return None


def action_named(name: str) -> str | None:
    """Return the action of a name such as "Photo 1", "WalkDog" or "Greeting-2"; None when it is none of ACTIONS."""
    word = _FILE.fullmatch(name)
    known = {action.lower(): action for action in ACTIONS} | _OTHER_NAMES
    return known.get(word[1].lower()) if word else None


def is_subject(name: str) -> bool:
    """Tell whether this is what subjects are called: S and a number."""
    return re.fullmatch(r"S\d{1,2}", name) is not None


def action_numbered(number: int) -> str | None:
    """Return the action of a number from 2 to 16; None for any other."""
    place = number - FIRST_ACTION
    return ACTIONS[place] if 0 <= place < len(ACTIONS) else None


def camera_from_numbers(place: Sequence[float], lens: Sequence[float], size_wh: tuple[int, int]) -> Camera:
    """Return a camera from (rx, ry, rz, Cx, Cy, Cz), radians and mm, and (fx, fy, cx, cy, k1, k2, k3, p1, p2)."""
    rx, ry, rz = place[:3]
    rotation = _turn(0, rx) @ _turn(1, ry) @ _turn(2, rz)
    centre = np.array(place[3:6], float) * MILLIMETRE
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = map(float, lens)
    return Camera(Human36mLens((fx, fy), (cx, cy), (k1, k2, p1, p2, k3)), Rigid.from_centre(rotation, centre), size_wh)


def with_distortion(
    name: str,
    focal: Float[ndarray, "2"],
    centre: Float[ndarray, "2"],
    rotation: Float[ndarray, "3 3"],
    shift: Float[ndarray, "3"],
) -> Camera:
    """Return a camera of a file that leaves out the distortion, with that of its published lens.

    `rotation` and `shift` (metres) are the motion from world to camera. Raises ValueError when they are none, or the
    lens is another.
    """
    lens = published_rig(SUBJECTS[0])[name].lens
    off = np.abs(np.concatenate([focal - lens.focal, centre - lens.centre])).max()
    if (
        not off <= SAME_LENS_PX
        or not np.isfinite(shift).all()
        or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3)
    ):
        raise ValueError("another camera")
    return Camera(lens, Rigid(nearest_rotation(rotation), shift), size_of(name))


def _turn(axis: int, angle: float) -> Float[ndarray, "3 3"]:
    rotvec = np.zeros(3)
    rotvec[axis] = angle
    return Rigid.from_rotvec(rotvec, np.zeros(3)).rotation


def camera_from_opencv(
    matrix: Float[ndarray, "3 3"],
    distortion: Float[ndarray, "5"],
    rotation: Float[ndarray, "3 3"],
    shift: Float[ndarray, "3"],
    name: str,
) -> Camera:
    """Return a camera from OpenCV's numbers: matrix, (k1, k2, p1, p2, k3), and motion from world to camera (metres).

    The distortion is meant as Human3.6M's, not as OpenCV's. Raises ValueError for numbers that are none of a camera.
    """
    numbers = np.concatenate([matrix.ravel(), distortion, rotation.ravel(), shift])
    if not np.isfinite(numbers).all() or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise ValueError("no camera")
    if min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise ValueError("a focal length that is not positive")
    k1, k2, p1, p2, k3 = distortion.tolist()
    focal, centre = (float(matrix[0, 0]), float(matrix[1, 1])), (float(matrix[0, 2]), float(matrix[1, 2]))
    lens = Human36mLens(focal, centre, (k1, k2, p1, p2, k3))
    return Camera(lens, Rigid(nearest_rotation(rotation), shift), size_of(name))


def size_of(camera: str) -> tuple[int, int]:
    """Return the size of a camera's pictures."""
    width, height = _published()["sizes_wh"].get(camera, (0, 0))
    return width, height


def published_rig(subject: str) -> dict[str, Camera]:
    """Return the cameras that filmed a subject, from the numbers that come with the data set."""
    numbers = _published()
    if subject not in numbers["places"]:
        raise InputError(
            f"there is no subject {subject!r} whose poses are published; choose from {', '.join(SUBJECTS)}"
        )
    places = numbers["places"][subject]
    return {name: camera_from_numbers(places[name], numbers["lenses"][name], size_of(name)) for name in CAMERAS}


@cache
def _published() -> dict[str, Any]:
    file = resources.files("epipose.datasets") / "_h36m_cameras.json"
    numbers: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return numbers


def poses_of(
    positions: Float[ndarray, "frames joints 3"],
    frames: Sequence[int] | ndarray,
    where: Path | str,
    skeleton: Skeleton = SKELETON,
) -> Poses:
    """Return poses, of one person, from positions in metres at numbers of frames; `where` is named in errors."""
    if (np.diff(frames) <= 0).any():
        raise InputError(f"{where} has frames that are not in order; get it from its source again")
    known = np.ones((len(positions), 1, len(skeleton)), bool)
    return checked_poses(positions[:, None], known, np.asarray(frames, float) / FRAME_RATE, skeleton, where)
