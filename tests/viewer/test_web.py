"""Recordings show people: nobody but the user of this computer gets to see them."""

import socket
from collections.abc import Iterator

import pytest
import viser
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from epipose.viewer.web import ViewerServer


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ViewerServer(0, "web")
    yield f"ws://127.0.0.1:{server.get_port()}"
    server.stop()


def looking(address: str, origin: str | None) -> ClientConnection:
    protocol = Subprotocol(f"viser-v{viser.__version__}")
    return connect(address, origin=None if origin is None else Origin(origin), subprotocols=[protocol])


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:9999", "http://[::1]:8080", None])
def test_pages_of_this_computer_may_look(address: str, origin: str | None) -> None:
    with looking(address, origin) as page:
        assert page.recv(timeout=10)


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.org",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org:8080",
        "http://192.168.1.7:8080",
        "null",
    ],
)
def test_other_pages_may_not(address: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        looking(address, origin)
    assert refused.value.response.status_code == 403


def test_the_network_cannot_reach_it(address: str) -> None:
    port = int(address.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.settimeout(2)
        # On another address of the same computer, and yet not there.
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            other.connect(("127.0.0.2", port))


def test_nothing_is_shared() -> None:
    server = ViewerServer(0, "web")
    assert server.request_share_url() is None
    server.stop()


def test_it_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    ViewerServer(0, "web").stop()
    assert capfd.readouterr().out == ""
