"""Connections that ask for nothing are closed, and too many are not taken: what uvicorn itself has no limit for."""

import asyncio
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from epipose.server.limits import Limits


class LimitedConnection(H11Protocol):
    """HTTP on one connection, which has `Limits.head_s` seconds to say what it asks for."""

    limits: ClassVar[Limits]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked_by: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or close it at once if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what a client sends; its clock runs until its head is whole."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._asked_by is None:
            self._asked_by = self.loop.call_later(self.limits.head_s, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._asked_by is not None:
            self._asked_by.cancel()
            self._asked_by = None


def connections_within(limits: Limits) -> type[LimitedConnection]:
    """Return the protocol with these limits."""
    return type("Connection", (LimitedConnection,), {"limits": limits})
