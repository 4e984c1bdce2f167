"""A miniature copy of ASPset-510 with studio poses, and one pose of the data set itself, which is in the public domain.

It is written from the official programs that read the data, and shares no code with the reader.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from tests.datasets.studio_people import in_order, person
from tests.io.made_videos import write_video

JOINTS = ("right_ankle", "right_knee", "right_hip", "right_wrist", "right_elbow", "right_shoulder", "left_ankle",
          "left_knee", "left_hip", "left_wrist", "left_elbow", "left_shoulder", "head_top", "head", "neck", "spine",
          "pelvis")  # fmt: skip
SIZE = (3840, 2160)
FRAMES = 5
CLIPS = {"trainval": ("04ac-0001", "04ac-0002", "1bc2-0001"), "test": ("1e28-0001",)}
VIEWS = ("left", "mid", "right")
TEST_VIEW = "mid"
MISSING = ("1bc2-0001", 2, "left_wrist")
"""A joint without a place, in one frame."""

REAL_INTRINSIC = ((3908.201416, 0.0, 1907.136108, 0.0), (0.0, 3904.395020, 1082.651855, 0.0), (0.0, 0.0, 1.0, 0.0))
REAL_EXTRINSIC = ((0.355310, -0.037651, 0.933990, -16513.444863), (0.010982, 0.999288, 0.036106, -694.394037),
                  (-0.934684, -0.002572, 0.355470, 12560.579233), (0.0, 0.0, 0.0, 1.0))  # fmt: skip
"""Of camera 04ac-right."""
REAL_JOINTS = ((-518.131775, 1121.474, 18538.8398), (-473.19989, 700.602722, 18523.4902),
               (-423.036896, 308.107239, 18527.5508), (-280.203583, 195.340317, 18422.4238),
               (-486.079163, 62.3998604, 18336.7559), (-391.279541, -183.917984, 18391.5391),
               (-505.070129, 1012.66479, 18736.2852), (-235.622971, 676.157654, 18690.834),
               (-380.700531, 306.988159, 18674.6523), (-201.497665, 96.0998917, 18692.3438),
               (-399.593689, 57.1454849, 18776.0781), (-434.380341, -188.396454, 18766.8672),
               (-412.053192, -511.55838, 18571.8145), (-389.499725, -358.688873, 18568.6406),
               (-415.598541, -277.202179, 18583.168), (-456.611267, 67.3956985, 18614.7578),
               (-472.049225, 243.091171, 18629.4688))  # fmt: skip
"""A pose of clip 04ac-0026, mm in the axes of the left camera ..."""
REAL_PIXELS = ((2021.66769504, 1299.42125245), (2025.42582034, 1216.08135107), (2032.97349219, 1138.15800483),
               (2025.36732586, 1115.48445298), (1994.74109751, 1087.58712550), (2013.94834306, 1038.83602741),
               (2059.66599634, 1278.66144259), (2075.03514310, 1214.02638229), (2063.36670926, 1139.05195129),
               (2082.42262712, 1097.61661095), (2082.35171422, 1089.87025071), (2079.75317487, 1040.93403303),
               (2048.13982880, 974.88781273), (2048.16161323, 1005.33527749), (2048.19522635, 1021.75662551),
               (2048.23529122, 1090.62699530), (2048.42372027, 1125.62374581))  # fmt: skip
"""... and where the right camera sees it, as the official programs say."""


def truth(clip: str) -> ndarray:
    """(FRAMES, 17, 3) metres, Z up."""
    seed = sum(map(ord, clip))
    return in_order(person(FRAMES, start=seed % 30, turn=seed), JOINTS)


def placed(view: str) -> tuple[ndarray, ndarray]:
    """R (upright world to camera) and centre (m) of a camera on a level tripod, which looks up or down a little."""
    azimuth, pitch, height = {"left": (0.0, -0.045, 1.4), "mid": (0.7, 0.02, 1.6), "right": (1.25, 0.03, 1.5)}[view]
    towards = np.array([-np.sin(azimuth), np.cos(azimuth), 0]) * np.cos(pitch) + [0, 0, -np.sin(pitch)]
    across = np.array([np.cos(azimuth), np.sin(azimuth), 0])
    rotation = np.stack([across, np.cross(towards, across), towards])
    return rotation, -17 * np.array([-np.sin(azimuth), np.cos(azimuth), 0]) + [0, 0, height]


def matrices(view: str) -> tuple[ndarray, ndarray]:
    """3x4 and 4x4 (mm): the world has the axes of the left camera."""
    number = VIEWS.index(view)
    intrinsic = np.array([[3908.2 + 9 * number, 0, 1907.1, 0], [0, 3904.4 + 9 * number, 1082.7, 0], [0, 0, 1, 0]])
    (left, origin), (rotation, centre) = placed("left"), placed(view)
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = rotation @ left.T
    extrinsic[:3, 3] = 1000 * rotation @ (origin - centre)
    return intrinsic, extrinsic


def given(clip: str) -> ndarray:
    """(FRAMES, 17, 3) mm in the axes of the left camera."""
    rotation, centre = placed("left")
    return 1000 * (truth(clip) - centre) @ rotation.T


def pixels(clip: str, view: str) -> ndarray:
    """(FRAMES, 17, 2) by matrix multiplication, as the official programs do."""
    intrinsic, extrinsic = matrices(view)
    points = given(clip)
    homogeneous = np.concatenate([points, np.ones_like(points[..., :1])], axis=-1) @ (intrinsic @ extrinsic).T
    return homogeneous[..., :2] / homogeneous[..., 2:]


def write_c3d(
    file: Path, points: ndarray, *, names: tuple[str, ...] = JOINTS, rate: float = 50, unit: str = "mm"
) -> Path:
    """As the program that made the data set wrote them; points are (frames, joints, 3)."""
    ezc3d = pytest.importorskip("ezc3d", reason="the extra c3d is not installed")
    document = ezc3d.c3d()
    point = document["parameters"]["POINT"]
    point["RATE"]["value"], point["UNITS"]["value"], point["LABELS"]["value"] = [rate], [unit], list(names)
    document.add_parameter("POINT", "SKEL", ["aspset_17j"])
    document["data"]["points"] = points.transpose(2, 1, 0).astype(np.float64)
    file.parent.mkdir(parents=True, exist_ok=True)
    document.write(str(file))
    return file


def write_camera(file: Path, intrinsic: ndarray, extrinsic: ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"intrinsic_matrix": intrinsic.tolist(), "extrinsic_matrix": extrinsic.tolist()}))


def write(root: Path, clips: tuple[str, ...] | None = None, *, videos: bool = False) -> Path:
    rows = []
    for split, names in CLIPS.items():
        for clip in names:
            if clips is not None and clip not in clips:
                continue
            subject, _, number = clip.partition("-")
            views = VIEWS if split == "trainval" else (TEST_VIEW,)
            rows.append(
                f"{subject},{number},{'test' if split == 'test' else 'train'},{'all' if split != 'test' else TEST_VIEW}"
            )
            points = given(clip)
            if clip == MISSING[0]:
                points[MISSING[1], JOINTS.index(MISSING[2])] = np.nan
            write_c3d(root / split / "joints_3d" / subject / f"{clip}.c3d", points)
            for view in views:
                write_camera(root / split / "cameras" / subject / f"{subject}-{view}.json", *matrices(view))
                boxes = root / split / "boxes" / subject / f"{clip}-{view}.csv"
                boxes.parent.mkdir(parents=True, exist_ok=True)
                boxes.write_text("x1,y1,x2,y2\n" + "1,2,3,4\n" * FRAMES)
                if videos:
                    file = root / split / "videos" / subject / f"{clip}-{view}.mkv"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    write_video(file, FRAMES, size_wh=SIZE, rate=Fraction(50), title=view, codec="mpeg4")
    (root / "splits.csv").write_text("\n".join(rows) + "\n")
    return root
