"""Servers for tests: the real thing, on a free port of this computer, in a thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET
from threading import Event, Thread

import av
import httpx
import numpy as np
from websockets.sync.client import ClientConnection, connect

from epipose.io.pictures import as_jpeg
from epipose.server.app import make_app
from epipose.server.limits import Limits
from epipose.server.models import Models
from epipose.server.serving import Server, listening

USUAL = Limits()
VIDEO = Path(str(resources.files("epipose.samples"))) / "turning" / "videos" / "cam2.mp4"


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=30)

    def post(self, path: str, content: bytes, kind: str, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, content=content, headers={"content-type": kind, **headers}, timeout=60)

    def live(self, **options: object) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/v1/live", max_size=None, **options)  # type: ignore[arg-type]


@contextmanager
def running(
    limits: Limits = USUAL,
    token: str | None = None,
    *,
    models: Models | None = None,
    unread_bytes: int | None = None,
    port: int = 0,
) -> Iterator[Running]:
    """Run a server, with `small` unless other models are given, whose system keeps `unread_bytes` for a client."""
    listener, ready = listening("127.0.0.1", port), Event()
    if unread_bytes is not None:
        listener.setsockopt(SOL_SOCKET, SO_SNDBUF, unread_bytes)
    models = models or Models.opened(["small"], "builtin", None, limits.waiting)
    server = Server(make_app(models, limits, token), listener, limits, ready.set)
    thread = Thread(target=server.serve_until_stopped)
    thread.start()
    try:
        assert ready.wait(20)
        yield Running(listener.getsockname()[1])
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


def pictures(count: int) -> list[np.ndarray]:
    """The first frames of a video with one person."""
    with av.open(str(VIDEO)) as container:
        frames = container.decode(video=0)
        return [next(frames).to_ndarray(format="rgb24") for _ in range(count)]


def jpegs(count: int) -> list[bytes]:
    return [as_jpeg(picture) for picture in pictures(count)]
