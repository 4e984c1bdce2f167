"""How soon a long recording can be looked at, how soon another moment of it is there, and how smoothly it plays.

    python -m benchmarks.viewing [--capture FOLDER] [--minutes N] [--seconds N]

The recording of the demo (four views of 640 x 360, or those of a capture that was reconstructed) is repeated until it
lasts --minutes. Opening: from the command to the address, and to people in a browser that was already open. Leaps:
from a wish for any moment to the pictures of all views. Playing: for --seconds, with somebody connected who draws
nothing, so that what is measured is the program and not the browser.
"""

import argparse
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import viser
from playwright.sync_api import sync_playwright
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from benchmarks.measures import met, print_table
from epipose.io.camera_files import write_cameras
from epipose.io.pose_files import read_covariance, read_poses, write_poses
from epipose.io.recorded_truth import read_known_poses
from epipose.samples import copy_sample
from epipose.viewer.pictures import Picture, PictureLoader, Wish
from epipose.viewer.recording import FilmedView, Recording, open_recording
from epipose.viewer.viewing import SMALL_PX, Viewer

LATEST_S = 3.0
LEAPS = 20
HEADER = ("what", "measured", "bar", "")
SOFTWARE = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def main(capture: Path | None, minutes: float, seconds: float) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    with TemporaryDirectory() as place:
        source = capture or demo(Path(place) / "demo")
        folder = repeated(source, Path(place) / "long", minutes)
        address_s, shown_s = opening(folder)
        recording = open_recording(folder)
        leaps = [leap(recording, moment) for moment in np.random.default_rng(0).uniform(*recording.span_s, LEAPS)]
        played = playing(recording, seconds)
    frames = len(recording.tracks[0].poses.times)
    about = f"{len(recording.views)} views, {minutes:g} minutes, {frames} poses"
    rows = [
        ("from the command to the address, s", f"{address_s:.1f}", f"<= {LATEST_S:.0f}", met(address_s, LATEST_S)),
        ("from the command to the page in a browser, s", f"{shown_s:.1f}", "", ""),
        ("another moment in all views, median, s", f"{np.median(leaps):.2f}", "", ""),
        ("the slowest of them", f"{max(leaps):.2f}", "", ""),
        *((name, value, "", "") for name, value in played),
    ]
    print_table(f"The viewer: {about}", HEADER, rows)


def demo(folder: Path) -> Path:
    """Write the recording that comes with epipose, with its truth for poses."""
    copy_sample("turning", folder)
    known = read_known_poses(folder / "truth")
    write_cameras(folder / "cameras.toml", known.cameras, metadata={"made_by": "epipose"})
    for name in ("triangulated", "smooth"):
        write_poses(folder / "poses" / f"{name}.npz", known.poses)
    return folder


def repeated(source: Path, folder: Path, minutes: float) -> Path:
    """Write a capture with cameras and poses again, over and over."""
    poses = {file.stem: read_poses(file) for file in (source / "poses").glob("*.npz")}
    times = next(iter(poses.values())).times
    length = len(times) * float(np.median(np.diff(times)))
    count = max(1, round(60 * minutes / length))
    (folder / "videos").mkdir(parents=True)
    for video in sorted((source / "videos").iterdir()):
        _repeat_video(video, folder / "videos" / video.name, count)
    for file in source.iterdir():
        if file.name in ("cameras.toml", "cameras-estimated.toml"):
            shutil.copy(file, folder / file.name)
    if (source / "calibration").is_dir():
        shutil.copytree(source / "calibration", folder / "calibration")
    for name, own in poses.items():
        covariance = read_covariance(source / "poses" / f"{name}.npz", own)
        long = replace(
            own,
            positions=np.tile(own.positions, (count, 1, 1, 1)),
            uncertainty=np.tile(own.uncertainty, (count, 1, 1)),
            weight=np.tile(own.weight, (count, 1, 1)),
            times=(own.times + length * np.arange(count)[:, None]).ravel(),
        )
        again = None if covariance is None else np.tile(covariance, (count, 1, 1, 1))
        write_poses(folder / "poses" / f"{name}.npz", long, covariance=again)
    return folder


def _repeat_video(source: Path, target: Path, count: int) -> None:
    with av.open(str(target), "w") as out:
        stream, shift = None, 0
        for _ in range(count):
            with av.open(str(source)) as container:
                own = container.streams.video[0]
                stream = stream or out.add_stream_from_template(own)
                end = shift
                for packet in container.demux(own):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    end = max(end, packet.pts + (packet.duration or 0))
                    packet.stream = stream
                    out.mux(packet)
                shift = end


def opening(folder: Path) -> tuple[float, float]:
    """Return the seconds from the command to its address, and to its page in a browser."""
    command = [sys.executable, "-m", "epipose", "view", str(folder), "--port", "0", "--no-browser"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SOFTWARE)
        page = browser.new_page()
        start = time.perf_counter()
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None, "it was asked for"
            place = process.stderr.readline().split()[1]
            address_s = time.perf_counter() - start
            page.goto(place)
            page.get_by_role("button", name="Play").wait_for()
            page.locator("canvas").first.wait_for()
            shown_s = time.perf_counter() - start
            process.terminate()
        browser.close()
    return address_s, shown_s


def leap(recording: Recording, moment: float) -> float:
    """Return the seconds until every view shows a moment, files open already."""
    shown = {view.name: threading.Event() for view in recording.views}
    loaders = [_loader(view, shown[view.name]) for view in recording.views]
    _show(loaders, recording, recording.span_s[0], shown)
    seconds = _show(loaders, recording, moment, shown)
    for loader in loaders:
        loader.close()
    return seconds


def _loader(view: FilmedView, shown: threading.Event) -> PictureLoader:
    def show(_: Picture) -> None:
        shown.set()

    return PictureLoader(view, show, print)


def _show(
    loaders: list[PictureLoader], recording: Recording, moment: float, shown: dict[str, threading.Event]
) -> float:
    start = time.perf_counter()
    for event in shown.values():
        event.clear()
    for loader, view in zip(loaders, recording.views, strict=True):
        loader.want(Wish(moment - view.time_offset_s, SMALL_PX))
    assert all(event.wait(60) for event in shown.values())
    return time.perf_counter() - start


def playing(recording: Recording, seconds: float) -> list[tuple[str, str]]:
    """Return what was shown in a second, and what it cost."""
    viewer = Viewer(recording, 0)
    with _running(viewer), _watched(viewer) as received:
        viewer._later(viewer._timeline.toggle)
        time.sleep(1)
        begin, before, processor = time.perf_counter(), received[0], time.process_time()
        poses, pictures = 0, 0
        frame, images = -1, dict.fromkeys(viewer._frusta)
        while time.perf_counter() - begin < seconds:
            poses += viewer._bodies[0].frame != frame
            frame = viewer._bodies[0].frame
            for name, frustum in viewer._frusta.items():
                image: Any = frustum.picture.image
                pictures += image is not images[name]
                images[name] = image
            time.sleep(0.002)
        passed = time.perf_counter() - begin
    rate = 1 / recording.frame_s
    return [
        (f"poses a second, of {rate:.0f}", f"{poses / passed:.0f}"),
        ("pictures a second in each view", f"{pictures / passed / len(images):.0f}"),
        ("sent to a browser, MB a second", f"{(received[0] - before) / passed / 1e6:.1f}"),
        ("cores at work", f"{(time.process_time() - processor) / passed:.1f}"),
    ]


@contextmanager
def _running(viewer: Viewer) -> Iterator[None]:
    thread = threading.Thread(target=viewer.run)
    thread.start()
    try:
        yield
    finally:
        viewer.stop()
        thread.join()


@contextmanager
def _watched(viewer: Viewer) -> Iterator[list[int]]:
    """Yield how many bytes somebody who is connected has received until now."""
    received, protocol = [0], Subprotocol(f"viser-v{viser.__version__}")
    with connect(viewer.address.replace("http", "ws"), subprotocols=[protocol], max_size=None) as socket:

        def receive() -> None:
            for message in socket:
                received[0] += len(message)

        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        yield received


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capture", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    main(arguments.capture, arguments.minutes, arguments.seconds)
