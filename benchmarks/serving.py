"""How fast the server answers a camera, how it shares itself among several, and whether it grows.

    python -m benchmarks.serving [--frames N]

`epipose serve` runs in a process of its own, with `small`; clients on the same computer send JPEGs of 1280 x 720 pixels
of one person. One socket: each frame is sent when the last was answered. Latency: frames are sent 15 times a second,
and clocked from there to their answers. Four sockets, for ten seconds: each of them always has one frame looked at and
a next one waiting, as a camera does that is faster than the network; and each sends when the last was answered. Memory:
that of the server's process before and after --frames frames.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from threading import Barrier

import av
import numpy as np
from websockets.sync.client import ClientConnection, connect

from benchmarks.measures import met, print_table
from epipose.io.pictures import as_jpeg

RATE, LATEST_MS, CAMERA_RATE, SOCKETS, FAIR = 25.0, 80.0, 15.0, 4, 0.9
GROWTH_MB = 20.0
SECONDS = 10.0
HEADER = ("what", "measured", "bar", "")


def main(frames: int) -> None:
    """Print the table that docs/benchmarks.md quotes."""
    film = jpegs()
    with serving() as (process, place):
        with camera(place, film) as socket:
            alone = frames_per_second(socket, film, SECONDS)
            latency = 1000 * float(np.quantile(latencies(socket, film, SECONDS), 0.95))
        rates = shared(place, film, ahead=2)
        polite = shared(place, film, ahead=1)
        before = resident_mb(process)
        with camera(place, film) as socket:
            for number in range(frames):
                answered(socket, film[number % len(film)])
        grown = resident_mb(process) - before
    fair, waiting = (min(each) / max(each) for each in (rates, polite))
    rows = [
        ("one socket, frames/s", f"{alone:.0f}", f">= {RATE:.0f}", met(-alone, -RATE)),
        (
            f"95 % of answers at {CAMERA_RATE:.0f} frames/s, ms",
            f"{latency:.0f}",
            f"<= {LATEST_MS:.0f}",
            met(latency, LATEST_MS),
        ),
        ("four sockets, frames/s each", ", ".join(f"{share:.1f}" for share in rates), "", ""),
        ("the slowest over the fastest of them", f"{fair:.2f}", f">= {FAIR}", met(-fair, -FAIR)),
        ("the same where each waits for its answer first", f"{waiting:.2f}", "", ""),
        (f"growth over {frames} frames, MB", f"{grown:.1f}", f"<= {GROWTH_MB:.0f}", met(grown, GROWTH_MB)),
    ]
    print_table("The server", HEADER, rows)


def jpegs() -> list[bytes]:
    """Return the frames of the video that comes with epipose."""
    video = Path(str(resources.files("epipose.samples"))) / "turning" / "videos" / "cam2.mp4"
    with av.open(str(video)) as container:
        return [as_jpeg(frame.to_ndarray(format="rgb24"), 85) for frame in container.decode(video=0)]


@contextmanager
def serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the server, and yield its process and the address of its live sockets."""
    command = [sys.executable, "-m", "epipose", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None, "it was asked for"
        place = process.stderr.readline().split()[1]
        try:
            yield process, place.replace("http", "ws") + "v1/live"
        finally:
            process.terminate()


@contextmanager
def camera(place: str, film: list[bytes]) -> Iterator[ClientConnection]:
    """Yield a socket that has shown its first frame."""
    with connect(place, compression=None, max_size=None) as socket:
        socket.send(film[0])
        socket.recv(30)
        socket.recv(30)
        yield socket


def answered(socket: ClientConnection, frame: bytes) -> None:
    """Send a frame and wait for its answer."""
    socket.send(frame)
    socket.recv(30)


def frames_per_second(socket: ClientConnection, film: list[bytes], seconds: float) -> float:
    """Return how many frames are answered when each waits for the last."""
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        answered(socket, film[count % len(film)])
        count += 1
    return count / (time.perf_counter() - begun)


def latencies(socket: ClientConnection, film: list[bytes], seconds: float) -> list[float]:
    """Return the seconds until each answer when frames come as a camera sends them."""
    found, begun = [], time.perf_counter()
    for number in range(round(seconds * CAMERA_RATE)):
        time.sleep(max(0.0, begun + number / CAMERA_RATE - time.perf_counter()))
        sent = time.perf_counter()
        answered(socket, film[number % len(film)])
        found.append(time.perf_counter() - sent)
    return found


def shared(place: str, film: list[bytes], ahead: int) -> list[float]:
    """Return frames a second of several sockets that begin together; each has so many frames under way."""
    together = Barrier(SOCKETS)

    def one(_: int) -> float:
        with camera(place, film) as socket:
            together.wait()
            begun, sent, count, newest = time.perf_counter(), 1, 0, 0
            while time.perf_counter() - begun < SECONDS:
                while sent - newest <= ahead:
                    socket.send(film[sent % len(film)])
                    sent += 1
                newest = json.loads(socket.recv(30))["index"]
                count += 1
            return count / SECONDS

    with ThreadPoolExecutor(SOCKETS) as pool:
        return list(pool.map(one, range(SOCKETS)))


def resident_mb(process: subprocess.Popen[str]) -> float:
    """Return how much memory a process has."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the server.")
    parser.add_argument("--frames", type=int, default=10_000, help="for the memory (default: 10000)")
    main(parser.parse_args().frames)
