"""Miniature copies of Human3.6M in every format in circulation, with studio poses and the true numbers of its cameras.

Everything here is written out from the formats' own descriptions, and shares no code with the readers.
"""

import json
import pickle
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy import ndarray

from tests.io.made_videos import write_video

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
SIZES = {"54138969": (1000, 1002), "55011271": (1000, 1000), "58860488": (1000, 1000), "60457274": (1000, 1002)}
ACTIONS = ("_ALL", "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting",
           "SittingDown", "Smoking", "TakingPhoto", "Waiting", "Walking", "WalkingDog", "WalkTogether")  # fmt: skip
JOINTS = ("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "thorax",
          "nose", "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
          "right_wrist")  # fmt: skip
PLACES_IN_32 = {"pelvis": 0, "right_hip": 1, "right_knee": 2, "right_ankle": 3, "left_hip": 6, "left_knee": 7,
                "left_ankle": 8, "spine": 12, "thorax": 13, "nose": 14, "head_top": 15, "left_shoulder": 17,
                "left_elbow": 18, "left_wrist": 19, "right_shoulder": 25, "right_elbow": 26,
                "right_wrist": 27}  # fmt: skip
MPII = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "thorax",
        "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
        "nose")  # fmt: skip
"""The joints of multiview labels, "MPII's 16 and the nose": there the spine stands for the thorax, and so on."""


@dataclass(frozen=True)
class Take:
    """A recording and what its files are called."""

    subject: int
    action: int
    number: int
    file: str
    frames: int = 6

    @property
    def name(self) -> str:
        return f"S{self.subject}_{ACTIONS[self.action - 1]}-{self.number}"


TAKES = (
    Take(1, 2, 1, "Directions 1"),
    Take(1, 12, 2, "TakingPhoto"),
    Take(9, 5, 1, "Greeting 1"),
    Take(9, 5, 2, "Greeting"),
    Take(9, 12, 1, "Photo 1"),
    Take(11, 2, 2, "Directions"),
)
DAMAGED = "S9_Greeting-2"
THREE_VIEWS = "S11_Directions-2"


@cache
def numbers() -> dict[str, Any]:
    """The published numbers of the cameras, as metadata.xml holds them."""
    file = resources.files("epipose.datasets") / "_h36m_cameras.json"
    return json.loads(file.read_text(encoding="utf-8"))


@cache
def _studio_poses() -> ndarray:
    file = resources.files("epipose.samples") / "turning" / "truth" / "poses" / "h36m17.npz"
    with resources.as_file(file) as path, np.load(path) as arrays:
        assert tuple(arrays["joint_names"]) == JOINTS
        return arrays["positions"][:, 0].astype(float)


def joints_mm(take: Take) -> ndarray:
    """The truth: (frames, 17, 3) mm, Z up; every take shows somebody else."""
    poses = _studio_poses()[3 * take.action : 3 * take.action + take.frames]
    angle = 0.7 * take.subject + take.number
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    middle = poses[0, 0] * [1, 1, 0]
    return 1000 * ((poses - middle) @ turn.T)


def joints_32(take: Take) -> ndarray:
    """The same among 32 joints, whose others lie far away."""
    known = joints_mm(take)
    everything = np.full((len(known), 32, 3), 7000.0) + 100 * np.arange(32)[:, None]
    for column, joint in enumerate(JOINTS):
        everything[:, PLACES_IN_32[joint]] = known[:, column]
    return everything


def placed(subject: int, camera: str) -> tuple[ndarray, ndarray]:
    """R (world to camera) and centre (mm)."""
    rx, ry, rz, *centre = numbers()["places"][f"S{subject}"][camera]
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (rx, ry, rz))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z, np.array(centre)


def in_camera(take: Take, camera: str) -> ndarray:
    """(frames, 17, 3) mm in the axes of a camera."""
    rotation, centre = placed(take.subject, camera)
    return (joints_mm(take) - centre) @ rotation.T


def pixels(take: Take, camera: str, *, distorted: bool = True) -> ndarray:
    """(frames, 17, 2) by the formula of the data set's own code."""
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = numbers()["lenses"][camera]
    points = in_camera(take, camera)
    x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    if distorted:
        r2 = x**2 + y**2
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        tangential = p1 * y + p2 * x
        x, y = x * (radial + tangential) + p2 * r2, y * (radial + tangential) + p1 * r2
    return np.stack([fx * x + cx, fy * y + cy], axis=-1)


def write_metadata(root: Path, takes: Sequence[Take] = TAKES) -> Path:
    """metadata.xml, with what nobody needs, and names that follow no rule."""
    files = {(take.subject, take.action, take.number): take.file for take in takes}
    subjects = range(1, 12)
    rows = ["<tr><td>action</td><td>sub</td>" + "".join(f"<td>S{s}</td>" for s in subjects) + "</tr>"]
    for action in range(1, 17):
        for number in (1, 2):
            cells = [
                files.get((s, action, number), f"{ACTIONS[action - 1]} no{number}" if action > 1 else f"_ALL {number}")
                for s in subjects
            ]
            rows.append(f"<tr><td>{action}</td><td>{number}</td>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    rows.append("<tr><td>54138969</td><td></td></tr>")
    w0 = []
    for camera in CAMERAS:
        for subject in subjects:
            w0 += numbers()["places"].get(f"S{subject}", {}).get(camera, [0.0] * 6)
    for camera in CAMERAS:
        w0 += numbers()["lenses"][camera]
    path = root / "metadata.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "<?xml version='1.0'?>\n<metadata><mapping>" + "\n".join(rows) + "</mapping>"
        "<actionnames>" + "".join(f"<name>{a}</name>" for a in ACTIONS) + "</actionnames>"
        "<dbcameras><index2id>" + "".join(f"<id>{c}</id>" for c in CAMERAS) + "</index2id></dbcameras>"
        "<w0>[" + " ".join(map(repr, w0)) + "]</w0></metadata>"
    )
    return path


def write_cdf(path: Path, poses: ndarray, *, name: str = "Pose", kind: int = 45) -> Path:
    """A CDF file of one variable (1, frames, numbers)."""
    pytest.importorskip("cdflib", reason="the extra 'datasets' is not installed")
    from cdflib.cdfwrite import CDF

    path.parent.mkdir(parents=True, exist_ok=True)
    file = CDF(str(path), cdf_spec={"Majority": "row_major"}, delete=True)
    variable = {"Variable": name, "Data_Type": kind, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": poses.shape[1:],
                "Compress": 0}  # fmt: skip
    file.write_var(variable, var_data=poses)
    file.close()
    return path


def write_official(root: Path, takes: Sequence[Take] = TAKES, *, mono: bool = False, videos: bool = False) -> Path:
    """The release itself; without `videos` those who have only the poses."""
    write_metadata(root, takes)
    for take in takes:
        features = root / f"S{take.subject}" / "MyPoseFeatures"
        if mono:
            for camera in CAMERAS:
                rotation, centre = placed(take.subject, camera)
                poses = ((joints_32(take) - centre) @ rotation.T).reshape(1, -1, 96)
                write_cdf(features / "D3_Positions_mono" / f"{take.file}.{camera}.cdf", poses, kind=44)
        else:
            write_cdf(features / "D3_Positions" / f"{take.file}.cdf", joints_32(take).reshape(1, -1, 96))
        for camera in CAMERAS if videos else ():
            if (take.name, camera) == (THREE_VIEWS, "54138969"):
                continue  # as in the release
            file = root / f"S{take.subject}" / "Videos" / f"{take.file}.{camera}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_video(file, take.frames + 1, size_wh=SIZES[camera], rate=Fraction(50), title=camera, codec="mpeg4")
    if not mono:
        write_cdf(root / "S1" / "MyPoseFeatures" / "D3_Positions" / "_ALL 1.cdf", np.zeros((1, 2, 96)))
    return root


def write_h5(root: Path, takes: Sequence[Take] = TAKES, *, cameras: bool = True) -> Path:
    """h36m.zip."""
    h5py = pytest.importorskip("h5py", reason="the extra 'datasets' is not installed")

    for take in takes:
        file = root / f"S{take.subject}" / "MyPoses" / "3D_positions" / f"{take.file}.h5"
        file.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(file, "w") as opened:
            opened["3D_positions"] = joints_32(take).reshape(-1, 96).T
    if cameras:
        with h5py.File(root / "cameras.h5", "w") as opened:
            for subject in (1, 5, 6, 7, 8, 9, 11):
                for index, camera in enumerate(CAMERAS, start=1):
                    rotation, centre = placed(subject, camera)
                    fx, fy, cx, cy, k1, k2, k3, p1, p2 = numbers()["lenses"][camera]
                    held = {"R": rotation.T, "T": centre[:, None], "f": [[fx], [fy]], "c": [[cx], [cy]],
                            "k": [[k1], [k2], [k3]], "p": [[p1], [p2]]}  # fmt: skip
                    for key, value in held.items():
                        opened[f"subject{subject}/camera{index}/{key}"] = np.array(value)
                    letters = np.array([[ord(letter)] for letter in camera], np.uint16)
                    opened[f"subject{subject}/camera{index}/Name"] = letters
    return root


def write_npz(root: Path, takes: Sequence[Take] = TAKES, *, flat: bool = True) -> Path:
    """data_3d_h36m.npz and, if `flat`, data_2d_h36m_gt.npz."""
    root.mkdir(parents=True, exist_ok=True)
    positions: dict[str, dict[str, ndarray]] = {}
    views: dict[str, dict[str, list[ndarray]]] = {}
    for take in takes:
        subject = f"S{take.subject}"
        positions.setdefault(subject, {})[take.file] = (joints_32(take) / 1000).astype(np.float32)
        seen = [pixels(take, camera).astype(np.float32) for camera in CAMERAS]
        # The videos show a frame more than there are poses.
        views.setdefault(subject, {})[take.file] = [np.concatenate([part, part[-1:]]) for part in seen]
    np.savez_compressed(root / "data_3d_h36m.npz", positions_3d=np.array(positions, object))
    if flat:
        sides = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
        metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": sides}
        np.savez_compressed(
            root / "data_2d_h36m_gt.npz", positions_2d=np.array(views, object), metadata=np.array(metadata, object)
        )
    return root


def write_labels(root: Path, takes: Sequence[Take] = TAKES) -> Path:
    """human36m-multiview-labels-GTbboxes.npy; its frames need not come in order."""
    root.mkdir(parents=True, exist_ok=True)
    subjects = sorted({take.subject for take in takes})
    actions = [f"{name}-{number}" for name in ACTIONS[1:] for number in (1, 2)]
    cameras = np.empty((len(subjects), 4), [("R", "f4", (3, 3)), ("t", "f4", (3, 1)), ("K", "f4", (3, 3)),
                                            ("dist", "f4", (5,))])  # fmt: skip
    for row, subject in enumerate(subjects):
        for column, camera in enumerate(CAMERAS):
            rotation, centre = placed(subject, camera)
            fx, fy, cx, cy, k1, k2, k3, p1, p2 = numbers()["lenses"][camera]
            matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
            cameras[row, column] = rotation, -rotation @ centre[:, None], matrix, np.array([k1, k2, p1, p2, k3])
    rows = []
    for take in takes:
        for frame, joints in reversed(list(enumerate(joints_mm(take)))):
            ordered = joints[[JOINTS.index(joint) for joint in MPII]]
            place = subjects.index(take.subject), actions.index(take.name.partition("_")[2])
            rows.append((*place, frame, ordered, np.zeros((4, 4), np.int16)))
    kind = [("subject_idx", "i1"), ("action_idx", "i1"), ("frame_idx", "i2"), ("keypoints", "f4", (17, 3)),
            ("bbox_by_camera_tlbr", "i2", (4, 4))]  # fmt: skip
    labels = {"subject_names": [f"S{s}" for s in subjects], "camera_names": list(CAMERAS), "action_names": actions,
              "cameras": cameras, "table": np.array(rows, kind)}  # fmt: skip
    np.save(root / "human36m-multiview-labels-GTbboxes.npy", np.array(labels, object))
    return root


def picture_name(take: Take, camera: str, frame: int) -> str:
    """What programs call the pictures they cut out of the videos, which they count from 1 on."""
    clip = f"s_{take.subject:02}_act_{take.action:02}_subact_{take.number:02}_ca_{CAMERAS.index(camera) + 1:02}"
    return f"{clip}/{clip}_{frame + 1:06}.jpg"


def write_pictures(root: Path, takes: Sequence[Take] = TAKES) -> None:
    """Pictures of every view, each with a grey of its own."""
    for take in takes:
        for index, camera in enumerate(CAMERAS):
            width, height = SIZES[camera]
            for frame in range(take.frames):
                file = root / "images" / picture_name(take, camera, frame)
                file.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(file), np.full((height, width), 40 * index + frame, np.uint8))


def write_json(root: Path, takes: Sequence[Take] = TAKES) -> Path:
    """The JSON files of every subject."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    for subject in sorted({take.subject for take in takes}):
        poses: dict[str, Any] = {}
        images = []
        for take in (take for take in takes if take.subject == subject):
            frames = {str(frame): pose for frame, pose in enumerate(joints_mm(take).tolist())}
            poses.setdefault(str(take.action), {})[str(take.number)] = frames
            for index, camera in enumerate(CAMERAS, start=1):
                for frame in range(take.frames):
                    images.append(
                        {"id": len(images), "file_name": picture_name(take, camera, frame), "width": SIZES[camera][0],
                         "height": SIZES[camera][1], "subject": subject, "action_idx": take.action,
                         "subaction_idx": take.number, "cam_idx": index, "frame_idx": frame}
                    )  # fmt: skip
        cameras = {}
        for index, camera in enumerate(CAMERAS, start=1):
            rotation, centre = placed(subject, camera)
            fx, fy, cx, cy, *_ = numbers()["lenses"][camera]
            shift = -rotation @ centre
            cameras[str(index)] = {"R": rotation.tolist(), "t": shift.tolist(), "f": [fx, fy], "c": [cx, cy]}
        begin = root / "annotations" / f"Human36M_subject{subject}"
        for part, held in (("joint_3d", poses), ("camera", cameras), ("data", {"images": images, "annotations": []})):
            begin.with_name(f"{begin.name}_{part}.json").write_text(json.dumps(held))
    return root


def write_annotations(
    root: Path, takes: Sequence[Take] = TAKES, *, by_camera: bool = True, protocol: int = 2, joints: int = 17
) -> Path:
    """annot/*.pkl; its cameras are objects of a class of the program that wrote it."""
    sides = [[1, 4], [2, 5], [3, 6], [14, 11], [15, 12], [16, 13]]
    kept = list(range(17))
    if joints == 16:
        kept = [3, 2, 1, 4, 5, 6, 0, 8, 9, 10, 16, 15, 14, 11, 12, 13]
        sides = [[kept.index(joint) for joint in pair] for pair in sides]
    (root / "annot").mkdir(parents=True, exist_ok=True)
    kind = type("Camera", (), {"__module__": "lib.utils.cameras"})
    lists: dict[int, list[Any]] = {index: [] for index in range(1, 5)}
    for take in takes:
        for index, camera in enumerate(CAMERAS, start=1):
            rotation, centre = placed(take.subject, camera)
            fx, fy, cx, cy, *_ = numbers()["lenses"][camera]
            held = kind()
            held.R, held.T, held.f, held.c = rotation, centre[:, None], np.array([[fx], [fy]]), np.array([[cx], [cy]])
            points, flat = in_camera(take, camera), pixels(take, camera, distorted=False)
            for frame in range(take.frames):
                depth = points[frame, :, 2:] - points[frame, 0, 2]
                lists[index].append(
                    {"image": picture_name(take, camera, frame), "cam": held, "pelvis": points[frame, 0],
                     "joints_3d": np.concatenate([flat[frame], depth], axis=1)[kept], "joints_3d_vis": np.ones((17, 3)),
                     "flip_pairs": np.array(sides),
                     "center_x": np.float64(500.0), "fl": held.f}
                )  # fmt: skip
    package = {name: types.ModuleType(name) for name in ("lib", "lib.utils", "lib.utils.cameras")}
    package["lib.utils.cameras"].Camera = kind  # type: ignore[attr-defined]
    held_back = {name: sys.modules.get(name) for name in package}
    sys.modules.update(package)
    try:
        everything = lists if by_camera else [record for part in lists.values() for record in part]
        (root / "annot" / "valid.pkl").write_bytes(pickle.dumps(everything, protocol))
    finally:
        for name, module in held_back.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return root


FORMATS = {
    "official": write_official,
    "mono": lambda root: write_official(root, mono=True),
    "h5": write_h5,
    "npz": write_npz,
    "labels": write_labels,
    "json": write_json,
    "annotations": write_annotations,
}
NAMELESS = ("h5", "npz")
"""Formats that call takes by their files' names and need metadata.xml to tell which take it is."""
