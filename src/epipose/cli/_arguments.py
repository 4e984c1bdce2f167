"""Arguments that several commands take, with their help."""

from pathlib import Path
from typing import Annotated

import tyro

from epipose import plugins

DETECTORS = ", ".join(plugins.names_in("epipose.detectors"))

Folder = Annotated[
    Path,
    tyro.conf.Positional,
    tyro.conf.arg(
        metavar="CAPTURE", help="Folder of one recording: one video for each camera, in videos/ or directly in it."
    ),
]
CameraChoice = Annotated[
    str,
    tyro.conf.arg(
        metavar="auto|people|FILE",
        help="Where the cameras stand: the capture's own camera file if it has one (auto), from the person alone"
        " (people), or a camera file.",
    ),
]
PlacedCameras = Annotated[
    str,
    tyro.conf.arg(
        metavar="auto|FILE",
        help="A camera file; auto: the capture's own, else the one that epipose calibrate wrote.",
    ),
]
Intrinsics = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="FILE|estimate|estimate-each",
        help="Take only the lenses from this camera file, or estimate the focal length: one for all, or each its own.",
        help_behavior_hint="(default: lenses of the capture's camera file if it has one, else estimate)",
    ),
]
Board = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="TEXT",
        help='A calibration board: "checkerboard 4x7 60mm" (inner corners, square) or "charuco 5x7 40mm 30mm'
        ' DICT_4X4_50" (squares, square, marker). Then --intrinsics may name a folder of its pictures, with a folder or'
        " video for each view, and --cameras one of pictures that all views took at the same moments.",
        help_behavior_hint="(default: no board)",
    ),
]
Refine = Annotated[
    bool, tyro.conf.arg(help="Improve cameras that are given by bundle adjustment, which starts from them.")
]
Detector = Annotated[
    str,
    tyro.conf.arg(
        metavar="NAME",
        help=f"A detector ({DETECTORS}) or a folder in keypoints/; auto: the keypoints that are there, else mediapipe"
        " where that is installed, else builtin.",
    ),
]
Smooth = Annotated[
    str,
    tyro.conf.arg(
        metavar="HOW",
        help="motion: constant bones and smooth motion, learned from the recording; none; or a filter with its cut-off"
        " in Hz: butterworth:6, savitzky_golay:6, one_euro:1.",
    ),
]
Height = Annotated[
    float | None,
    tyro.conf.arg(
        name="height",
        metavar="METRES",
        help="The person's height, which gives the size of everything unless cameras are given.",
        help_behavior_hint="(default: that of an average adult)",
    ),
]
FrameRate = Annotated[
    float | None,
    tyro.conf.arg(
        metavar="PER-SECOND",
        help="Frames per second, for keypoint files and pictures that do not say it.",
        help_behavior_hint="(default: what the files say)",
    ),
]
