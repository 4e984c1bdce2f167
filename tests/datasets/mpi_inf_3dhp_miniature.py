"""A miniature copy of MPI-INF-3DHP, training sequences and test sets, with studio poses.

The numbers of camera 0 are the true ones of S1/Seq1; the others are carried around the room. It is written from the
official documentation, and shares no code with the reader.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy import ndarray

from tests.datasets.studio_people import around, in_order, person
from tests.io.made_videos import write_video

JOINTS = ("spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top", "left_clavicle", "left_shoulder",
          "left_elbow", "left_wrist", "left_hand", "right_clavicle", "right_shoulder", "right_elbow", "right_wrist",
          "right_hand", "left_hip", "left_knee", "left_ankle", "left_foot", "left_toe", "right_hip", "right_knee",
          "right_ankle", "right_foot", "right_toe")  # fmt: skip
RELEVANT = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
"""Those that the test sets have."""
CAMERAS = 14
SIZE = (2048, 2048)
FRAMES = 6
DOWNLOADED = (0, 2, 8)

_K = np.array([[1497.693, 0, 1024.704], [0, 1497.103, 1051.394], [0, 0, 1]])
_R = np.array([[0.9650164, 0.00488022, 0.262144], [-0.004488356, -0.9993728, 0.0351275],
               [0.262151, -0.03507521, -0.9643893]])  # fmt: skip
_T = np.array([-562.8666, 1398.138, 3852.623])


@dataclass(frozen=True)
class Sequence:
    """A sequence of training."""

    subject: str
    sequence: str
    rate: int

    @property
    def name(self) -> str:
        return f"{self.subject}_{self.sequence}"


SEQUENCES = (Sequence("S1", "Seq1", 25), Sequence("S1", "Seq2", 50), Sequence("S4", "Seq2", 25),
             Sequence("S6", "Seq2", 25))  # fmt: skip
DAMAGED = "S4_Seq2"
SHORT = ("S6_Seq2", "video_2")
TESTS = ("TS1", "TS6")
TEST_SIZES = {"TS1": (2048, 2048), "TS6": (1920, 1080)}
INVALID = 2
"""A frame of the test sets that does not count."""


def truth(name: str) -> ndarray:
    """(FRAMES, 28, 3) metres, Z up."""
    return in_order(person(FRAMES, start=sum(map(ord, name)) % 30, turn=sum(map(ord, name))), JOINTS)


def _y_up_mm(points: ndarray) -> ndarray:
    """In the world of the data set: X stays, Y is up, Z completes them."""
    return 1000 * np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def camera(number: int) -> tuple[ndarray, ndarray, ndarray]:
    """K, R and t (mm) of a camera of the training set."""
    k = _K + np.diag([2.0 * number, 3.0 * number, 0])
    return k, around(_R, 0.45 * number, np.array([0.0, 1, 0])), _T + np.array([0, 20.0 * number, 0])


def in_camera(name: str, number: int) -> ndarray:
    """(FRAMES, 28, 3) mm in the axes of a camera."""
    _, rotation, shift = camera(number)
    return _y_up_mm(truth(name)) @ rotation.T + shift


def _seen(points: ndarray, k: ndarray) -> ndarray:
    seen, _ = cv2.projectPoints(points.reshape(-1, 3), np.zeros(3), np.zeros(3), k, None)
    return seen.reshape(*points.shape[:-1], 2)


def pixels(name: str, number: int) -> ndarray:
    """(FRAMES, 28, 2), where OpenCV sees the joints."""
    return _seen(in_camera(name, number), camera(number)[0])


def write_calibration(file: Path) -> None:
    lines = ["Skeletool Camera Calibration File V1.0"]
    for number in range(CAMERAS):
        k, rotation, shift = camera(number)
        intrinsic, extrinsic = np.eye(4), np.eye(4)
        intrinsic[:3, :3], extrinsic[:3, :3], extrinsic[:3, 3] = k, rotation, shift
        words = {key: " ".join(f"{n:.7g}" for n in part.ravel()) for key, part in
                 (("intrinsic", intrinsic), ("extrinsic", extrinsic))}  # fmt: skip
        lines += [f"name          {number}", "  sensor      10 10", f"  size        {SIZE[0]} {SIZE[1]}",
                  "  animated    0", f"  intrinsic   {words['intrinsic']} ", f"  extrinsic   {words['extrinsic']} ",
                  "  radial      0"]  # fmt: skip
    file.write_text("\n".join(lines) + "\n")


def write_annotations(file: Path, name: str, **changed: list[ndarray]) -> None:
    """annot.mat: cells by camera."""
    from scipy.io import savemat

    every = [in_camera(name, number) for number in range(CAMERAS)]
    cells = {
        "annot2": [pixels(name, number).reshape(FRAMES, -1) for number in range(CAMERAS)],
        "annot3": [joints.reshape(FRAMES, -1) for joints in every],
        # Bodies of one height, around the pelvis.
        "univ_annot3": [(j[:, 4:5] + 0.9 * (j - j[:, 4:5])).reshape(FRAMES, -1) for j in every],
    } | changed
    held = {key: np.empty((len(parts), 1), object) for key, parts in cells.items()}
    for key, parts in cells.items():
        for row, part in enumerate(parts):
            held[key][row, 0] = part
    savemat(file, held | {"cameras": np.arange(14.0)[None], "frames": np.arange(float(FRAMES))[:, None]},
            do_compression=True)  # fmt: skip


def write_training(root: Path, sequences: tuple[Sequence, ...] = SEQUENCES, *, videos: bool = False) -> Path:
    for part in sequences:
        folder = root / part.subject / part.sequence
        (folder / "imageSequence").mkdir(parents=True)
        write_calibration(folder / "camera.calibration")
        write_annotations(folder / "annot.mat", part.name)
        for number in DOWNLOADED if videos else ():
            file = folder / "imageSequence" / f"video_{number}.avi"
            frames = 2 if (part.name, f"video_{number}") == SHORT else FRAMES + 1
            write_video(file, frames, size_wh=SIZE, rate=Fraction(part.rate), title=str(number), codec="mpeg4")
    return root


def sole_camera(name: str) -> tuple[ndarray, ndarray, ndarray]:
    """K, R, t (mm) of the level camera of a test set."""
    width, height = TEST_SIZES[name]
    k = np.array([[1500.07, 0, width / 2 - 6.6], [0, 1500.86, height / 2 + 19.1], [0, 0, 1]])
    facing = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
    return k, around(facing, 0.8, np.array([0.0, 1, 0])), np.array([120.0, 1350, 3900])


def in_sole_camera(name: str) -> ndarray:
    """(FRAMES, 17, 3) mm."""
    _, rotation, shift = sole_camera(name)
    return _y_up_mm(truth(name)[:, RELEVANT]) @ rotation.T + shift


def sole_pixels(name: str) -> ndarray:
    """(FRAMES, 17, 2)."""
    return _seen(in_sole_camera(name), sole_camera(name)[0])


def write_test_annotations(file: Path, name: str, **changed: ndarray) -> None:
    """annot_data.mat: HDF5 behind MATLAB's heading, axes the other way round."""
    h5py = pytest.importorskip("h5py", reason="the extra 'datasets' is not installed")
    valid = np.ones((FRAMES, 1))
    valid[INVALID] = 0
    joints, seen = in_sole_camera(name), sole_pixels(name)
    joints[INVALID], seen[INVALID] = 1e6, -7
    held = {"annot2": seen[:, None], "annot3": joints[:, None], "univ_annot3": 0.9 * joints[:, None],
            "valid_frame": valid, "activity_annotation": valid, "bb_crop": np.zeros((FRAMES, 34))}  # fmt: skip
    with h5py.File(file, "w", userblock_size=512) as opened:
        for key, value in (held | changed).items():
            opened[key] = value
    with file.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Nov 07 2016 HDF5 schema 1.00 .".ljust(116))


def write_tests(root: Path, names: tuple[str, ...] = TESTS, *, pictures: bool = False) -> Path:
    for name in names:
        folder = root / "mpi_inf_3dhp_test_set" / name
        folder.mkdir(parents=True)
        write_test_annotations(folder / "annot_data.mat", name)
        for frame in range(FRAMES + 1) if pictures else ():
            (folder / "imageSequence").mkdir(exist_ok=True)
            width, height = TEST_SIZES[name]
            image = np.full((height, width), 10 * frame, np.uint8)
            cv2.imwrite(str(folder / "imageSequence" / f"img_{frame + 1:06}.jpg"), image)
    return root
