"""Many at once, and many that are gone in the middle: the server goes on, and has all back that they held."""

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from epipose.server.limits import Limits
from tests.server.running import VIDEO, Running, jpegs, running

CROWD, CLIENTS, EACH = 200, 5, 20
LIMITS = Limits(sockets=EACH, head_s=5.0)
MOST_GROWTH_MB, MOST_THREADS = 60.0, 12
HEAD = "POST /v1/poses HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(LIMITS) as server:
        # What is loaded and kept on first use is no leak.
        server.post("/v1/poses", VIDEO.read_bytes(), "video/mp4")
        with server.live() as live:
            answered(live)
        yield server


def answered(live: ClientConnection) -> None:
    """Send a frame, and wait for what is said to the first one."""
    live.send(jpegs(1)[0])
    assert '"hello"' in str(live.recv(60))
    assert '"frame"' in str(live.recv(60))


def held() -> tuple[int, int, float]:
    """Threads, open files and MB of memory of this process, in which the server runs."""
    gc.collect()
    files = len(list(Path("/proc/self/fd").iterdir()))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return threading.active_count(), files, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def check_all_is_back(server: Running, before: tuple[int, int, float]) -> None:
    """Wait until as much is held as before; threads of pools, which are kept for the next ones, may be more."""
    wait_until(lambda: "epipose_live_sockets 0.0" in server.get("/metrics").text)
    wait_until(lambda: held()[1] <= before[1])
    threads, _, memory = held()
    assert threads <= before[0] + MOST_THREADS
    assert memory <= before[2] + MOST_GROWTH_MB


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_two_hundred_cameras_at_once_are_as_many_as_may_be(server: Running) -> None:
    before = held()
    with ExitStack() as stack:

        def come(_: int) -> tuple[int, str]:
            try:
                stack.enter_context(server.live(open_timeout=60))
            except InvalidStatus as refused:
                return refused.response.status_code, refused.response.body.decode()
            return 101, ""

        with ThreadPoolExecutor(CROWD) as pool:
            came = list(pool.map(come, range(CROWD)))
        assert [status for status, _ in came].count(101) == EACH
        refused = {answer for answer in came if answer[0] != 101}
        assert refused == {(429, f'{{"detail":"{EACH} cameras are live already; try later"}}')}
        assert server.post("/v1/poses", jpegs(1)[0], "image/jpeg").status_code == 200
    check_all_is_back(server, before)
    with server.live() as live:
        answered(live)


def test_uploads_that_stop_in_the_middle_leave_nothing(server: Running) -> None:
    before = held()
    for content, kind in 50 * [(jpegs(1)[0], "image/jpeg"), (VIDEO.read_bytes(), "video/mp4")]:
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            connection.sendall(HEAD.format(kind, len(content)).encode() + content[: len(content) // 2])
    check_all_is_back(server, before)


def test_nobody_looks_at_videos_of_clients_that_are_gone(server: Running) -> None:
    leave_after_uploads(server)  # what so many at once take, memory is kept for
    check_all_is_back(server, (threading.active_count(), held()[1], float("inf")))
    before = held()
    leave_after_uploads(server)
    begun = time.monotonic()
    assert server.post("/v1/poses", jpegs(1)[0], "image/jpeg").status_code == 200
    assert time.monotonic() - begun < 4
    check_all_is_back(server, before)


def leave_after_uploads(server: Running) -> None:
    video = VIDEO.read_bytes()
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            connection.sendall(HEAD.format("video/mp4", len(video)).encode() + video)
            time.sleep(0.1)


CLIENT = """
import sys
from websockets.sync.client import connect
port, count, frame = int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read()
sockets = [connect(f"ws://127.0.0.1:{port}/v1/live", open_timeout=60) for _ in range(count)]
print("all are there", flush=True)
while True:
    for socket in sockets:
        socket.send(frame)
"""


def test_clients_that_are_killed_in_mid_stream_leave_nothing(server: Running) -> None:
    before = held()
    for _ in range(CLIENTS):
        command = [sys.executable, "-c", CLIENT, str(server.port), str(EACH)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(jpegs(1)[0])
            client.stdin.close()
            assert client.stdout.readline()
            time.sleep(0.7)
            client.send_signal(signal.SIGKILL)
        wait_until(lambda: "epipose_live_sockets 0.0" in server.get("/metrics").text)
    check_all_is_back(server, before)
    with server.live() as live:
        answered(live)
