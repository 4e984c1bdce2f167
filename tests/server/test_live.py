"""Frames in, poses out, newest first; who comes and goes leaves nothing behind."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from epipose import detectors, plugins
from epipose.runtime.networks import find_network, open_network
from epipose.server.limits import Limits
from epipose.server.live import Newest
from epipose.server.models import Models
from tests.server.running import Running, jpegs, pictures, running

LIMITS = Limits(sockets=3)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(LIMITS) as server:
        yield server


def told(socket: ClientConnection) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(socket.recv(20))
    return table


def test_frames_are_answered_in_order_with_who_is_who(server: Running) -> None:
    answers = []
    with server.live() as socket:
        for frame in jpegs(6):
            socket.send(frame)
            answers.append(told(socket) if answers else (told(socket), told(socket))[1])
    assert [answer["index"] for answer in answers] == list(range(6))
    assert np.all(np.diff([answer["time_s"] for answer in answers]) > 0)
    assert answers[0]["time_s"] == 0
    assert [[person["id"] for person in answer["people"]] for answer in answers] == 6 * [[1]]


def test_hello_says_what_numbers_mean(server: Running) -> None:
    with server.live() as socket:
        socket.send(json.dumps({"model": "small"}))
        socket.send(jpegs(1)[0])
        hello = told(socket)
        assert (hello["type"], hello["name"]) == ("hello", "small")
        assert len(hello["skeleton"]["joint_names"]) == len(told(socket)["people"][0]["positions_m"])


def test_raw_pictures_are_the_same_pictures(server: Running) -> None:
    (picture,) = pictures(1)
    found = []
    for wish, content in (({"raw": [picture.shape[1], picture.shape[0]]}, picture.tobytes()), ({}, None)):
        with server.live() as socket:
            socket.send(json.dumps(wish))
            socket.send(content or jpegs(1)[0])
            told(socket)
            found.append(told(socket)["people"][0]["pixels"])
    np.testing.assert_allclose(found[0], found[1], atol=6)


def test_the_newest_frame_wins(server: Running) -> None:
    frames = jpegs(1)
    with server.live() as socket:
        for _ in range(60):
            socket.send(frames[0])
        told(socket)
        answers = [told(socket)]
        while answers[-1]["index"] < 59:
            answers.append(told(socket))
    assert len(answers) < 60
    assert answers[-1]["overtaken"] == 60 - len(answers)


def test_newest_drops_what_was_overtaken() -> None:
    newest = Newest()
    for content in (b"a", b"b", b"c"):
        newest.put(content)
    assert (newest.count, newest.overtaken) == (3, 2)


WISHES = ("{", "[]", "7", '{"model": 1}', '{"raw": [1]}', '{"raw": [1, "2"]}', '{"other": 1}', '{"model": "large"}',
          '{"raw": [100000, 100000]}', '{"raw": [-1, 5]}', '{"raw": [2000000, 1]}', '{"raw": [2000, 2000]}',
          '{"model": "' + 5000 * "x" + '"}', "[" * 5000, " " * 20_000)  # fmt: skip


@pytest.mark.parametrize("text", WISHES)
def test_wishes_that_cannot_be_granted_close_the_socket(server: Running, text: str) -> None:
    with server.live() as socket:
        socket.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003
    assert closed.value.rcvd.reason


def test_a_long_reason_is_cut_to_what_a_socket_has_room_for() -> None:
    network = open_network(find_network("lift"))
    detector = plugins.load(detectors, "builtin")
    models = Models({f"a network of a long name, number {number}": network for number in range(9)}, detector)
    with running(models=models) as server, server.live() as socket:
        socket.send(json.dumps({"model": "another"}))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003
    assert closed.value.rcvd.reason.startswith("there is no model of that name here; choose from a network")


@pytest.mark.parametrize("content", [b"", b"hello", jpegs(1)[0][:200]])
def test_a_bad_frame_costs_itself_only(server: Running, content: bytes) -> None:
    with server.live() as socket:
        socket.send(content)
        assert told(socket)["type"] == "hello"
        refused = told(socket)
        assert (refused["type"], refused["index"]) == ("refused", 0)
        socket.send(jpegs(1)[0])
        assert told(socket)["type"] == "frame"


def test_too_large_a_frame_closes_the_socket() -> None:
    with running(Limits(frame_bytes=50_000)) as server, server.live() as socket:
        socket.send(bytes(60_000))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_one_more_camera_than_there_may_be_is_refused_until_another_leaves(server: Running) -> None:
    with ExitStack() as stack:
        for _ in range(LIMITS.sockets):
            stack.enter_context(server.live())
        with pytest.raises(InvalidStatus) as refused, server.live():
            pass
    assert refused.value.response.status_code == 429
    assert "3 cameras are live already" in refused.value.response.body.decode()
    wait_until_gone(server)
    with server.live():
        pass


def test_who_says_nothing_is_asked_to_leave() -> None:
    with running(Limits(idle_s=0.5)) as server, server.live() as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408


def test_clients_that_vanish_leave_nothing_behind(server: Running) -> None:
    wait_until_gone(server)
    before = threads_and_files()
    for _ in range(15):
        with server.live() as socket:
            socket.send(jpegs(1)[0])
            socket.socket.shutdown(SHUT_RDWR)
    wait_until_gone(server)
    time.sleep(0.5)
    after = threads_and_files()
    # Threads that decode are kept for the next frames, but no more of them than there are.
    assert after[0] <= before[0] + 8
    assert after[1] <= before[1] + 8


def threads_and_files() -> tuple[int, int]:
    """How many this process has."""
    threads, files = (sum(1 for _ in Path("/proc/self", part).iterdir()) for part in ("task", "fd"))
    return threads, files


def wait_until_gone(server: Running) -> None:
    """Wait until no socket is live."""
    for _ in range(100):
        if "epipose_live_sockets 0.0" in server.get("/metrics").text:
            return
        time.sleep(0.1)
    raise AssertionError("sockets stay open")
