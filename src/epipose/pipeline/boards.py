"""Lenses and places of cameras from pictures of a calibration board, as the user names and stores them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from epipose.calibration.board_lens import lens_from_board
from epipose.calibration.board_rig import rig_from_board
from epipose.calibration.boards import Board, Charuco, Checkerboard
from epipose.calibration.gravity import find_gravity
from epipose.calibration.rig import Rig, some_frames
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Lens
from epipose.geometry.rigid import Rigid
from epipose.geometry.triangulation import robust
from epipose.io.camera_files import CameraFile, read_cameras, write_cameras
from epipose.io.camera_fit import fit_to_video
from epipose.io.capture_layouts import VIDEO_SUFFIXES
from epipose.io.fingerprints import fingerprint
from epipose.io.pictures import picture_files, read_pictures
from epipose.io.videos import probe, read_frames
from epipose.io.view_names import match_names
from epipose.pipeline.progress import Report, no_report
from epipose.pipeline.provenance import MADE_BY, is_ours, metadata_of

EXAMPLES = '"checkerboard 4x7 60mm" or "charuco 5x7 40mm 30mm DICT_4X4_50"'
METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0}
SAMPLED = 40
"""Frames that are looked at in a video of a board, evenly spread."""
CAMERA_FOLDERS = ("intri.yml", "cameras.txt")
"""A folder with one of these is a camera file in several parts (EasyMocap, COLMAP), whatever pictures lie below it."""


def parse_board(text: str) -> Board:
    """Return the board that a user describes: its kind, its size and the lengths of its parts, as in `EXAMPLES`.

    A checkerboard's size is in inner corners, a ChArUco board's in squares; its lengths are those of square and marker.
    """
    length = r"\s+([\d.]+)\s*(mm|cm|m)"
    size = r"\s+(\d{1,3})\s*[x×]\s*(\d{1,3})"  # noqa: RUF001
    found = re.fullmatch(rf"(check|chess)er?board{size}{length}", text.strip(), re.IGNORECASE)
    marked = re.fullmatch(rf"(charuco){size}{length}{length}(?:\s+(\w+))?", text.strip(), re.IGNORECASE)
    match = found or marked
    if match is None:
        raise InputError(f"{text!r} is not a board; describe it like {EXAMPLES}")
    columns, rows, square_m = int(match[2]), int(match[3]), _metres(match[4], match[5], text)
    if match is found:
        return Checkerboard(columns, rows, square_m)
    return Charuco(columns, rows, square_m, _metres(match[6], match[7], text), match[8] or Charuco.dictionary)


def _metres(number: str, unit: str, text: str) -> float:
    try:
        # Rounded, so that 60mm and 6cm are the same board.
        return round(float(number) * METRES[unit.lower()], 9)
    except ValueError:
        raise InputError(f"{number!r} in {text!r} is not a length; describe the board like {EXAMPLES}") from None
