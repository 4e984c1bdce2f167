"""When each frame of each camera was taken, as Caliscope records it: timestamps.csv with cam_id and frame_time."""

import csv
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epipose.errors import InputError


def read_timestamps(path: Path) -> dict[str, Float[ndarray, "frames"]]:
    """Return the times of each camera's frames, rising, in seconds since the first frame of any camera.

    Rows may come in any order; raises InputError, naming the line, for one that is not sound.
    """
    rows: dict[str, list[float]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if not {"cam_id", "frame_time"} <= set(table.fieldnames or ()):
                raise InputError(f"{path} lacks the columns cam_id and frame_time; add this heading to it")
            for row in table:
                rows.setdefault(row["cam_id"], []).append(_seconds(path, table.line_num, row["frame_time"]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table of times ({error}); write it again as CSV") from error
    if not rows:
        raise InputError(f"{path} holds no times; remove it to use the times of the videos")
    start = min(min(times) for times in rows.values())
    result = {camera: np.sort(np.array(times)) - start for camera, times in rows.items()}
    for camera, times in result.items():
        if np.any(np.diff(times) <= 0):
            raise InputError(f"{path} gives two frames of camera {camera} the same time; correct it or remove it")
    return result


def _seconds(path: Path, line: int, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"line {line} of {path} gives {text!r} as a time; write seconds")
    return value
