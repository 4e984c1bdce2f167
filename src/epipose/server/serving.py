"""Listening, and answering until told to stop."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from epipose.errors import InputError
from epipose.server.connections import connections_within
from epipose.server.limits import Limits

LONGEST_STOP_S = 5
"""Seconds that requests have to end in when the server stops."""


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free. Raises InputError where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"port {port} of {host} cannot be listened to ({error.strerror}); choose another with --port"
        ) from error
    return listener


class Server(uvicorn.Server):
    """Answers what comes to a listening socket; calls `ready` when it does."""

    def __init__(self, app: FastAPI, listener: socket.socket, limits: Limits, ready: Callable[[], None]) -> None:
        http, live = connections_within(limits)
        config = uvicorn.Config(
            app,
            http=http,
            ws=live,
            ws_max_size=limits.frame_bytes,
            ws_per_message_deflate=False,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=LONGEST_STOP_S,
        )
        super().__init__(config)
        self._listener, self._ready = listener, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._ready()

    def serve_until_stopped(self) -> None:
        """Serve until the process is interrupted, or `stop` is called."""
        asyncio.run(self.serve([self._listener]))

    def stop(self) -> None:
        """End, from any thread, when requests are answered, or after LONGEST_STOP_S."""
        self.should_exit = True
