"""Clients that are slow, many or rude cost their own connections only."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from epipose import InputError
from epipose.server.limits import Limits
from epipose.server.serving import listening
from tests.server.running import Running, jpegs, running

HEAD = b"POST /v1/poses HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n"


def dial(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 10)


def hung_up(connection: socket.socket) -> bool:
    """Say whether the server has closed a connection on which nothing was sent."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Send a byte now and then, as slow loris does, and say whether the server hangs up."""
    connection.settimeout(0.05)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            connection.send(b"X")
            if connection.recv(1000) == b"":
                return True
        except TimeoutError:
            pass
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_heads_that_never_end_are_cut_off() -> None:
    with running(Limits(head_s=0.7)) as server, dial(server) as silent, dial(server) as slow, dial(server) as second:
        slow.send(b"GET / HTTP/1.1\r\nX-")
        second.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in second.recv(1000)
        second.send(b"GET /health HTTP/1.1\r\nX-")
        assert closed_within(slow, 5)
        assert closed_within(silent, 5)
        assert closed_within(second, 5)
        assert server.get("/health").status_code == 200


def test_live_sockets_are_not_cut_off_by_that() -> None:
    with running(Limits(head_s=0.5)) as server, server.live() as live:
        time.sleep(1.5)
        live.send(jpegs(1)[0])
        assert '"hello"' in str(live.recv(10))


def test_bodies_that_never_end_are_answered_and_cut_off() -> None:
    with running(Limits(body_s=0.7)) as server, dial(server) as connection:
        connection.send(HEAD + b"\r\n")
        connection.settimeout(10)
        assert b"408" in connection.recv(1000)
        assert server.get("/health").status_code == 200


def test_more_connections_than_there_may_be_are_closed_and_the_others_go_on() -> None:
    with running(Limits(connections=40, head_s=4.0)) as server, ExitStack() as stack:
        crowd = [stack.enter_context(dial(server)) for _ in range(200)]
        wait_until(lambda: sum(hung_up(one) for one in crowd) >= 160)
        wait_until(lambda: sum(hung_up(one) for one in crowd) == 200)
        assert server.get("/health").status_code == 200


def test_garbage_is_answered_with_400() -> None:
    with running() as server:
        for garbage in (b"\x00\x01\x02\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 70_000 * b"A"):
            with dial(server) as connection:
                connection.send(garbage)
                assert b"400" in connection.recv(1000)[:20]
        assert server.get("/health").status_code == 200


def test_clients_that_leave_in_the_middle_are_forgotten() -> None:
    with running() as server:
        for _ in range(10):
            with dial(server) as connection:
                connection.send(HEAD + b"\r\nhalf")
        assert server.post("/v1/poses", jpegs(1)[0], "image/jpeg").status_code == 200


def test_a_port_that_is_taken_is_said() -> None:
    with running() as server, pytest.raises(InputError, match=r"port \d+ of 127\.0\.0\.1 cannot be listened to"):
        listening("127.0.0.1", server.port).listen()
