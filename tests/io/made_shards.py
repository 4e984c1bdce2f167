"""Shards of made pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from epipose.geometry.cameras import Camera
from epipose.geometry.lenses import Pinhole
from epipose.geometry.rigid import Rigid
from epipose.io.shard_index import CropLabels
from epipose.io.shard_writing import claim, finish, write_index, write_part
from epipose.pose.skeletons import load_skeleton

SKELETON = load_skeleton("h36m17")
JOINTS = len(SKELETON)
CAMERA = Camera(Pinhole((500.0, 510.0), (320.0, 240.0)), Rigid.identity(), (640, 480))


def crop(recording: str, view: str, frame: int, side: int, *, flat: bool = False) -> tuple[ndarray, CropLabels]:
    """A smooth picture, and labels like those of a person; `flat` ones are of nobody knows which camera."""
    rng = np.random.default_rng([len(recording), *view.encode(), frame])
    picture = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    metres = rng.normal([0, 0, 4], 0.4, (JOINTS, 3))
    pixels, _ = CAMERA.lens.project(metres)
    scale = side / 400
    labels = CropLabels(
        recording=recording,
        view=view,
        frame=frame,
        picture_wh=CAMERA.size_wh,
        crop_from_px=np.array([[scale, 0, 10.0], [0, scale, 20.0]]),
        pixels=pixels,
        weight=np.full(JOINTS, 0.5),
        visible=np.arange(JOINTS) % 2 == 0,
        box=np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]),
        time_s=frame / 50,
        about={"subject": recording[:2], "action": "Walking", "take": 1},
        metres=None if flat else metres,
        camera=None if flat else CAMERA,
        head_px=42.0 if flat else float("nan"),
    )
    return picture, labels


def write_shards(out: Path, counts: Sequence[int], *, side: int = 48, flat: bool = False, recordings: int = 1) -> Path:
    """Shards of as many views as there are `counts` of crops, in each of some recordings."""
    claim(out)
    parts = []
    for recording in (f"S{number + 1}_Walking-1" for number in range(recordings)):
        for view, count in enumerate(counts):
            parts.append(f"{recording}/cam{view}")
            crops = (crop(recording, f"cam{view}", frame, side, flat=flat) for frame in range(count))
            write_part(out, parts[-1], crops, JOINTS, "made")
    finish(out, "made", SKELETON, write_index(out, parts, JOINTS), {"side": side})
    return out


def keys(out: Path) -> Iterator[str]:
    """Names of the tar files."""
    return (str(file.relative_to(out)) for file in sorted(out.rglob("*.tar")))
