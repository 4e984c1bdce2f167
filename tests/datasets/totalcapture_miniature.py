"""A miniature copy of TotalCapture with studio poses, arranged as its users do.

The numbers of the cameras are made up; the format is that which several programs that read it describe. It shares no
code with the reader.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from tests.datasets.studio_people import in_order, person
from tests.io.made_videos import write_video

NAMES = ("Hips", "Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head", "RightShoulder", "RightArm", "RightForeArm",
         "RightHand", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "RightUpLeg", "RightLeg", "RightFoot",
         "LeftUpLeg", "LeftLeg", "LeftFoot")  # fmt: skip
JOINTS = ("pelvis", "spine_1", "spine_2", "spine_3", "spine_4", "neck", "head", "right_clavicle", "right_shoulder",
          "right_elbow", "right_wrist", "left_clavicle", "left_shoulder", "left_elbow", "left_wrist", "right_hip",
          "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")  # fmt: skip
CAMERAS = 8
SIZE = (1920, 1080)
FRAMES = 6
DOWNLOADED = ("cam1", "cam3", "cam8")


@dataclass(frozen=True)
class Take:
    """A recording."""

    subject: int
    action: str

    @property
    def name(self) -> str:
        return f"S{self.subject}_{self.action}"


TAKES = (Take(1, "acting1"), Take(1, "walking2"), Take(4, "freestyle3"))


def truth(take: Take) -> ndarray:
    """(FRAMES, 21, 3) metres, Z up."""
    seed = sum(map(ord, take.name))
    return in_order(person(FRAMES, start=seed % 30, turn=seed), JOINTS)


def y_up(points: ndarray) -> ndarray:
    """In the world of the data set: X stays, Y is up, Z completes them."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def camera(number: int) -> tuple[ndarray, float, ndarray, ndarray]:
    """K, k1, R and t (metres) of a camera, from 1 on."""
    angle, height = 0.8 * number, 2.2 + 0.1 * number
    centre = np.array([5 * np.sin(angle), height, 5 * np.cos(angle)])
    towards = np.array([0, 1.0, 0]) - centre
    towards /= np.linalg.norm(towards)
    across = np.cross(towards, [0, 1.0, 0])
    across /= np.linalg.norm(across)
    rotation = np.stack([across, np.cross(towards, across), towards])
    matrix = np.array([[1060.5 + number, 0, 955.2], [0, 1061.0 + number, 541.9], [0, 0, 1]])
    return matrix, -0.19 - 0.005 * number, rotation, -rotation @ centre


def pixels(take: Take, number: int) -> ndarray:
    """(FRAMES, 21, 2), where OpenCV sees the joints with one radial coefficient."""
    matrix, k1, rotation, shift = camera(number)
    points = y_up(truth(take))
    turn, _ = cv2.Rodrigues(rotation)
    seen, _ = cv2.projectPoints(points.reshape(-1, 3), turn, shift, matrix, np.array([k1, 0, 0, 0]))
    return seen.reshape(FRAMES, 21, 2)


def write_calibration(file: Path) -> None:
    lines = [f"{CAMERAS} 1"]
    for number in range(1, CAMERAS + 1):
        matrix, k1, rotation, shift = camera(number)
        lines += [f"0 {SIZE[1] - 1} 0 {SIZE[0] - 1}", f"{matrix[0, 0]} {matrix[1, 1]} {matrix[0, 2]} {matrix[1, 2]}"]
        lines += [str(k1), *(" ".join(map(str, row)) for row in rotation), " ".join(map(str, shift))]
    file.write_text("\n".join(lines) + "\n")


def write_poses(file: Path, inches: ndarray, names: tuple[str, ...] = NAMES) -> None:
    """Tabs between joints, and after the last; spaces between numbers."""
    lines = ["\t".join(names) + "\t"]
    lines += ["".join(" ".join(f"{n:.6f}" for n in joint) + "\t" for joint in frame) for frame in inches]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\r\n".join(lines) + "\r\n")


def write(root: Path, takes: tuple[Take, ...] = TAKES, *, videos: bool = False, flat: bool = False) -> Path:
    """As the archives unpack, a folder for each kind of file; or, if `flat`, all of a take in one."""
    root.mkdir(parents=True, exist_ok=True)
    write_calibration(root / "calibration.cal")
    for take in takes:
        subject = f"s{take.subject}" if flat else f"S{take.subject}"
        poses = root / subject / take.action if flat else root / "vicon" / subject / take.action
        write_poses(poses / "gt_skel_gbl_pos.txt", y_up(truth(take)) / 0.0254)
        for view in DOWNLOADED if videos else ():
            folder = poses if flat else root / "video" / subject / take.action
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"TC_S{take.subject}_{take.action}_{view}.mp4"
            write_video(file, FRAMES, size_wh=SIZE, rate=Fraction(60), title=view, codec="mpeg4")
    return root
