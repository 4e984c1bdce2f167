"""Connections whose clients keep them waiting are closed, and too many are not taken: what uvicorn has no limit for."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from epipose.server.limits import Limits

_NOT_A_HEAD = b"the request's head is longer than any browser's, or asks for a live socket by another method than GET"
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%s" % (len(_NOT_A_HEAD), _NOT_A_HEAD)
)
_SLICE, _MOST_MESSAGES = 16_384, 500
"""Bytes that are looked at in one go, and messages in what came at once."""


class Clock:
    """Hangs up on a client that has owed something for some seconds."""

    def __init__(self, seconds: float, hang_up: Callable[[], None]) -> None:
        self._seconds, self._hang_up = seconds, hang_up
        self._timer: asyncio.TimerHandle | None = None

    def run(self) -> None:
        """Start; one that runs goes on."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._hang_up)

    def stop(self) -> None:
        """Forget what was owed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Taking:
    """Hangs up on a client that takes nothing of what it is sent: its answers would wait here for ever."""

    def __init__(self, seconds: float, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._clock = Clock(seconds, self._look)
        self._left = 0

    def wait(self) -> None:
        """Begin, when more is to be taken than there is room for."""
        self._left = self._transport.get_write_buffer_size()
        self._clock.run()

    def stop(self) -> None:
        """End, when all but little was taken."""
        self._clock.stop()

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() >= self._left:
            self._transport.abort()
            return
        self._clock.stop()
        self.wait()


class TakenConnection(asyncio.Protocol):
    """What goes before a protocol whose clients have to take what they are sent."""

    _taking: Taking

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent."""
        super().pause_writing()
        self._taking.wait()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._taking.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._taking.stop()
        super().connection_lost(exc)


class LimitedConnection(TakenConnection, H11Protocol):
    """HTTP on one connection, which has `Limits.head_s` seconds to say what it asks for."""

    limits: ClassVar[Limits]

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or close it at once if there are too many."""
        super().connection_made(transport)
        self._asking, self._taking = Clock(self.limits.head_s, transport.abort), Taking(self.limits.taken_s, transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._asking.run()

    def data_received(self, data: bytes) -> None:
        """Take what a client sends."""
        super().data_received(data)
        self._keep_time()

    def on_response_complete(self) -> None:
        """Turn to what the client sends next."""
        super().on_response_complete()
        self._keep_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._asking.stop()
        super().connection_lost(exc)

    def _keep_time(self) -> None:
        """Run the clock while the client owes a head, or the rest of a body that was answered already."""
        theirs, ours = self.conn.their_state, self.conn.our_state
        if theirs is h11.IDLE or (theirs is h11.SEND_BODY and ours is h11.DONE):
            self._asking.run()
        else:
            self._asking.stop()


class LimitedSocket(TakenConnection, WebSocketsSansIOProtocol):
    """A live socket on one connection."""

    limits: ClassVar[Limits]

    def connection_made(self, transport: Any) -> None:
        """Take over a connection."""
        super().connection_made(transport)
        self._taking = Taking(self.limits.taken_s, transport)

    def data_received(self, data: bytes) -> None:
        """Take what a client sends, but not thousands of messages at once: nobody else is served meanwhile."""
        for start in range(0, len(data), _SLICE):
            super().data_received(data[start : start + _SLICE])
            if self.queue.qsize() > _MOST_MESSAGES:
                self.transport.abort()
                return
        # A head that websockets cannot read would stay without an answer.
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(_BAD_REQUEST)
            self.transport.close()


def connections_within(limits: Limits) -> tuple[type[LimitedConnection], type[LimitedSocket]]:
    """Return the protocols of requests and of live sockets with these limits."""
    parts = {"limits": limits}
    return type("Connection", (LimitedConnection,), parts), type("Socket", (LimitedSocket,), parts)
