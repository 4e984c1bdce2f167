"""Training examples for 2D detectors: crops that `epipose.studio.crops` wrote, augmented as they are read."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from numpy import ndarray
from torch import Tensor
from torch.utils.data import Dataset

from epipose.errors import InputError
from epipose.geometry.images import framing, mapped, resampled
from epipose.io.truth_files import OUT_OF_FRAME
from epipose.pose.skeletons import load_skeleton
from epipose.training.disturbances import disturbed, recoloured

HELD_OUT = 2
"""Shards, the first ones of a folder, that are never learned from; each has people and places of its own."""
NOWHERE = -1e4
"""Pixels, both coordinates: where joints are put that the network shall call out of the picture."""
WEIGHTS = np.array([1.0, 0.7, 0.4, 1.0], np.float32)
"""How much a joint counts in training that is visible, hidden by its person, by something else, out of the crop."""
REOPENED = 100
"""Batches after which new shards are looked for."""

_MIRROR = np.array(load_skeleton("body21").mirror)


@dataclass(frozen=True, eq=False)
class CropFolder:
    """The crops of some shards, mapped into memory."""

    images: list[UInt8[ndarray, "n size size 3"]]
    pixels: Float32[ndarray, "crops joints 2"]
    visibility: UInt8[ndarray, "crops joints"]
    box: Float32[ndarray, "crops 4"]
    starts: list[int]
    """The number of each shard's first crop."""

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one picture."""
        shard = int(np.searchsorted(self.starts, row, side="right")) - 1
        return np.asarray(self.images[shard][row - self.starts[shard]])

    def square(self, row: int) -> tuple[Float64[ndarray, "2"], float]:
        """Return the middle of a person's box and its longer side, in pixels of the crop."""
        begin, end = self.box[row].astype(np.float64).reshape(2, 2)
        return (begin + end) / 2, float((end - begin).max())


def open_crops(folder: Path, *, held_out: bool) -> CropFolder:
    """Open the shards of `folder` that are whole: those held out, or the others; raises InputError if there is none."""
    shards = sorted(path.parent for path in folder.glob("shard-*/box.npy"))
    shards = shards[:HELD_OUT] if held_out else shards[HELD_OUT:]
    if not shards:
        raise InputError(
            f"{folder} holds fewer than {HELD_OUT + 1} shards of crops; "
            f"make more with: python -m epipose.studio.crops {folder}"
        )
    pixels, visibility, box = (
        np.concatenate([np.load(shard / f"{name}.npy") for shard in shards]) for name in ("pixels", "visibility", "box")
    )
    images = [np.load(shard / "images.npy", mmap_mode="r") for shard in shards]
    starts = np.cumsum([0, *(len(part) for part in images[:-1])]).tolist()
    return CropFolder(images, pixels, visibility, box, starts)


class AugmentedBatches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Batches of (pictures, joints in their pixels, weights of joints); the seed and a batch's number decide it."""

    def __init__(self, folder: Path, *, size: int, batch: int, seed: int) -> None:
        self._folder, self._size, self._batch, self._seed = folder, size, batch, seed
        self._opened: tuple[int, CropFolder] | None = None

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return a batch."""
        cv2.setNumThreads(1)
        if self._opened is None or self._opened[0] != number // REOPENED:
            self._opened = number // REOPENED, open_crops(self._folder, held_out=False)
        crops = self._opened[1]
        rng = np.random.default_rng([self._seed, number])
        rows = rng.integers(len(crops), size=self._batch)
        examples = [augmented(crops, int(row), self._size, rng) for row in rows]
        pictures, pixels, weights = (np.stack(part) for part in zip(*examples, strict=True))
        return torch.from_numpy(pictures), torch.from_numpy(pixels), torch.from_numpy(weights)


def augmented(
    crops: CropFolder, row: int, size: int, rng: np.random.Generator
) -> tuple[UInt8[ndarray, "size size 3"], Float32[ndarray, "joints 2"], Float32[ndarray, "joints"]]:
    """Return one crop resampled, turned, mirrored, recoloured and covered by chance, at `size` pixels."""
    beyond = _surroundings(crops, size, rng)
    if rng.random() < 0.04:
        joints = crops.pixels.shape[1]
        return recoloured(beyond, rng), np.full((joints, 2), NOWHERE, np.float32), np.ones(joints, np.float32)
    net_from_crop = _random_framing(*crops.square(row), size, rng)
    mirrored = rng.random() < 0.5
    if mirrored:
        net_from_crop = np.array([[-1.0], [1.0]]) * net_from_crop + np.array([[0.0, 0.0, size - 1], [0.0, 0.0, 0.0]])
    picture = _laid_over(beyond, crops.image(row), net_from_crop)
    pixels = mapped(net_from_crop, crops.pixels[row].astype(np.float64)).astype(np.float32)
    # Nothing shows where these are, even if there is room for them now.
    pixels[crops.visibility[row] == OUT_OF_FRAME] = NOWHERE
    weights = WEIGHTS[crops.visibility[row]]
    if mirrored:
        pixels, weights = pixels[_MIRROR], weights[_MIRROR]
    another = partial(_any_image, crops, rng)
    return disturbed(picture, another, rng), pixels, weights


def _any_image(crops: CropFolder, rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    return crops.image(int(rng.integers(len(crops))))


def _random_framing(
    middle: Float64[ndarray, "2"], side: float, size: int, rng: np.random.Generator
) -> Float64[ndarray, "2 3"]:
    """Return how a person is put into the picture: mostly to fill it, sometimes small and anywhere, or cut off."""
    turn = rng.normal(0, 12) if rng.random() < 0.8 else rng.uniform(-45, 45)
    kind = rng.random()
    if kind < 0.75:
        share, aside = rng.uniform(0.6, 0.95), rng.normal(0, 0.07, 2)
    elif kind < 0.9:
        share = rng.uniform(0.25, 0.6)
        aside = rng.uniform(-0.5, 0.5, 2) * (1 - 0.8 * share)
    else:
        share, aside = rng.uniform(0.95, 1.6), rng.normal(0, 0.15, 2)
    shown = side / share
    return framing(middle - aside * shown, shown, size, turn=float(np.deg2rad(turn)))


def _surroundings(crops: CropFolder, size: int, rng: np.random.Generator) -> UInt8[ndarray, "size size 3"]:
    """Return what lies beyond a crop: one colour, as beyond a picture's edge, or a corner of another crop."""
    if rng.random() < 0.3:
        grey = rng.integers(0, 256) if rng.random() < 0.5 else 128
        return np.full((size, size, 3), grey, np.uint8)
    row = int(rng.integers(len(crops)))
    image = crops.image(row)
    # Beside or above the person of that crop, whichever leaves more room.
    left, top, right, bottom = np.clip(crops.box[row], 0, len(image)).astype(int).tolist()
    parts = [image[:, :left], image[:, right:], image[:top], image[bottom:]]
    part = max(parts, key=lambda candidate: min(candidate.shape[:2]))
    if min(part.shape[:2]) < 8:
        return np.full((size, size, 3), int(image.mean()), np.uint8)
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (size, size), interpolation=cv2.INTER_LINEAR))


def _laid_over(
    beyond: UInt8[ndarray, "size size 3"], crop: UInt8[ndarray, "n n 3"], net_from_crop: Float64[ndarray, "2 3"]
) -> UInt8[ndarray, "size size 3"]:
    """Return a crop in its surroundings; a shrunk one fades into them, lest people be known by their rectangle."""
    size = len(beyond)
    picture = resampled(crop, net_from_crop, size, beyond.copy())
    if np.sqrt(abs(np.linalg.det(net_from_crop[:, :2]))) * len(crop) > 0.9 * size:
        return picture
    rim = len(crop) // 12
    mask = np.zeros(crop.shape[:2], np.float32)
    mask[rim:-rim, rim:-rim] = 1
    fade = cv2.warpAffine(cv2.blur(mask, (2 * rim - 1, 2 * rim - 1)), net_from_crop, (size, size))[..., None]
    return np.asarray((beyond + fade * (picture.astype(np.float32) - beyond)).astype(np.uint8))
