"""The stage that makes shards of a published data set: crops of its people, and what is known of each.

Every view of every recording is a part that one process makes alone, so the same files come out of any number of
processes, and an interruption costs no more than the parts that were being made.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from epipose.datasets import Contents, Recording
from epipose.errors import InputError
from epipose.geometry.cameras import Camera
from epipose.io.fingerprints import camera_in_numbers, fingerprint
from epipose.io.pictures import read_picture
from epipose.io.shard_index import CropLabels
from epipose.io.shard_writing import LabelledCrop, claim, finish, finished, is_made, write_index, write_part
from epipose.io.videos import Frame, read_frames
from epipose.pipeline.progress import Report
from epipose.pose.keypoints import Poses
from epipose.training.recorded_examples import Cut, FilmedView, Square, squares

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
    dataset: str,
    recordings: Sequence[Recording],
    notes: Sequence[str],
    out: Path,
    cutting: Cutting,
    progress: Report,
    *,
    workers: int | None = None,
) -> tuple[int, int]:
    """Write the people in all views of recordings into `out`; return how many views were not there, and all crops.

    As many processes as there are cores work on it, or `workers`. Raises InputError for recordings without pictures.
    """
    parts = {part.name: part for recording in recordings for part in _parts(dataset, recording, cutting)}
    key = fingerprint({part.name: part.fingerprint for part in parts.values()}, list(notes))
    stale = {name for name, part in parts.items() if not is_made(out, name, part.fingerprint)}
    crops = None if stale else finished(out, key)
    if crops is not None:
        return 0, crops
    skeleton = _pictured(recordings[0]).poses.skeleton
    claim(out)
    jobs = (job for recording in recordings for job in _jobs(recording, parts, stale, cutting))
    for done, _ in enumerate(_worked_off(jobs, out, min(workers or os.cpu_count() or 1, len(stale)))):
        progress("prepare", done + 1, len(stale))
    crops = write_index(out, list(parts), len(skeleton))
    if not crops:
        raise InputError(
            f"no picture of {recordings[0].name} and others shows a person; check that videos and poses match"
        )
    said = {"side": cutting.side, "every": cutting.every, "notes": list(notes), "fingerprint": key}
    finish(out, dataset, skeleton, crops, said)
    return len(stale), crops


@dataclass(frozen=True)
class _Part:
    """One view of a recording."""

    name: str
    fingerprint: str


def _parts(dataset: str, recording: Recording, cutting: Cutting) -> Iterator[_Part]:
    before = fingerprint(dataset, recording.name, list(recording.sources), cutting.every, cutting.side)
    for view, camera in recording.cameras.items():
        yield _Part(f"{recording.name}/{view}", fingerprint(before, view, camera_in_numbers(camera)))


def _pictured(recording: Recording) -> Contents:
    """Read a recording; raises InputError where there are no pictures of it."""
    contents = recording.read()
    if not contents.videos and not contents.pictures:
        raise InputError(
            f"there are no pictures of {recording.name}, from which crops could be cut; put them beside the poses, or"
            " add --as captures"
        )
    return contents


@dataclass(frozen=True, eq=False)
class _Job:
    """A part that is to be made, by whichever process."""

    part: _Part
    view: str
    camera: Camera
    poses: Poses
    source: Path | tuple[Path, ...]
    """A video, or a picture for each moment of the poses."""
    about: Mapping[str, str | int]
    """What the data set calls the recording."""
    cutting: Cutting

    def crops(self) -> Iterator[LabelledCrop]:
        """Cut them."""
        every, count = self.cutting.every, len(self.poses.times)
        view = FilmedView(self.view, self.camera, self._frames())
        for square in squares(view, self.poses, range(0, count, every), Cut.of_side(self.cutting.side)):
            yield square.picture, self._labels(square)

    def _frames(self) -> Iterator[Frame]:
        count = len(self.poses.times)
        if isinstance(self.source, Path):
            yield from takewhile(lambda frame: frame.index < count, read_frames(self.source))
            return
        for index in range(0, count, self.cutting.every):
            yield Frame(index, float(self.poses.times[index]), read_picture(self.source[index]))

    def _labels(self, square: Square) -> CropLabels:
        seen = square.seen
        return CropLabels(
            recording=self.part.name.rpartition("/")[0],
            view=self.view,
            frame=square.frame,
            person=seen.number,
            time_s=float(self.poses.times[square.frame]),
            picture_wh=self.camera.size_wh,
            crop_from_px=seen.crop_from_px,
            pixels=seen.pixels,
            weight=square.weight,
            visible=square.weight > 0,
            box=np.concatenate([np.nanmin(seen.pixels, axis=0), np.nanmax(seen.pixels, axis=0)]),
            metres=seen.metres,
            camera=self.camera,
            about=self.about,
        )


def _jobs(recording: Recording, parts: Mapping[str, _Part], stale: Set[str], cutting: Cutting) -> Iterator[_Job]:
    """Yield what is to be made of a recording."""
    wanted = [view for view in recording.cameras if f"{recording.name}/{view}" in stale]
    if not wanted:
        return
    contents = _pictured(recording)
    for view in wanted:
        part, camera = parts[f"{recording.name}/{view}"], recording.cameras[view]
        source = contents.videos[view] if contents.videos else contents.pictures[view]
        yield _Job(part, view, camera, contents.poses, source, recording.about, cutting)


def _worked_off(jobs: Iterator[_Job], out: Path, workers: int) -> Iterator[None]:
    """Make all parts, in whichever order; yield after each."""
    if workers <= 1:
        for job in jobs:
            _make(job, out)
            yield
        return
    # An interruption from the keyboard ends them at once, without a word; what they had begun is not believed.
    with ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_DFL)) as pool:
        waiting: set[Future[None]] = set()
        try:
            for job in jobs:
                waiting.add(pool.submit(_make, job, out))
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


def _make(job: _Job, out: Path) -> None:
    cv2.setNumThreads(1)
    write_part(out, job.part.name, job.crops(), len(job.poses.skeleton), job.part.fingerprint)
