"""Pictures of people with their joints in 3D, as networks that see one crop are taught by them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, UInt8
from numpy import ndarray

from epipose.errors import InputError
from epipose.geometry.crop_frames import FrameKind
from epipose.io.truth_files import OUT_OF_FRAME
from epipose.pose.skeletons import Skeleton, load_skeleton

FEWEST_JOINTS = 6
"""Known in an example, or it is not used."""
HELD_OUT = 2
"""Shards of synthetic crops, the first ones of a folder, that are never learned from."""
WEIGHTS = np.array([1.0, 0.7, 0.4, 0.0], np.float32)
"""How much a joint counts that is visible, hidden by its person, by something else, out of the picture."""


class Order(ABC):
    """Which examples come when."""

    @abstractmethod
    def rows(self, number: int, rng: np.random.Generator) -> Int[ndarray, "batch"]:
        """Return those of a batch, which the seed and its `number` decide, or `rng`, which follows from both."""


@dataclass(frozen=True, eq=False)
class ByChance(Order):
    """Any of them at any time."""

    usable: Int[ndarray, "rows"]
    batch: int

    def rows(self, number: int, rng: np.random.Generator) -> Int[ndarray, "batch"]:  # noqa: ARG002
        """Return some by chance."""
        return rng.choice(self.usable, self.batch)


class Pictures(ABC):
    """Squares, wherever they are kept."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Pixels of the squares along each side."""

    @abstractmethod
    def picture(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one square."""

    @abstractmethod
    def source(self, row: int) -> str:
        """Return what it was cut from, for people."""

    @abstractmethod
    def order(self, usable: Int[ndarray, "rows"], batch: int, seed: int) -> Order:
        """Return in which order they are learned from."""

    @abstractmethod
    def at_hand(self, rows: Int[ndarray, "n"]) -> "Pictures | None":
        """Return some of them, read all at once, where that is faster than one by one."""


@dataclass(frozen=True, eq=False)
class ArrayFiles(Pictures):
    """Squares in files of arrays (squares, size, size, 3) of RGB pictures, read when they are needed."""

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    """The number of each file's first square."""

    @property
    def size(self) -> int:
        """Pixels of the squares along each side."""
        return int(_mapped(self.files[0]).shape[1])

    def picture(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one square."""
        file = self._file(row)
        return np.asarray(_mapped(self.files[file])[row - self.starts[file]])

    def source(self, row: int) -> str:
        """Return the name of its file."""
        return self.files[self._file(row)].stem

    def order(self, usable: Int[ndarray, "rows"], batch: int, seed: int) -> Order:  # noqa: ARG002
        """Return any at any time."""
        return ByChance(usable, batch)

    def at_hand(self, rows: Int[ndarray, "n"]) -> None:  # noqa: ARG002
        """Leave them where they are."""
        return

    def _file(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1


@dataclass(frozen=True, eq=False)
class CropExamples:
    """Squares cut from pictures, with room around the person so that other squares can be cut from them."""

    pictures: Pictures
    joints: Float32[ndarray, "crops joints 3"]
    """x and y in pixels of the square; z behind the root, in units as long as its side at the root's depth."""
    weight: Float32[ndarray, "crops joints"]
    """How much each counts, 0 to 1; 0 where it is not known or out of the picture."""
    side_m: Float32[ndarray, "crops"]
    """What the square's side spans at the root's depth, in metres; NaN where it is not known."""
    span: Float32[ndarray, "crops"]
    """The same for a depth of one metre: how strong perspective is; NaN where it is not known."""
    disc: Float32[ndarray, "crops 3"]
    """x, y and radius of the scene's round obstacle in pixels of the square; radius 0 where there is none."""
    frames: Int[ndarray, "crops"]
    """Numbers of the pictures in what they were cut from."""
    skeleton: Skeleton
    frame: FrameKind = "box"
    """What crops are cut from the squares by; for "paper" the root is in the middle of each."""

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def size(self) -> int:
        """Pixels of the squares along each side."""
        return self.pictures.size

    def picture(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one square."""
        return self.pictures.picture(row)

    def of_joints(self, joints: Sequence[str]) -> "CropExamples":
        """Return the same pictures with only the named joints, in that order."""
        columns = [self.skeleton.index(joint) for joint in joints]
        weight = self.weight[:, columns]
        return replace(self, joints=self.joints[:, columns], weight=weight, skeleton=self.skeleton.subset(joints))

    def at_hand(self, rows: Int[ndarray, "n"]) -> "tuple[CropExamples, Int[ndarray, 'n']]":
        """Return examples with at least some rows, and where these are in them: to be used together."""
        pictures = self.pictures.at_hand(rows)
        if pictures is None:
            return self, rows
        known: dict[str, Any] = {name: getattr(self, name)[rows] for name in BY_ROW}
        return replace(self, pictures=pictures, **known), np.arange(len(rows))

    def place(self, row: int) -> str:
        """Return where an example comes from, for people."""
        return f"{self.pictures.source(row)}, frame {self.frames[row]}"


BY_ROW = ("joints", "weight", "side_m", "span", "disc", "frames")
"""What examples have for each of them, but for pictures."""


@cache
def _mapped(file: Path) -> UInt8[ndarray, "crops size size 3"]:
    return np.asarray(np.load(file, mmap_mode="r"))


def studio_examples(folder: Path, *, held_out: bool) -> CropExamples:
    """Open what `epipose.studio.crops` wrote: the shards that are held out, or the others."""
    shards = sorted(path.parent for path in folder.glob("shard-*/box.npy"))
    shards = shards[:HELD_OUT] if held_out else shards[HELD_OUT:]
    if not shards:
        raise InputError(
            f"{folder} holds fewer than {HELD_OUT + 1} shards of crops; "
            f"make more with: python -m epipose.studio.crops {folder}"
        )
    if not all((shard / "depth.npy").is_file() for shard in shards):
        raise InputError(f"the crops in {folder} are of an older version, without depths; make them again")
    pixels, depth, visibility = (
        np.concatenate([np.load(shard / f"{name}.npy") for shard in shards])
        for name in ("pixels", "depth", "visibility")
    )
    weight = WEIGHTS[visibility]
    assert len(WEIGHTS) - 1 == OUT_OF_FRAME
    files = tuple(shard / "images.npy" for shard in shards)
    starts = np.cumsum([0, *(len(_mapped(file)) for file in files[:-1])]).tolist()
    unknown = np.full(len(pixels), np.nan, np.float32)
    joints = np.concatenate([pixels, depth[..., None]], axis=2)
    nowhere = np.zeros((len(pixels), 3), np.float32)
    numbers = np.arange(len(pixels))
    pictures = ArrayFiles(files, tuple(starts))
    return CropExamples(pictures, joints, weight, unknown, unknown, nowhere, numbers, load_skeleton("body21"))
