"""Crops of shards as examples that networks are taught by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int, UInt8
from numpy import ndarray

from epipose.geometry.images import mapped
from epipose.io.shard_index import focal_lengths
from epipose.io.shards import CropFiles, Shards
from epipose.pose.roots import root
from epipose.training.crop_examples import CropExamples, Order, Pictures
from epipose.training.shard_stream import Shuffled


@dataclass(frozen=True, eq=False)
class InEpochs(Order):
    """Every one once in each epoch, as shards are read best."""

    usable: Int[ndarray, "rows"]
    shuffled: Shuffled

    def rows(self, number: int, rng: np.random.Generator) -> Int[ndarray, "batch"]:  # noqa: ARG002
        """Return those of a batch."""
        return np.asarray(self.usable[self.shuffled.rows(number)])


@dataclass(frozen=True, eq=False)
class ShardPictures(Pictures):
    """Squares in shards, decoded when they are needed."""

    files: CropFiles
    views: tuple[str, ...]
    """What the squares were cut from, for people, ..."""
    view: Int[ndarray, "crops"]
    """... and which of them each."""

    @property
    def size(self) -> int:
        """Pixels of the squares along each side."""
        return self.files.side

    def picture(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one square."""
        return np.asarray(self.files.pictures([row])[0])

    def source(self, row: int) -> str:
        """Return recording and view."""
        return self.views[int(self.view[row])]

    def order(self, usable: Int[ndarray, "rows"], batch: int, seed: int) -> Order:
        """Return every one once in each epoch."""
        return InEpochs(usable, Shuffled(self.files.shard[usable], batch, seed))

    def at_hand(self, rows: Int[ndarray, "n"]) -> "_Decoded":
        """Read some of them together, as a server is asked best."""
        return _Decoded(self.files.pictures(rows), self, rows)


@dataclass(frozen=True, eq=False)
class _Decoded(Pictures):
    """Squares in memory."""

    squares: UInt8[ndarray, "n size size 3"]
    of: ShardPictures
    known_as: Int[ndarray, "n"]

    @property
    def size(self) -> int:
        """Pixels of the squares along each side."""
        return int(self.squares.shape[1])

    def picture(self, row: int) -> UInt8[ndarray, "size size 3"]:
        """Return one square."""
        return np.asarray(self.squares[row])

    def source(self, row: int) -> str:
        """Return recording and view."""
        return self.of.source(int(self.known_as[row]))

    def order(self, usable: Int[ndarray, "rows"], batch: int, seed: int) -> Order:
        """Return every one once in each epoch."""
        return self.of.order(self.known_as[usable], batch, seed)

    def at_hand(self, rows: Int[ndarray, "n"]) -> None:  # noqa: ARG002
        """Leave them where they are."""
        return


def shard_examples(shards: Shards, rows: Int[ndarray, "n"]) -> CropExamples:
    """Return some crops of shards as examples; without joints in metres they have no depths."""
    skeleton, side = shards.about.skeleton, shards.about.side
    joints = len(skeleton)
    pixels, metres = (shards.numbers(name, joints, n)[rows].astype(float) for name, n in (("pixels", 2), ("metres", 3)))
    weight = shards.numbers("weight", joints)[rows]
    affine: Float64[ndarray, "n 2 3"] = shards.numbers("crop_from_px", 2, 3)[rows]
    span = _side_px(affine, side) / focal_lengths(shards.table)[rows]
    middle: Float[ndarray, "n 3"] = root(metres, skeleton)
    side_m = span * middle[:, 2]
    places = np.stack([mapped(*one) for one in zip(affine, pixels, strict=True)])
    depth = (metres[..., 2] - middle[:, None, 2]) / side_m[:, None]
    known = np.concatenate([places, depth[..., None]], axis=2)
    found: dict[str, Any] = {name: shards.words(name) for name in ("recording", "view")}
    sources = [f"{found['recording'][row]}, {found['view'][row]}" for row in rows.tolist()]
    views, view = np.unique(sources, return_inverse=True)
    return CropExamples(
        ShardPictures(shards.files.of(rows), tuple(views.tolist()), view),
        np.where((weight > 0)[..., None] & np.isfinite(known), known, 0).astype(np.float32),
        weight,
        side_m.astype(np.float32),
        span.astype(np.float32),
        np.zeros((len(rows), 3), np.float32),
        shards.numbers("frame")[rows].astype(np.int64),
        skeleton,
    )


def _side_px(affine: Float64[ndarray, "n 2 3"], side: int) -> Float64[ndarray, "n"]:
    """Return the sides of squares in the pictures they were cut from."""
    return np.asarray(side / np.sqrt(np.abs(np.linalg.det(affine[..., :2]))))
