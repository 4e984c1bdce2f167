"""Who has something to be looked at has a turn before anybody has a second one, and it is for the newest frame."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import Queue
from threading import Semaphore, Thread

import numpy as np
import pytest
from websockets.sync.client import ClientConnection

from epipose.detectors import Detector, Look
from epipose.io.pictures import as_png
from epipose.pose.skeletons import Skeleton, load_skeleton
from epipose.runtime.networks import find_network, open_network
from epipose.server.limits import Limits
from epipose.server.models import Models
from tests.server.running import Running, running

SIZE = 16


@dataclass(frozen=True)
class Gate(Detector):
    """Sees nobody, tells whose frame it looks at, and goes on when it is told to."""

    uses_all_cores = False
    seen: "Queue[tuple[int, int]]" = field(default_factory=Queue)
    """Clients, and the numbers of their frames."""
    on: Semaphore = field(default_factory=lambda: Semaphore(0))

    @property
    def skeleton(self) -> Skeleton:
        return load_skeleton("body21")

    @property
    def version(self) -> str:
        return "gate"

    @contextmanager
    def session(self) -> Iterator[Look]:
        def look(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            self.seen.put((int(image[0, 0, 0]), int(image[0, 0, 1])))
            assert self.on.acquire(timeout=20)
            return np.zeros((0, 21, 2), np.float32), np.zeros((0, 21), np.float32)

        yield look

    def next(self) -> tuple[int, int]:
        return self.seen.get(timeout=20)


def picture(client: int, number: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), (client, number, 0), np.uint8)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def server(gate: Gate) -> Iterator[Running]:
    # This network asks the detector at every frame.
    models = Models({"lift": open_network(find_network("lift"))}, gate, waiting=2)
    with running(Limits(waiting=2), models=models) as server:
        yield server


class Camera:
    """A client that numbers its frames."""

    def __init__(self, server: Running, socket: ClientConnection, name: int) -> None:
        self._server, self._socket, self._name = server, socket, name
        self.sent = 0
        socket.send(json.dumps({"raw": [SIZE, SIZE]}))

    def send(self, count: int = 1) -> None:
        """Send frames, and wait until the server has them."""
        for _ in range(count):
            self._socket.send(picture(self._name, self.sent).tobytes())
            self.sent += 1
        assert self._socket.ping().wait(20)
        self._server.get("/health")

    def receive(self, count: int = 1) -> None:
        for _ in range(count):
            self._socket.recv(20)


def test_sockets_have_turns_one_after_the_other_however_fast_they_send(server: Running, gate: Gate) -> None:
    with ExitStack() as stack:
        cameras = [Camera(server, stack.enter_context(server.live()), name) for name in range(3)]
        for name, camera in enumerate(cameras):
            camera.send()
            assert gate.next() == (name, 0)
            gate.on.release()
            camera.receive(2)
        cameras[0].send()
        assert gate.next() == (0, 1)
        for camera, count in zip(cameras, (9, 2, 1), strict=True):
            camera.send(count)
        order = []
        for _ in range(9):
            gate.on.release()
            order.append(gate.next())
            name, number = order[-1]
            assert number == cameras[name].sent - 1
            for camera, count in zip(cameras, (7, 2, 1), strict=True):
                camera.send(count)
        assert [name for name, _ in order] == 3 * [1, 2, 0]
        gate.on.release(20)


def test_requests_have_turns_among_them_and_too_many_are_refused(server: Running, gate: Gate) -> None:
    def ask(client: int) -> None:
        while server.post("/v1/poses", as_png(picture(client, 0)), "image/png").status_code == 429:
            pass

    with server.live() as socket:
        camera = Camera(server, socket, 9)
        camera.send()
        assert gate.next() == (9, 0)
        threads = [Thread(target=ask, args=(client,)) for client in (1, 2)]
        for thread in threads:
            thread.start()
        while (answer := server.post("/v1/poses", b"", "image/png")).status_code != 429:
            pass
        assert "too many pictures wait already" in answer.json()["detail"]
        camera.send()
        gate.on.release(20)
        assert {gate.next()[0], gate.next()[0]} == {1, 2}
        assert gate.next() == (9, 1)
        for thread in threads:
            thread.join(20)
