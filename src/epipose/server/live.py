"""A live socket: frames in, poses out; the newest frame wins, so that answers never fall behind the camera.

The client may say what it sends in a JSON text, `{"model": NAME, "raw": [WIDTH, HEIGHT]}`, both optional; without `raw`
frames are JPEG or PNG. Every binary message is a frame; they are counted from 0. The server first says "hello", then
answers each frame that it saw: those that a newer one overtook get no answer. Sockets take turns, and which of its
frames a socket's turn is for is settled when it comes.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from epipose.runtime.placing import Person
from epipose.runtime.predictor import Stream
from epipose.server.access import PROTOCOL
from epipose.server.answers import frame_answer
from epipose.server.limits import Limits, Refused, refusal
from epipose.server.media import check_size, decoded, raw_picture
from epipose.server.metrics import Metrics
from epipose.server.models import Models

UNREADABLE, IDLE = 1003, 4408
"""Codes that a socket is closed with."""
LONGEST_WISH, LONGEST_REASON = 10_000, 123
"""Characters of what a client says, and bytes of why a socket is closed: there is no room for more."""


class Wish(BaseModel):
    """What a client wants and sends."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str | None = None
    raw: list[int] | None = Field(default=None, min_length=2, max_length=2)


class Frame(NamedTuple):
    """What a client sent."""

    number: int
    arrived: float
    """By this computer's clock."""
    time_s: float
    """Since the first frame arrived."""
    content: bytes


class Seen(NamedTuple):
    """Who is in a frame."""

    size_wh: tuple[int, int]
    people: tuple[Person, ...]


@dataclass(eq=False)
class Newest:
    """The last frame that arrived and was not yet looked at."""

    count: int = 0
    overtaken: int = 0
    _began: float = 0.0
    _frame: Frame | None = None
    _there: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, content: bytes) -> bool:
        """Take a frame; returns whether it overtook one that still waited, which is dropped."""
        overtaking, now = self._frame is not None, monotonic()
        self.overtaken += overtaking
        self._began = self._began if self.count else now
        self._frame = Frame(self.count, now, now - self._began, content)
        self.count += 1
        self._there.set()
        return overtaking

    async def waits(self) -> None:
        """Return as soon as there is a frame."""
        await self._there.wait()

    def get(self) -> Frame:
        """Return the newest frame, once `waits` has said that there is one."""
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
        with self._counted(), suppress(WebSocketDisconnect):
            offered = socket.scope.get("subprotocols", [])
            await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
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
                await self._close(IDLE, f"no frame came for {limits.idle_s:g} s")
                return
            if message["type"] == "websocket.disconnect":
                return
            if (content := message.get("bytes")) is not None:
                self._live.metrics.overtaken.inc(self._newest.put(content))
            elif not await self._wished(message.get("text") or ""):
                return

    async def _wished(self, text: str) -> bool:
        """Take what a client says that it sends; returns whether it could be understood."""
        try:
            if len(text) > LONGEST_WISH:
                raise Refused(413, "say less")
            wish = Wish.model_validate(json.loads(text))
            if wish.model is not None:
                self._live.models.network(wish.model)
            if wish.raw is not None:
                self._check_raw(*wish.raw)
        except (ValueError, RecursionError, ValidationError):
            await self._close(UNREADABLE, 'say {"model": NAME, "raw": [WIDTH, HEIGHT]}, both optional')
            return False
        except Refused as refused:
            await self._close(UNREADABLE, refused.detail)
            return False
        if self._newest.count:
            await self._close(UNREADABLE, "say what you send before the first frame")
            return False
        self._wish = wish
        return True

    def _check_raw(self, width: int, height: int) -> None:
        limits = self._live.limits
        check_size(width, height, limits)
        if 3 * width * height > limits.frame_bytes:
            raise Refused(413, f"raw pictures of that size are larger than {limits.frame_bytes / 1e6:g} MB; send JPEG")

    async def _close(self, code: int, why: str) -> None:
        """Close the socket with a reason, of which there is room for LONGEST_REASON bytes."""
        await self._socket.close(code, why.encode()[:LONGEST_REASON].decode(errors="ignore"))

    async def _answer(self) -> None:
        """Look at the newest frame, again and again."""
        await self._newest.waits()
        models = self._live.models
        name = self._wish.model or models.usual
        await self._socket.send_json({"type": "hello", **models.answer(name).model_dump()})
        async with models.stream(models.predictor(name)) as stream:
            while True:
                await self._newest.waits()
                async with models.turn() as call:
                    frame = self._newest.get()
                    seen = await call(self._look, stream, frame)
                await self._socket.send_json(self._told(name, frame, seen))

    def _look(self, stream: Stream, frame: Frame) -> Seen | Refused:
        """Return who is in a frame, or why it is not looked at."""
        try:
            if self._wish.raw is not None:
                picture = raw_picture(frame.content, (self._wish.raw[0], self._wish.raw[1]))
            else:
                picture = decoded(frame.content, self._live.limits)
        except Refused as refused:
            return refused
        return Seen((picture.shape[1], picture.shape[0]), stream.look(picture, frame.time_s))

    def _told(self, name: str, frame: Frame, seen: Seen | Refused) -> dict[str, Any]:
        """Return the answer to a frame."""
        if isinstance(seen, Refused):
            return {"type": "refused", "index": frame.number, "detail": seen.detail}
        self._live.metrics.frames.labels(name).inc()
        self._live.metrics.seconds.observe(monotonic() - frame.arrived)
        answer = frame_answer(frame.number, frame.time_s, seen.size_wh, seen.people)
        return {"type": "frame", **answer.model_dump(), "overtaken": self._newest.overtaken}
