"""How fast crops come out of shards: enough that training never waits?

    python -m benchmarks.shards [--folder FOLDER] [--repeats 5]

Crops of 256 x 256 pixels, cut from the recording that comes with epipose and written to SHARDS shards, are read and
shuffled by two processes and handed to a third, batch by batch, as training does. Beside it, in turns, what others do
with the same tar files: read them from begin to end with tarfile, or with the package webdataset where it is installed,
shuffle by a buffer, and decode with OpenCV as we do. The best of the repeats counts: other programs may share the
machine.
"""

import argparse
import json
import random
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy import ndarray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from benchmarks.measures import print_table
from epipose.datasets import Contents, Recording
from epipose.io.capture_folder import open_capture
from epipose.io.recorded_truth import read_known_poses
from epipose.io.shards import CropFiles, open_shards
from epipose.pipeline.prepare_shards import Cutting, make_shards
from epipose.pipeline.progress import no_report
from epipose.pipeline.recorded_crops import RecordedCrops
from epipose.samples import copy_sample
from epipose.training.loop import Turns
from epipose.training.shard_stream import ShardStream

LEAST, SIDE, WORKERS, BATCH = 800.0, 256, 2, 32
"""Crops a second; pixels; processes that read; crops handed over at once."""
SHARDS, BUFFER = 64, 1000
"""Copies of the recording's views, and crops that others shuffle among."""
BATCHES, WARM = 250, 30
"""Of a measurement, and before it."""
HEADER = ("what", "crops/s", "of ours", "bar", "")


def main(folder: Path, repeats: int, batches: int = BATCHES, shards: int = SHARDS) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    files = open_shards(written(folder, shards)).files
    ways: dict[str, Callable[[], Iterable[Any]]] = {
        "epipose": lambda: ours(files, WARM + batches),
        "tarfile": lambda: loader(Sequential(tar_pictures, folder, files.names, WARM + batches)),
    }
    if find_spec("webdataset") is not None:
        ways["webdataset"] = lambda: loader(Sequential(webdataset_pictures, folder, files.names, WARM + batches))
    found = dict.fromkeys(ways, 0.0)
    for _ in range(repeats):
        for name, way in ways.items():
            found[name] = max(found[name], rate(way()))
    rows = [(name, f"{speed:.0f}", f"{speed / found['epipose']:.2f}", "", "") for name, speed in found.items()]
    verdict = "met" if found["epipose"] >= LEAST else "missed"
    rows[0] = (*rows[0][:3], f">= {LEAST:.0f}", verdict)
    size = int(np.median(files.length))
    print_table(f"Crops of {SIDE} x {SIDE} ({size / 1000:.0f} kB) out of {len(files.names)} shards", HEADER, rows)


def written(folder: Path, shards: int) -> Path:
    """Return a folder of shards, made unless they are there."""
    with TemporaryDirectory() as scratch:
        capture = Path(scratch) / "turning"
        copy_sample("turning", capture)
        known = read_known_poses(capture / "truth")
        videos = {view.name: view.source for view in open_capture(capture).views if view.source is not None}
        copies = -(-shards // len(videos))
        recordings = [
            Recording(f"turning-{copy}", known.cameras, ("1",), lambda: Contents(known.poses, videos))
            for copy in range(copies)
        ]
        make_shards(RecordedCrops("turning", recordings, (), Cutting(1, SIDE)), folder, no_report)
    return folder


def rate(batches: Iterable[Sequence[Any]]) -> float:
    """Return crops a second, the first batches not counted."""
    source = iter(batches)
    for _ in range(WARM):
        next(source)
    begun = time.perf_counter()
    crops = sum(len(pictures) for pictures, _ in source)
    return crops / (time.perf_counter() - begun)


def ours(files: CropFiles, batches: int) -> Iterable[Any]:
    """Return batches read by our reader, as training takes them."""
    stream: Any = ShardStream.of(files, BATCH)
    return loader(stream, sampler=Turns(0, batches, 0, 1))


def loader(source: Any, **more: Any) -> Iterable[Any]:
    """Return what hands over batches that WORKERS processes make."""
    return DataLoader(
        source, batch_size=None, num_workers=WORKERS, prefetch_factor=6, multiprocessing_context="spawn", **more
    )


class Sequential(IterableDataset):  # type: ignore[type-arg]
    """Batches of pictures that come in the order of the files, shuffled by a buffer; each process has its own files."""

    def __init__(
        self, read: Callable[[Sequence[str]], Iterator[Any]], folder: Path, names: Sequence[str], batches: int
    ) -> None:
        self._read, self._files = read, [str(folder / name) for name in names]
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        assert worker is not None, "processes read"
        shuffled = _shuffled(self._read(self._files[worker.id :: worker.num_workers]))
        for _ in range(self._batches // worker.num_workers):
            pictures, labels = zip(*islice(shuffled, BATCH), strict=True)
            yield np.stack(pictures), np.array([label["frame"] for label in labels])


def _shuffled(samples: Iterator[Any]) -> Iterator[Any]:
    """Yield samples, each a random one of a buffer."""
    held, rng = list(islice(samples, BUFFER)), random.Random(0)
    for sample in samples:
        place = rng.randrange(BUFFER)
        sample, held[place] = held[place], sample
        yield _picture(sample[0]), json.loads(sample[1])


def tar_pictures(files: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield JPEG and JSON of all crops, over and over."""
    for file in cycle(files):
        with tarfile.open(file) as tar:
            members = iter(tar)
            for jpeg, labels in zip(members, members, strict=True):
                yield _content(tar, jpeg), _content(tar, labels)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = tar.extractfile(member)
    assert opened is not None, "there are only files"
    return opened.read()


def webdataset_pictures(files: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the same by the package webdataset."""
    import webdataset

    # The files were shared out among the processes already.
    every = webdataset.WebDataset(list(files), shardshuffle=False, workersplitter=None).repeat()
    for sample in every:
        yield sample["jpg"], sample["json"]


def _picture(jpeg: bytes) -> ndarray:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how fast crops come out of shards.")
    parser.add_argument("--folder", type=Path, help="where the shards are kept (default: nowhere)")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    with TemporaryDirectory() as nowhere:
        main(asked.folder or Path(nowhere), asked.repeats)
