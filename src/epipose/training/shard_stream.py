"""Crops of shards, shuffled, batch by batch.

Which crops a batch has follows from the seed and its number alone, so processes and machines take turns at the numbers
(`training.loop.Turns`) without a word to each other, and who was interrupted goes on with the next number.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int, UInt8
from numpy import ndarray

from epipose.io.shards import CropFiles

MIXED = 16
"""Shards whose crops are mixed with each other: those of one shard are alike, and files are read best one by one."""


@dataclass(frozen=True, eq=False)
class Shuffled:
    """The order in which crops come: every one once in each epoch, shards by chance and MIXED of them together."""

    shard: Int[ndarray, "crops"]
    """Of each crop."""
    batch: int
    seed: int = 0
    _epochs: dict[int, Int[ndarray, "crops"]] = field(default_factory=dict, repr=False)

    def rows(self, number: int) -> Int[ndarray, "batch"]:
        """Return which crops are in a batch; the first of an epoch may be beside the last of that before it."""
        count = len(self.shard)
        begin, end = number * self.batch, (number + 1) * self.batch
        parts = [
            self._epoch(epoch)[max(begin - epoch * count, 0) : end - epoch * count]
            for epoch in range(begin // count, -(-end // count))
        ]
        return np.concatenate(parts)

    def _epoch(self, epoch: int) -> Int[ndarray, "crops"]:
        if epoch not in self._epochs:
            self._epochs.pop(epoch - 2, None)
            rng = np.random.default_rng([self.seed, epoch])
            shards, shard = np.unique(self.shard, return_inverse=True)
            window = rng.permutation(len(shards)) // MIXED
            self._epochs[epoch] = np.lexsort((rng.random(len(shard)), window[shard]))
        return self._epochs[epoch]


@dataclass(frozen=True, eq=False)
class ShardStream:
    """Batches by their numbers, as data sets of PyTorch have examples."""

    files: CropFiles
    order: Shuffled

    @classmethod
    def of(cls, files: CropFiles, batch: int, seed: int = 0) -> "ShardStream":
        """Return the stream of all crops of some shards."""
        return cls(files, Shuffled(files.shard, batch, seed))

    def __getitem__(self, number: int) -> tuple[UInt8[ndarray, "batch side side 3"], Int[ndarray, "batch"]]:
        """Return the pictures of a batch, and which crops they are."""
        rows = self.order.rows(number)
        return self.files.pictures(rows), rows
