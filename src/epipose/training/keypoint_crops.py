"""Training examples for 2D detectors: crops that `epipose.studio.crops` wrote, augmented as they are read."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray
from torch import Tensor
from torch.utils.data import IterableDataset

from epipose.errors import InputError
from epipose.pose.skeletons import load_skeleton

MIRROR = np.array(load_skeleton("body21").mirror)
WEIGHTS = np.array([1.0, 0.7, 0.4, 1.0], np.float32)
"""How much a joint counts in training that is visible, hidden by its person, by something else, out of the crop."""
OUT_OF_FRAME, NOWHERE = 3, -1e4
"""What crops call a joint that they do not reach, and where it is put: outside any picture."""
SHRINK = 0.75
"""How much smaller than it was a crop is shown at most."""
REOPENED = 400
"""Batches after which a worker looks for crops that were added."""


@dataclass(frozen=True, eq=False)
class CropFolder:
    """The crops of a folder of shards, mapped into memory."""

    images: list[UInt8[ndarray, "n size size 3"]]
    pixels: Float32[ndarray, "crops joints 2"]
    visibility: UInt8[ndarray, "crops joints"]
    box: Float32[ndarray, "crops 4"]

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one picture."""
        shard = len(self.images[0])
        return np.asarray(self.images[row // shard][row % shard])


def open_crops(folder: Path) -> CropFolder:
    """Open the shards of `folder` that are whole; raises InputError if there is none."""
    shards = sorted(path.parent for path in folder.glob("shard-*/box.npy"))
    if not shards:
        raise InputError(f"{folder} holds no crops; make some with: python -m epipose.studio.crops {folder}")
    pixels, visibility, box = (
        np.concatenate([np.load(shard / f"{name}.npy") for shard in shards]) for name in ("pixels", "visibility", "box")
    )
    return CropFolder([np.load(shard / "images.npy", mmap_mode="r") for shard in shards], pixels, visibility, box)


class AugmentedCrops(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """An endless stream of (picture, joints in its pixels, weight of each joint), in batches."""

    def __init__(self, folder: Path, *, size: int, batch: int, seed: int) -> None:
        self._folder, self._size, self._batch, self._seed = folder, size, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield batches; each worker process draws its own."""
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        cv2.setNumThreads(1)
        for count in itertools.count():
            if count % REOPENED == 0:
                crops = open_crops(self._folder)
            rows = rng.integers(len(crops), size=self._batch)
            examples = [augmented(crops, int(row), self._size, rng) for row in rows]
            pictures, pixels, weights = (np.stack(part) for part in zip(*examples, strict=True))
            yield torch.from_numpy(pictures), torch.from_numpy(pixels), torch.from_numpy(weights)


def augmented(
    crops: CropFolder, row: int, size: int, rng: np.random.Generator
) -> tuple[UInt8[ndarray, "size size 3"], Float32[ndarray, "joints 2"], Float32[ndarray, "joints"]]:
    """Return one crop resampled, turned, mirrored, recoloured and covered by chance, at `size` pixels."""
    image, visibility = crops.image(row), crops.visibility[row]
    turn = rng.normal(0, 12) if rng.random() < 0.8 else rng.uniform(-45, 45)
    share = rng.choice([rng.uniform(0.6, 0.95), rng.uniform(0.25, 0.6), rng.uniform(0.95, 1.5)], p=[0.68, 0.22, 0.1])
    # Shrinking a crop would teach that people stand in small rectangles.
    share = max(share, SHRINK * _fill(crops.box[row], len(image)))
    px_from_crop = framing(crops.box[row], size, share, turn, rng.normal(0, 0.07, 2))
    mirrored = rng.random() < 0.5
    if mirrored:
        px_from_crop = np.array([[-1.0, 0, size - 1], [0, 1, 0]]) @ np.vstack([px_from_crop, [0, 0, 1]])
    # What lies beyond the crop is cut from a corner of another one, where there is seldom anybody.
    corner = crops.image(int(rng.integers(len(crops))))[: int(rng.integers(12, 48)), : int(rng.integers(12, 48))]
    beyond = cv2.resize(np.ascontiguousarray(corner), (size, size), interpolation=cv2.INTER_LINEAR)
    shrinks = np.linalg.norm(px_from_crop[:, 0]) < 0.9
    picture = cv2.warpAffine(
        image,
        px_from_crop,
        (size, size),
        dst=beyond,
        flags=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    pixels = crops.pixels[row] @ px_from_crop[:, :2].T + px_from_crop[:, 2]
    pixels[visibility == OUT_OF_FRAME] = NOWHERE
    weights = WEIGHTS[visibility]
    if mirrored:
        pixels, weights = pixels[MIRROR], weights[MIRROR]
    if rng.random() < 0.4:
        _cover(picture, crops.image(int(rng.integers(len(crops)))), rng)
    return _recoloured(picture, rng), pixels.astype(np.float32), weights


def framing(
    box: Float[ndarray, "4"], size: int, share: float, turn: float, aside: Float[ndarray, "2"]
) -> Float[ndarray, "2 3"]:
    """Return the affine map into `size` pixels that makes the longer side of `box` `share` of them.

    The box's middle lands in the middle, moved by `aside` of the size; `turn` in degrees, clockwise as seen.
    """
    scale = share * size / max(box[2] - box[0], box[3] - box[1])
    cos, sin = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    return np.column_stack([linear, (size - 1) / 2 + size * aside - linear @ middle])


def _fill(box: Float32[ndarray, "4"], size: int) -> float:
    """Return the share of a crop's side that a person takes."""
    return float(max(box[2] - box[0], box[3] - box[1]) / size)


def _cover(picture: UInt8[ndarray, "size size 3"], other: UInt8[ndarray, "n n 3"], rng: np.random.Generator) -> None:
    """Lay patches of another crop or of one colour over the picture."""
    size = len(picture)
    for _ in range(rng.integers(1, 4)):
        width, height = (int(value) for value in rng.uniform(0.06, 0.3, 2) * size)
        left, top = (int(value) for value in rng.uniform(-0.05, 0.95, 2) * size)
        part = picture[max(top, 0) : top + height, max(left, 0) : left + width]
        rows, columns = part.shape[:2]
        part[:] = other[:rows, :columns] if rng.random() < 0.5 else rng.integers(0, 256, 3)


def _recoloured(picture: UInt8[ndarray, "size size 3"], rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Change exposure, contrast and tint, sometimes to grey; blur or add noise sometimes."""
    levels = np.arange(256, dtype=np.float32)[:, None]
    contrast, gamma = rng.uniform(0.65, 1.4), rng.uniform(0.75, 1.35)
    tint = rng.normal(0, 9, 3) + rng.normal(0, 18)
    table = 255 * (np.clip((levels - 128) * contrast + 128 + tint, 0, 255) / 255) ** gamma
    picture = cv2.LUT(picture, np.ascontiguousarray(table.astype(np.uint8)[None]))
    if rng.random() < 0.08:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 12), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return picture
