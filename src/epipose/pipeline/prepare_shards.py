"""The stage that makes shards of a published data set: crops of its people, and what is known of each.

Every view of a recording, or so many single pictures, is a part that one process makes alone. So the same files come
out of any number of processes, and an interruption costs no more than the parts that were being made.
"""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2

from epipose.errors import InputError
from epipose.io.fingerprints import fingerprint
from epipose.io.shard_writing import LabelledCrop, claim, finish, finished, is_made, write_index, write_part
from epipose.pipeline.progress import Report
from epipose.pose.skeletons import Skeleton

SIDE, SMALLEST = 256, 32
"""Pixels of crops along each side, usually (networks may see up to 170 of them, with room to vary), and at least."""


@dataclass(frozen=True)
class Cutting:
    """Which crops are cut."""

    every: int
    """N keeps each N-th moment."""
    side: int
    """Pixels of crops along each side."""


def make_shards(
    source: "CropSource", out: Path, progress: Report, *, workers: int | None = None
) -> tuple[int, int, int]:
    """Write all crops of a data set into `out`; return how many parts they have, which were not there, and the crops.

    As many processes as there are cores work on it, or `workers`.
    """
    parts, notes, cutting = source.parts(), list(source.notes), source.cutting
    key = fingerprint(parts, notes)
    stale = {name: part for name, part in parts.items() if not is_made(out, name, part)}
    crops = None if stale else finished(out, key)
    if crops is not None:
        return len(parts), 0, crops
    skeleton = source.skeleton
    claim(out)
    for done, _ in enumerate(_worked_off(source, stale, out, min(workers or os.cpu_count() or 1, len(stale)))):
        progress("prepare", done + 1, len(stale))
    crops = write_index(out, list(parts), len(skeleton))
    if not crops:
        raise InputError(f"no picture of {source.dataset} shows a person; check that pictures and joints match")
    said = {"side": cutting.side, "every": cutting.every, "notes": notes, "fingerprint": key}
    finish(out, source.dataset, skeleton, crops, said)
    return len(parts), len(stale), crops


class PartJob(ABC):
    """A part that is to be made, by whichever process."""

    part: str
    """Its name: a folder, and what its files are called in it."""
    fingerprint: str

    @abstractmethod
    def crops(self) -> Iterator[LabelledCrop]:
        """Cut them; raises InputError, naming the file, for a picture that cannot be read."""


class CropSource(ABC):
    """People in the pictures of a data set, in parts that are made apart."""

    dataset: str
    notes: Sequence[str]
    """What was left out or assumed."""
    cutting: Cutting

    @property
    @abstractmethod
    def skeleton(self) -> Skeleton:
        """Return which joints are known."""

    @abstractmethod
    def parts(self) -> dict[str, str]:
        """Return what each part is made from, as a fingerprint, by its name."""

    @abstractmethod
    def jobs(self, parts: Mapping[str, str]) -> Iterator[PartJob]:
        """Yield what makes some of the parts."""


def _worked_off(source: CropSource, parts: Mapping[str, str], out: Path, workers: int) -> Iterator[None]:
    """Make some parts, in whichever order; yield after each."""
    joints = len(source.skeleton)
    if workers <= 1:
        for job in source.jobs(parts):
            _make(job, out, joints)
            yield
        return
    # An interruption from the keyboard ends them at once, without a word; what they had begun is not believed.
    with ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_DFL)) as pool:
        waiting: set[Future[None]] = set()
        try:
            for job in source.jobs(parts):
                waiting.add(pool.submit(_make, job, out, joints))
                if len(waiting) > 2 * workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in as_completed(waiting))
        except BrokenProcessPool as error:
            raise InputError(
                "a process that cut crops was ended from outside, perhaps for want of memory; the same command goes on"
                " where it was"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _make(job: PartJob, out: Path, joints: int) -> None:
    cv2.setNumThreads(1)
    write_part(out, job.part, job.crops(), joints, job.fingerprint)
