"""The stage that turns videos into 2D keypoints."""

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from jaxtyping import Float
from numpy import ndarray

from epipose import detectors, plugins
from epipose.detectors import Detector
from epipose.errors import InputError
from epipose.io.capture_folder import open_capture
from epipose.io.fingerprints import fingerprint, is_current
from epipose.io.keypoint_files.npz import write_npz
from epipose.io.pictures import picture_files, read_pictures
from epipose.io.videos import Frame, probe, read_frames
from epipose.pipeline.progress import Report, no_report
from epipose.pose.keypoints import Keypoints


def detect(
    folder: Path,
    *,
    detector: str,
    frame_rate: float | None = None,
    progress: Report = no_report,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, Path]:
    """Find the people in every view of a capture and return the keypoint file of each view, in natural order.

    A view whose file is there and was made from the same video by the same detector is left as it is, so that an
    interrupted run goes on where it stopped. `frame_rate` (1/s) is for folders of pictures only. `note` is told, in
    one sentence each, of faults that leave a video usable.
    """
    if frame_rate is not None and not (math.isfinite(frame_rate) and frame_rate > 0):
        raise InputError(f"a frame rate of {frame_rate} cannot be; give frames per second")
    plugin: Detector = plugins.load(detectors, detector)
    version = plugin.version
    capture = open_capture(folder, fewest_views=1)
    times = capture.times()
    jobs = []
    for view in capture.views:
        if view.source is None:
            raise InputError(f"{folder} holds no video of {view.name}, only keypoints; there is nothing to detect in")
        rate = None if view.source.is_file() else frame_rate
        made_from = fingerprint("detect", version, view.source, capture.times_file, rate)
        target = capture.keypoints_path(detector, view.name)
        jobs.append(_Job(view.name, view.source, target, made_from, times.get(view.name), rate))
    _run_all([job for job in jobs if not is_current(job.target, job.made_from)], plugin, progress, note)
    return {job.view: job.target for job in jobs}


@dataclass(frozen=True, eq=False)
class _Job:
    view: str
    source: Path
    target: Path
    made_from: str
    times: Float[ndarray, "frames"] | None
    frame_rate: float | None

    def count(self, note: Callable[[str], None]) -> int:
        """Return the number of frames to expect; raises InputError for a source that cannot be used."""
        if self.source.is_dir():
            if self.frame_rate is None and self.times is None:
                raise InputError(f"the pictures in {self.source} do not say when they were taken; give the frame rate")
            return len(picture_files(self.source))
        info = probe(self.source)
        for fault in info.notes:
            note(fault)
        return len(info.times)

    def frames(self) -> Iterator[Frame]:
        """Open the source."""
        if self.source.is_dir():
            return read_pictures(self.source, frame_rate=self.frame_rate or 1.0)
        return read_frames(self.source)

    def timed(self, keypoints: Keypoints) -> Keypoints:
        """Let recorded times take the place of the source's own."""
        if self.times is None:
            return keypoints
        if len(self.times) != len(keypoints.times):
            raise InputError(
                f"timestamps.csv has {len(self.times)} times for {self.view}, whose video has {len(keypoints.times)} "
                "frames; correct it or remove it"
            )
        return replace(keypoints, times=self.times)


def _run_all(jobs: list[_Job], plugin: Detector, progress: Report, note: Callable[[str], None]) -> None:
    """Work on as many views at once as there are cores to gain; the first failure ends all."""
    counts = [job.count(note) for job in jobs]
    stop = Event()
    workers = 1 if plugin.uses_all_cores else min(len(jobs), os.cpu_count() or 1)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            futures = [
                pool.submit(_run, job, count, plugin=plugin, progress=progress, note=note, stop=stop)
                for job, count in zip(jobs, counts, strict=True)
            ]
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _run(
    job: _Job, count: int, *, plugin: Detector, progress: Report, note: Callable[[str], None], stop: Event
) -> None:
    def watched() -> Iterator[Frame]:
        for frame in job.frames():
            if stop.is_set():
                raise _StoppedError
            yield frame
            progress(job.view, frame.index + 1, count)

    try:
        keypoints = job.timed(plugin.detect(watched()))
    except _StoppedError:
        return
    if len(keypoints.times) < count:
        note(f"{count - len(keypoints.times)} of {count} frames of {job.view} are damaged and left out")
    write_npz(job.target, keypoints, fingerprint=job.made_from)


class _StoppedError(Exception):
    """Another view failed, or the user interrupted."""
