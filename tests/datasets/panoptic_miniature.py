"""A miniature copy of two sequences of Panoptic Studio, with studio poses.

The numbers of HD camera 00_00 are the true ones of a sequence; the others are carried around the dome, each with a
lens of its own. It is written from the official documentation, and shares no code with the reader.
"""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from tests.datasets.studio_people import around, in_order, person
from tests.io.made_videos import write_video

JOINTS = ("neck", "nose", "pelvis", "left_shoulder", "left_elbow", "left_wrist", "left_hip", "left_knee", "left_ankle",
          "right_shoulder", "right_elbow", "right_wrist", "right_hip", "right_knee", "right_ankle", "left_eye",
          "left_ear", "right_eye", "right_ear")  # fmt: skip
"""The order of the official documentation: left eye and ear before the right ones."""
SEQUENCES = ("160906_pizza1", "171204_pose1_sample")
RATE = Fraction(30000, 1001)
VIEWS = ("00_00", "00_07", "00_12", "00_30")
SIZE = (1920, 1080)
FIRST, FRAMES = 3, 6
"""Poses begin after the videos, ..."""
NOBODY = 5
"""... and in one frame nobody was found."""
LATE = 12
"""Number of the person who comes later than the first, whose number is 0."""
MISSING = ("left_wrist", 4)
"""A joint of the first person that was not found, in this frame; its confidence is -1."""
DOUBTED = ("right_ear", 6)
"""And one whose confidence is low."""

_K = ((1633.34, 0, 942.256), (0, 1628.84, 557.344), (0, 0, 1))
_DISTORTION = (-0.220878, 0.189272, 7.79405e-05, 0.000739643, 0.0418043)
_R = ((0.1201471256, 0.03330941579, -0.9921971332), (-0.09157840245, 0.9955474156, 0.02233247834),
      (0.9885231734, 0.08818064529, 0.1226625834))  # fmt: skip
_T = (23.27031863, 126.5360495, 284.0106483)
_DOWN = np.array([0.0, 1.0, 0.0])


def camera(view: str) -> dict:
    """As the calibration file tells it: cm, Y down."""
    number = int(view[3:])
    rotation = around(np.array(_R), 0.7 * number, _DOWN)
    k = np.array(_K)
    k[0, 0] += 3 * number
    k[1, 1] += 2 * number
    distortion = np.array(_DISTORTION) * (1 + 0.02 * number)
    return {"name": view, "type": "hd", "resolution": list(SIZE), "panel": 0, "node": number, "K": k.tolist(),
            "distCoef": distortion.tolist(), "R": rotation.tolist(), "t": [[t] for t in _T]}  # fmt: skip


def people(sequence: str) -> dict[int, ndarray]:
    """The truth: (FIRST + FRAMES, 19, 3) metres, Z up, of every person, from the first frame of the videos on."""
    turn = 0.5 + SEQUENCES.index(sequence)
    frames = FIRST + FRAMES
    return {
        0: in_order(person(frames, turn=turn), JOINTS),
        LATE: in_order(person(frames, start=20, turn=turn + 2, at=(0.6, 0.5)), JOINTS),
    }


def centimetres(points: ndarray) -> ndarray:
    """In the data set's own axes: X stays, Y is down, Z completes them."""
    return 100 * np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def pixels(sequence: str, number: int, view: str) -> ndarray:
    """Where OpenCV sees the joints of a person: (FIRST + FRAMES, 19, 2)."""
    held = camera(view)
    points = centimetres(people(sequence)[number])
    rotation, _ = cv2.Rodrigues(np.array(held["R"]))
    seen, _ = cv2.projectPoints(
        points.reshape(-1, 3), rotation, np.array(held["t"]), np.array(held["K"]), np.array(held["distCoef"])
    )
    return seen.reshape(*points.shape[:2], 2)


def there(number: int, frame: int) -> bool:
    """Whether a person was found in a frame."""
    return FIRST <= frame != NOBODY and (number == 0 or frame >= FIRST + 2)


def bodies(sequence: str, frame: int) -> list[dict]:
    """What a file of one frame holds."""
    found = []
    for number, points in sorted(people(sequence).items(), reverse=True):
        if there(number, frame):
            joints = np.concatenate([centimetres(points[frame]), np.full((19, 1), 0.6)], axis=1)
            if number == 0 and frame == MISSING[1]:
                joints[JOINTS.index(MISSING[0])] = 0, 0, 0, -1
            if number == 0 and frame == DOUBTED[1]:
                joints[JOINTS.index(DOUBTED[0]), 3] = 0.05
            found.append({"id": number, "joints19": joints.ravel().round(4).tolist()})
    return found


def write(
    root: Path,
    sequences: tuple[str, ...] = SEQUENCES,
    *,
    videos: bool = False,
    pictures: bool = False,
    folder: str = "hdPose3d_stage1_coco19",
) -> Path:
    """Sequences as the official scripts unpack them; two of four cameras were downloaded."""
    for sequence in sequences:
        place = root / sequence
        (place / folder).mkdir(parents=True)
        vga = camera("00_00") | {"name": "01_01", "type": "vga", "resolution": [640, 480], "panel": 1, "node": 1}
        kinect = {"name": "50_01", "type": "kinect-color", "panel": 50, "node": 1, "distCoef": [0] * 8}
        calibration = {"calibDataSource": "160906_calib_norm", "cameras": [vga, *map(camera, VIEWS), kinect]}
        (place / f"calibration_{sequence}.json").write_text(json.dumps(calibration))
        for frame in range(FIRST, FIRST + FRAMES):
            scene = {"version": 0.7, "univTime": 53541.542 + frame / 0.02997, "fpsType": "hd_29_97",
                     "bodies": bodies(sequence, frame)}  # fmt: skip
            (place / folder / f"body3DScene_{frame:08}.json").write_text(json.dumps(scene))
        for view in VIEWS[1:3]:
            if videos:
                (place / "hdVideos").mkdir(exist_ok=True)
                file = place / "hdVideos" / f"hd_{view}.mp4"
                write_video(file, FIRST + FRAMES + 1, size_wh=SIZE, rate=RATE, title=view, codec="mpeg4")
            # Somebody cut out fewer pictures of one camera.
            for frame in range(FIRST + FRAMES - (view == VIEWS[2])) if pictures else ():
                file = place / "hdImgs" / view / f"{view}_{frame:08}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(file), np.full((SIZE[1], SIZE[0]), 10 * frame, np.uint8))
    return root
