"""Stand-ins for crops of the studio: stick figures, a disc of its own colour at each joint."""

import colorsys
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from epipose.io.truth_files import OUT_OF_FRAME, VISIBLE
from epipose.pose.skeletons import load_skeleton

SKELETON = load_skeleton("body21")
SIZE = 96
COLOURS = np.array([[round(255 * c) for c in colorsys.hsv_to_rgb(j / 21, 1, 1)] for j in range(21)])


def write_sticks(folder: Path, *, shards: int = 3, count: int = 8, seed: int = 0) -> None:
    """Write shards as `epipose.studio.crops` does; joint 20 is out of each picture."""
    rng = np.random.default_rng(seed)
    for shard in range(shards):
        figures = [_figure(rng) for _ in range(count)]
        pixels = np.stack([joints for _, joints in figures]).astype(np.float32)
        pixels[:, 20] = [SIZE / 2, -20]
        visibility = np.full((count, 21), VISIBLE, np.uint8)
        visibility[:, 20] = OUT_OF_FRAME
        box = np.concatenate([pixels[:, :20].min(1) - 3, pixels[:, :20].max(1) + 3], axis=1)
        target = folder / f"shard-{shard:03d}"
        target.mkdir(parents=True)
        for name, array in (
            ("images", np.stack([image for image, _ in figures])),
            ("pixels", pixels),
            ("depth", rng.uniform(-0.2, 0.2, (count, 21)).astype(np.float32)),
            ("visibility", visibility),
            ("box", box.astype(np.float32)),
        ):
            np.save(target / f"{name}.npy", array)


def _figure(rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    """Draw joints on a grid with cells of their own, jittered, so that none covers another."""
    image = np.full((SIZE, SIZE, 3), int(rng.integers(20, 60)), np.uint8)
    cells = np.array([(column, row) for row in range(5) for column in range(4)] + [(0, 0)])
    joints = 16 + cells * [18, 15] + rng.uniform(-2, 2, (21, 2))
    for joint in range(20):
        centre = np.round(joints[joint] * 16).astype(int).tolist()
        cv2.circle(image, centre, 4 * 16, COLOURS[joint].tolist(), -1, cv2.LINE_AA, 4)
    return image, joints
