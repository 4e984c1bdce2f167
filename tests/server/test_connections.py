"""Clients that are slow, many or rude cost their own connections only."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from epipose import InputError
from epipose.server.limits import Limits
from epipose.server.serving import listening
from tests.server.running import VIDEO, Running, jpegs, running

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


def test_refused_bodies_that_never_end_are_cut_off() -> None:
    with running(Limits(head_s=0.7), token="sixteen letters.") as server, dial(server) as connection:
        connection.send(HEAD + b"\r\n")
        assert b"401" in connection.recv(1000)[:20]
        assert closed_within(connection, 5)
    with running(Limits(body_s=0.5, head_s=0.7)) as server, dial(server) as connection:
        connection.send(HEAD + b"\r\n")
        assert b"408" in connection.recv(1000)[:20]
        assert closed_within(connection, 5)


def test_who_sends_too_much_can_read_why() -> None:
    with running(Limits(body_bytes=1_000_000)) as server, dial(server) as connection:
        head = HEAD.replace(b"Length: 1000", b"Length: 20000000")
        connection.sendall(head + b"\r\n" + bytes(20_000_000))
        answer = connection.recv(4000)
        assert b"413" in answer[:20]
        assert b"the request is larger than 1 MB" in answer
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in connection.recv(1000)


def test_what_all_clients_send_at_once_is_limited() -> None:
    with running(Limits(bodies_bytes=1_000_000)) as server, dial(server) as connection:
        connection.sendall(HEAD.replace(b"Length: 1000", b"Length: 950000") + b"\r\n" + bytes(900_000))
        wait_until(lambda: server.post("/v1/poses", bytes(200_000), "image/jpeg").status_code == 429)
        assert "are arriving already" in server.post("/v1/poses", bytes(200_000), "image/jpeg").json()["detail"]
        assert server.post("/v1/poses", bytes(50_000), "image/jpeg").status_code == 415
        connection.close()
        wait_until(lambda: server.post("/v1/poses", bytes(200_000), "image/jpeg").status_code == 415)


def test_answers_that_nobody_takes_are_not_kept() -> None:
    with running(Limits(taken_s=0.5), unread_bytes=4096) as server, dial(server) as connection:
        video = VIDEO.read_bytes()
        head = HEAD.replace(b"Length: 1000", b"Length: %d" % len(video)).replace(b"image/jpeg", b"video/mp4")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head + b"\r\n" + video)
        time.sleep(1)
        wait_until(lambda: 'epipose_requests_total{path="/v1/poses",status="200"}' in server.get("/metrics").text)
        time.sleep(1.5)
        taken = 0
        while part := connection.recv(10_000):
            taken += len(part)
        assert taken < 200_000


@contextmanager
def live_connection(server: Running) -> Iterator[socket.socket]:
    """A live socket whose client takes little."""
    with dial(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(live_head())
        assert b"101" in connection.recv(1000)[:20]
        yield connection


def send_until_hung_up(connection: socket.socket, content: bytes) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        connection.sendall(content)


def test_live_answers_that_nobody_takes_end_the_socket() -> None:
    frame = jpegs(1)[0]
    with running(Limits(taken_s=0.5), unread_bytes=4096) as server, live_connection(server) as connection:
        with pytest.raises(ConnectionError):
            send_until_hung_up(connection, b"\x82\xff" + len(frame).to_bytes(8) + bytes(4) + frame)
        wait_until(lambda: "epipose_live_sockets 0.0" in server.get("/metrics").text)


def test_thousands_of_tiny_frames_end_the_socket() -> None:
    with running() as server, live_connection(server) as connection:
        with pytest.raises(ConnectionError):
            send_until_hung_up(connection, 10_000 * b"\x82\x81\0\0\0\0x")
        wait_until(lambda: "epipose_live_sockets 0.0" in server.get("/metrics").text)


def live_head(method: bytes = b"GET", more: bytes = b"") -> bytes:
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    upgrade = b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return method + b" /v1/live HTTP/1.1\r\n" + upgrade + key + more + b"\r\n"


@pytest.mark.parametrize(
    "head",
    [
        live_head(more=b"".join(b"X-%d: 1\r\n" % number for number in range(200))),
        live_head(more=b"X: " + 9000 * b"a" + b"\r\n"),
        live_head(b"POST"),
    ],
    ids=["many", "long", "post"],
)
def test_heads_of_live_sockets_that_cannot_be_read_are_answered(head: bytes) -> None:
    with running() as server, dial(server) as connection:
        connection.sendall(head)
        # Later versions of websockets answer some of them.
        assert connection.recv(1000).split()[1] in (b"400", b"405", b"431")
        assert connection.recv(1000) == b""


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
