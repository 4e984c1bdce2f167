"""A live socket: frames in, poses out; the newest frame wins, so that answers never fall behind the camera.

The client may say what it sends in a JSON text, `{"model": NAME, "raw": [WIDTH, HEIGHT]}`, both optional; without `raw`
frames are JPEG or PNG. Every binary message is a frame; they are counted from 0. The server first says "hello", then
answers each frame that it saw: those that a newer one overtook get no answer.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from epipose.runtime.predictor import Stream
from epipose.server.access import PROTOCOL
from epipose.server.answers import frame_answer
from epipose.server.limits import Limits, Refused, refusal
from epipose.server.media import Picture, decoded, raw_picture
from epipose.server.metrics import Metrics
from epipose.server.models import Models

TRY_AGAIN, TOO_LARGE, UNREADABLE, IDLE = 1013, 1009, 1003, 4408
"""Codes that a socket is closed with."""


class Wish(BaseModel):
    """What a client wants and sends."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str | None = None
    raw: list[int] | None = Field(default=None, min_length=2, max_length=2)


class Frame(NamedTuple):
    """What a client sent."""

    number: int
    arrived: float
    content: bytes


@dataclass(eq=False)
class Newest:
    """The last frame that arrived and was not yet looked at."""

    count: int = 0
    overtaken: int = 0
    _frame: Frame | None = None
    _there: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, content: bytes) -> None:
        """Take a frame; one that still waits is dropped."""
        self.overtaken += self._frame is not None
        self._frame = Frame(self.count, monotonic(), content)
        self.count += 1
        self._there.set()

    async def get(self) -> Frame:
        """Return the newest frame as soon as there is one."""
        await self._there.wait()
        self._there.clear()
        frame, self._frame = self._frame, None
        assert frame is not None, "the event says so"
        return frame


@dataclass(eq=False)
class Live:
    """All live sockets of a server."""

    models: Models
    limits: Limits
    metrics: Metrics
    open: int = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one socket until its client leaves."""
        if self.open >= self.limits.sockets:
            await socket.send_denial_response(
                refusal(429, f"{self.limits.sockets} cameras are live already; try later")
            )
            return
        with self._counted():
            offered = socket.scope.get("subprotocols", [])
            await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
            with suppress(WebSocketDisconnect):
                await _Session(self, socket).run()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.open += 1
        self.metrics.sockets.set(self.open)
        try:
            yield
        finally:
            self.open -= 1
            self.metrics.sockets.set(self.open)


class _Session:
    """One client: a task reads its messages, and another one answers the newest frame."""

    def __init__(self, live: Live, socket: WebSocket) -> None:
        self._live, self._socket = live, socket
        self._wish, self._newest = Wish(), Newest()
        self._started: float | None = None

    async def run(self) -> None:
        """Read and answer until one of both ends."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._answer())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        """Take messages as they come; returns when the socket is to be closed."""
        limits = self._live.limits
        while True:
            try:
                async with asyncio.timeout(limits.idle_s):
                    message = await self._socket.receive()
            except TimeoutError:
                await self._socket.close(IDLE, f"no frame came for {limits.idle_s:g} s")
                return
            if message["type"] == "websocket.disconnect":
                return
            if (content := message.get("bytes")) is not None:
                before = self._newest.overtaken
                self._newest.put(content)
                self._live.metrics.overtaken.inc(self._newest.overtaken - before)
            elif not await self._wished(message.get("text") or ""):
                return

    async def _wished(self, text: str) -> bool:
        """Take what a client says that it sends; returns whether it could be understood."""
        try:
            wish = Wish.model_validate(json.loads(text))
            if wish.model is not None:
                self._live.models.predictor(wish.model)
            if wish.raw is not None and not (
                min(wish.raw) > 0 and wish.raw[0] * wish.raw[1] <= self._live.limits.pixels
            ):
                raise Refused(413, "raw pictures of that size are not taken")
        except (ValueError, RecursionError, ValidationError):
            await self._socket.close(UNREADABLE, 'say {"model": NAME, "raw": [WIDTH, HEIGHT]}, both optional')
            return False
        except Refused as refused:
            await self._socket.close(UNREADABLE, refused.detail)
            return False
        if self._newest.count:
            await self._socket.close(UNREADABLE, "say what you send before the first frame")
            return False
        self._wish = wish
        return True

    async def _answer(self) -> None:
        """Look at the newest frame, again and again."""
        frame = await self._newest.get()
        models = self._live.models
        name = self._wish.model or models.usual
        predictor = models.predictor(name)
        await self._socket.send_json({"type": "hello", **models.answer(name).model_dump()})
        with ExitStack() as stack:
            stream = await asyncio.to_thread(stack.enter_context, predictor.stream())
            while True:
                await self._socket.send_json(await self._seen(stream, name, frame))
                frame = await self._newest.get()

    async def _seen(self, stream: Stream, name: str, frame: Frame) -> dict[str, Any]:
        """Return the answer to a frame."""
        self._started = frame.arrived if self._started is None else self._started
        metrics = self._live.metrics
        try:
            picture = await asyncio.to_thread(self._picture, frame.content)
            people = await self._live.models.run(stream.look, picture, frame.arrived - self._started)
        except Refused as refused:
            return {"type": "refused", "index": frame.number, "detail": refused.detail}
        metrics.frames.labels(name).inc()
        metrics.seconds.observe(monotonic() - frame.arrived)
        size_wh = (picture.shape[1], picture.shape[0])
        answer = frame_answer(frame.number, frame.arrived - self._started, size_wh, people)
        return {"type": "frame", **answer.model_dump(), "overtaken": self._newest.overtaken}

    def _picture(self, content: bytes) -> Picture:
        if self._wish.raw is not None:
            return raw_picture(content, (self._wish.raw[0], self._wish.raw[1]))
        return decoded(content, self._live.limits)
