"""Who may ask a server, and what becomes of everybody else."""

import base64
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from epipose import InputError
from epipose.server.access import PROTOCOL, check_access
from tests.server.running import Running, jpegs, running

TOKEN = "correct horse/battery+staple"


@pytest.fixture(scope="module")
def local() -> Iterator[Running]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def guarded() -> Iterator[Running]:
    with running(token=TOKEN) as server:
        yield server


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_others_need_a_token(host: str) -> None:
    with pytest.raises(InputError, match="others can reach this computer's server"):
        check_access(host, None)
    check_access(host, TOKEN)
    check_access("127.0.0.1", None)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "ümlaut" * 5, "line\nbreak" * 3])
def test_tokens_that_protect_nothing_are_refused(token: str) -> None:
    with pytest.raises(InputError, match="give 16 ASCII characters or more"):
        check_access("127.0.0.1", token)


@pytest.mark.parametrize("token", [" sixteen letters and more", "sixteen letters and more "])
def test_tokens_that_no_request_can_name_are_refused(token: str) -> None:
    with pytest.raises(InputError, match="begins or ends with a space"):
        check_access("127.0.0.1", token)


def test_the_token_opens_everything_and_nothing_else_does(guarded: Running) -> None:
    for path in ("/v1/models", "/metrics", "/v1/openapi.json", "/v1/nothing"):
        for told in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
            answer = guarded.get(path, **told)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json() == {"detail": "give the server's token: Authorization: Bearer TOKEN"}
    assert guarded.get("/v1/models", authorization=f"Bearer {TOKEN}").status_code == 200
    assert guarded.get("/v1/models", authorization=f"bearer  {TOKEN}").status_code == 200
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/").status_code == 200
    assert guarded.get("/page/page.js").status_code == 200


def test_live_sockets_need_it_too(guarded: Running) -> None:
    told = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    with guarded.live(subprotocols=[PROTOCOL, f"bearer.{told}"]) as socket:
        assert socket.subprotocol == PROTOCOL
        socket.send(jpegs(1)[0])
        assert '"hello"' in str(socket.recv(20))
    for wrong in ([], [PROTOCOL], [PROTOCOL, "bearer.AAAA"], [PROTOCOL, "bearer.é".encode("ascii", "ignore").decode()]):
        with pytest.raises(InvalidStatus) as refused, guarded.live(subprotocols=wrong or None):
            pass
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", ""])
def test_names_that_others_point_here_are_refused(local: Running, host: str) -> None:
    assert local.get("/v1/models", host=host).status_code in (400, 403)
    assert local.get("/", host=host).status_code in (400, 403)
    assert local.get("/v1/models", host=f"localhost:{local.port}").status_code == 200


def test_pages_of_others_are_refused(local: Running) -> None:
    for origin in ("http://evil.example", "null", "http://[", "", f"http://127.0.0.1:{local.port + 1}"):
        assert local.get("/v1/models", origin=origin).status_code == 403
        with pytest.raises(InvalidStatus) as refused, local.live(origin=origin):
            pass
        assert refused.value.response.status_code == 403
    assert local.get("/v1/models", origin=local.url).status_code == 200
    asked = httpx.options(f"{local.url}/v1/poses", headers={
        "origin": "http://evil.example", "access-control-request-method": "POST"})  # fmt: skip
    assert not [name for name in asked.headers if name.startswith("access-control-")]


def test_browsers_are_told_to_trust_the_page_only(local: Running) -> None:
    for path in ("/", "/health", "/page/page.css", "/nothing"):
        headers = local.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


@pytest.mark.parametrize("path", ["/page/../app.py", "/page/..%2Fapp.py", "/page/%2Fetc%2Fpasswd", "/page/page.html"])
def test_no_request_reaches_other_files(local: Running, path: str) -> None:
    with httpx.Client() as client:
        request = client.build_request("GET", local.url)
        request.url = request.url.copy_with(raw_path=path.encode())
        assert client.send(request).status_code == 404


def test_who_is_refused_is_counted() -> None:
    with running(token=TOKEN) as server:
        for path in ("/v1/models", "/metrics", "/v1/nothing", "/page/other.js"):
            server.get(path)
        with pytest.raises(InvalidStatus), server.live():
            pass
        server.get("/v1/models", origin="http://evil.example")
        told = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
        with server.live(subprotocols=[PROTOCOL, f"bearer.{told}"]):
            pass
        counts = server.get("/metrics", authorization=f"Bearer {TOKEN}").text
    for path, status in (("/v1/models", 401), ("/metrics", 401), ("other", 401), ("/page/{name}", 404),
                         ("/v1/live", 401), ("/v1/models", 403), ("/v1/live", 101)):  # fmt: skip
        assert f'epipose_requests_total{{path="{path}",status="{status}"}} 1.0' in counts
