"""What one client may take of a server, and how too much is answered."""

import asyncio
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is taken from one client, or from all of them together."""

    body_bytes: int = 25_000_000
    """Of a request."""
    frame_bytes: int = 8_000_000
    """Of a message on a live socket; a raw picture of 1920 x 1080 pixels is 6.2 MB."""
    pixels: int = 16_000_000
    """Of a picture, or a frame of a video."""
    video_s: float = 30.0
    video_frames: int = 1800
    sockets: int = 16
    """That are live at once."""
    waiting: int = 16
    """Pictures of all clients that wait for the networks."""
    connections: int = 256
    head_s: float = 10.0
    """Seconds until a connection has asked for something."""
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
    """Refuses requests whose bodies are too large, or too slow in coming, before anything reads them."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request whose body is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._limits.body_s):
                body = await self._whole(receive)
        except TimeoutError:
            await refusal(408, f"the request did not arrive within {self._limits.body_s:g} s")(scope, receive, send)
            return
        if body is None:
            most = f"{self._limits.body_bytes / 1e6:g} MB"
            answer = refusal(
                413, f"the request is larger than {most}; send a smaller picture or video", connection="close"
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, _given(body, receive), send)

    async def _whole(self, receive: Receive) -> bytes | None:
        """Return the body; None if it is too large. A client that is gone before sends nothing more."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limits.body_bytes:
                return None
            if not message.get("more_body"):
                return b"".join(parts)


def _given(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and later what the client does."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
