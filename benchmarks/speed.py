"""How long calibration and triangulation take, and how much memory long recordings need.

    python -m benchmarks.speed [memory]

Seconds are the least of three runs, on the clock and of the processor (all threads), for 300 frames of 18 joints in 4
views with 5 px of noise. `memory` measures the memory of recordings instead, which takes some minutes.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks import balancing
from benchmarks.h36m import CORRUPTED, calibrated
from benchmarks.measures import (
    Timed,
    centre_errors,
    laid_on_centres,
    met,
    print_table,
    rotation_errors,
    timed,
)
from benchmarks.rivals import usac_and_least_squares
from benchmarks.scenes import Corruption, Scene, h36m_scene
from epipose.geometry.cameras import Camera
from epipose.geometry.triangulation import robust
from epipose.io.videos import read_frames
from epipose.pipeline.people3d import triangulate_person
from epipose.pipeline.progress import no_report
from epipose.pipeline.reconstruct import reconstruct

SCENES = (("clean", Corruption(5.0), 2.0), ("corrupted", CORRUPTED, 4.0))
MINUTES = (1, 60)
FRAME_RATE = 30.0
REPETITIONS = (2, 20)
"""Of the 100 pictures of a video, for the memory that reading needs."""
MOST_GROWTH_MB = 1000.0


def main() -> None:
    """Print the tables of seconds that docs/benchmarks.md quotes."""
    print_seconds()
    subprocess.run([sys.executable, "-m", "benchmarks.triangulation", "speed"], check=True)


def print_seconds(repeats: int = 3, frames: int = 300) -> None:
    """Print the seconds of calibration and triangulation beside those of a rival, with the errors of both."""
    rows: list[tuple[str, ...]] = []
    for name, corruption, bar in SCENES:
        scene = h36m_scene(corruption, seed=0).first(frames)
        ours = timed(partial(_calibrate_and_triangulate, scene), repeats)
        cells = _cells(ours, scene)
        rows.append((name, "epipose: calibration + triangulation", *cells, f"<= {bar:g} s", met(ours.wall, bar)))
        rows.append((name, "of that, calibration", *_seconds(timed(partial(calibrated, scene), repeats)), *[""] * 4))
        cameras = laid_on_centres(ours.value, scene.cameras)
        smooth = timed(partial(triangulate_person, scene.observations, cameras, 5.0, no_report), repeats)
        rows.append((name, "sides, triangulation, bones and motion", *_seconds(smooth), *[""] * 4))
        rival = timed(partial(usac_and_least_squares, scene, 5.0))
        rows.append((name, "OpenCV USAC + SciPy least squares", *_cells(rival, scene), "", ""))
    header = ("scene", "what", "wall, s", "processor, s", "rotation, deg", "centres, mm", "bar", "")
    print_table(f"Cameras from the person alone: {frames} frames x 4 views x 18 joints", header, rows)


def _calibrate_and_triangulate(scene: Scene) -> tuple[Camera, ...]:
    found = calibrated(scene)
    robust(found.cameras, found.observations.pixels, found.observations.weight, sigma_px=found.sigma_px)
    return found.cameras


def _cells(run: Timed[tuple[Camera, ...]], scene: Scene) -> tuple[str, ...]:
    rotation = rotation_errors(run.value, scene.cameras).mean()
    centre = centre_errors(laid_on_centres(run.value, scene.cameras), scene.cameras).mean()
    return *_seconds(run), f"{rotation:.3f}", f"{centre:.2f}"


def _seconds(run: Timed[Any]) -> tuple[str, str]:
    return f"{run.wall:.2f}", f"{run.processor:.2f}"


def memory(minutes: Sequence[float] = MINUTES, repetitions: Sequence[int] = REPETITIONS) -> None:
    """Print how much memory captures and videos of different length need, each in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for length in minutes:
            folder = Path(name) / f"{length:g} min"
            write_long_capture(folder, length)
            rows.append(("reconstruct", f"{length:g} min", f"reconstruct_from_people(Path({str(folder)!r}))"))
        for count in repetitions:
            video = Path(name) / f"{count}.mp4"
            write_long_video(video, count)
            rows.append(("read a video", f"{100 * count} pictures", f"read_all(Path({str(video)!r}))"))
        measured = [(what, size, *_peak(call)) for what, size, call in rows]
    least = {what: megabytes for what, _, megabytes, _ in reversed(measured)}
    cells = [
        (what, size, f"{megabytes:.0f}", f"{megabytes - least[what]:+.0f}", f"{seconds:.0f}")
        for what, size, megabytes, seconds in measured
    ]
    header = ("what", "length", "peak, MB", f"growth, MB (<= {MOST_GROWTH_MB:g})", "s")
    print_table("Memory: 4 views of 33 joints at 30 frames/s, cameras from people; a video of 1088x1920", header, cells)


def _peak(call: str) -> tuple[float, float]:
    """Run one call of this module in a fresh process and return its peak memory (MB) and seconds."""
    start = time.perf_counter()
    code = f"from pathlib import Path; from benchmarks import speed; speed.{call}; print(speed.peak_mb())"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(found.stdout.split()[-1]), time.perf_counter() - start


def peak_mb() -> float:
    """Return this process's largest resident memory in megabytes (Linux).

    Not `getrusage`: its maximum is inherited from the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def write_long_capture(folder: Path, minutes: float) -> None:
    """Write a capture of so many minutes: the balancing keypoints played forth and back at 30 frames/s."""
    views, _ = balancing.recording()
    frames = round(minutes * 60 * FRAME_RATE)
    count = len(next(iter(views.values())).times)
    order = np.abs((np.arange(frames) + count - 1) % (2 * count - 2) - (count - 1))
    times = np.arange(frames) / FRAME_RATE
    for name, view in views.items():
        views[name] = replace(view, pixels=view.pixels[order], score=view.score[order], times=times)
    balancing.write_capture(folder, views)


def reconstruct_from_people(folder: Path) -> None:
    """Reconstruct a capture, its cameras' places unknown."""
    reconstruct(folder, cameras="people")


def read_all(video: Path) -> None:
    """Read every picture of a video."""
    for frame in read_frames(video):
        del frame


def write_long_video(target: Path, repetitions: int) -> None:
    """Write a video that repeats one of the balancing recording so many times."""
    _repeat(balancing.FOOTAGE / "videos" / "cam03.mp4", target, repetitions)


def _repeat(source: Path, target: Path, repetitions: int) -> None:
    """Write the packets of a video several times over, without decoding them."""
    with av.open(str(target), "w") as written:
        out, shift = None, 0
        for _ in range(repetitions):
            with av.open(str(source)) as read:
                stream = read.streams.video[0]
                out = out or written.add_stream_from_template(stream)
                for packet in read.demux(stream):
                    if packet.pts is not None and packet.dts is not None:
                        packet.stream = out
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        written.mux(packet)
                shift += stream.duration or 0


if __name__ == "__main__":
    memory() if sys.argv[1:] == ["memory"] else main()
