"""What one client may take of a server, and how too much is answered."""

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is taken from one client, or from all of them together."""

    body_bytes: int = 25_000_000
    """Of a request."""
    bodies_bytes: int = 200_000_000
    """Of all requests that are there at the same time."""
    frame_bytes: int = 8_000_000
    """Of a message on a live socket; a raw picture of 1920 x 1080 pixels is 6.2 MB."""
    pixels: int = 16_000_000
    """Of a picture, or a frame of a video."""
    slimness: float = 8.0
    """Longer side of a picture over the shorter one; a detector looks at as many more squares."""
    video_s: float = 30.0
    video_frames: int = 1800
    sockets: int = 16
    """That are live at once."""
    waiting: int = 16
    """Requests for poses that are worked on, or wait for it."""
    connections: int = 256
    head_s: float = 10.0
    """Seconds until a connection has asked for something, or has sent the rest of what was refused already."""
    taken_s: float = 10.0
    """Seconds in which a client takes nothing of what it is answered."""
    body_s: float = 30.0
    """Seconds for a request to arrive in."""
    idle_s: float = 60.0
    """Seconds without a frame until a live socket is closed."""


class Refused(HTTPException):
    """A request that is not answered, with the reason in a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)


def refusal(status: int, sentence: str, **headers: str) -> JSONResponse:
    """Return the answer to a request that is refused."""
    return JSONResponse({"detail": sentence}, status, {name.replace("_", "-"): text for name, text in headers.items()})


class LimitedBodies:
    """Refuses requests whose bodies are too large, or too slow in coming, before anything reads them.

    The connection stays: a client that is hung up on while it still sends never reads why.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request whose body is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            refused = await self._filled(body, scope, receive)
            await (refused or self._app)(scope, _given(body, receive), send)
        except _Gone:
            pass
        finally:
            self._held -= len(body)

    async def _filled(self, body: bytearray, scope: Scope, receive: Receive) -> Response | None:
        """Take a body as it comes; returns the answer if it is not taken."""
        try:
            async with asyncio.timeout(self._limits.body_s):
                self._check(_promised_bytes(scope))
                await self._fill(body, receive)
        except TimeoutError:
            return refusal(408, f"the request did not arrive within {self._limits.body_s:g} s")
        except Refused as refused:
            return refusal(refused.status_code, refused.detail)
        return None

    async def _fill(self, body: bytearray, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            body += part
            self._held += len(part)
            self._check(len(body))
            if not message.get("more_body"):
                return

    def _check(self, size: int) -> None:
        if size > self._limits.body_bytes:
            most = f"{self._limits.body_bytes / 1e6:g} MB"
            raise Refused(413, f"the request is larger than {most}; send a smaller picture or video")
        if self._held > self._limits.bodies_bytes:
            raise Refused(429, "too many large requests are arriving already; try again in a second")


class _Gone(Exception):
    """A client left in the middle of its request, so that nobody waits for an answer."""


def _promised_bytes(scope: Scope) -> int:
    """Return how large a request says that it is; 0 if it does not."""
    told = Headers(scope=scope).get("content-length", "")
    return int(told) if told.isdecimal() else 0


def _given(body: bytearray, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and later what the client does."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
