"""Crops come shuffled, each once in an epoch, whoever takes which batches, and from wherever."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from epipose.io.shards import open_shards
from epipose.training.loop import Turns
from epipose.training.shard_stream import MIXED, ShardStream, Shuffled
from tests.io.made_shards import write_shards

COUNTS = (13, 30, 7, 1, 22)
EVERYBODY = sum(COUNTS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("shards"), COUNTS)


@pytest.mark.parametrize(("processes", "workers"), [(1, 0), (3, 0), (2, 2)])
def test_every_crop_is_seen_once_an_epoch_by_all_ranks_and_workers(made: Path, processes: int, workers: int) -> None:
    stream = ShardStream.of(open_shards(made).files, batch=5, seed=3)
    seen: Counter[int] = Counter()
    by_number = {}
    steps = EVERYBODY  # batches of 5 for each of the processes: 5 epochs each
    for rank in range(processes):
        turns = Turns(0, steps, rank, processes)
        spawned = {"num_workers": workers, "multiprocessing_context": "spawn"} if workers else {}
        for number, (pictures, rows) in zip(
            turns, DataLoader(stream, sampler=turns, batch_size=None, **spawned), strict=True
        ):
            assert pictures.shape == (5, 48, 48, 3)
            by_number[number] = rows.tolist()
            seen.update(rows.tolist())
    assert seen == Counter(dict.fromkeys(range(EVERYBODY), 5 * processes))
    order = [row for number in sorted(by_number) for row in by_number[number]]
    epochs = np.reshape(order, (-1, EVERYBODY))
    assert all(sorted(epoch) == list(range(EVERYBODY)) for epoch in epochs.tolist())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == len(epochs)


def test_pictures_are_those_of_their_rows_and_follow_from_the_number(made: Path) -> None:
    files = open_shards(made).files
    stream, again = ShardStream.of(files, 8, seed=1), ShardStream.of(files, 8, seed=1)
    for number in (40, 3, 9, 3):
        pictures, rows = stream[number]
        np.testing.assert_array_equal(rows, again[number][1])
        np.testing.assert_array_equal(pictures, files.pictures(rows))
    assert not np.array_equal(stream[3][1], ShardStream.of(files, 8, seed=2)[3][1])
    some = files.of(np.arange(5, 20))
    np.testing.assert_array_equal(some.pictures([0, 14]), files.pictures([5, 19]))


def test_only_so_many_shards_are_mixed_at_a_time() -> None:
    shard = np.repeat(np.arange(50), 100)
    rows = Shuffled(shard, batch=len(shard)).rows(0)
    for window in np.split(shard[rows], np.arange(1, -(-50 // MIXED)) * MIXED * 100):
        assert len(np.unique(window)) <= MIXED
        # Within them, crops are mixed well: none of the shards comes much before another.
        middles = [np.flatnonzero(window == one).mean() / len(window) for one in np.unique(window)]
        assert np.abs(np.array(middles) - 0.5).max() < 0.15
    assert sorted(rows) == list(range(len(shard)))


def test_batches_may_be_larger_than_epochs() -> None:
    rows = Shuffled(np.zeros(4, int), batch=10).rows(1)
    assert sorted(Counter(rows.tolist()).values()) == [2, 2, 3, 3]
