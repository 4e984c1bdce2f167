"""Who may ask: programs on this computer, or whoever knows the token, and no page of anybody else's.

Without a token the server listens to this computer only. Other pages that run in the user's browser are on this
computer, too: requests that they make name their own origin, or, if they have their name point here, another host.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from epipose.errors import InputError
from epipose.server.limits import refusal

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN = ("/", "/health")
"""Paths for which nobody needs the token; files of the page are, too: they hold no secret."""
PAGE = "/page/"
PROTOCOL, BEARER = "epipose.v1", "bearer."
"""Protocols of live sockets: ours, and what a browser, which cannot set headers, says the token with."""
SHORTEST = 16
"""Characters of a token."""
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def check_access(host: str, token: str | None) -> None:
    """Raise InputError for a server that anybody in the network could use, or whose token can be guessed."""
    if token is None and host not in LOOPBACK:
        raise InputError(
            f"with --host {host} others can reach this computer's server; give a --token that they need, too"
        )
    if token is None:
        return
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable():
        raise InputError(f"a token that can be guessed protects nothing; give {SHORTEST} ASCII characters or more")
    if token != token.strip():
        raise InputError("no request can name a token that begins or ends with a space; leave it out")


def page_address(place: str, token: str | None) -> str:
    """Return what to open in a browser: the part after # stays there."""
    return place if token is None else f"{place}#token={quote(token, safe='')}"


class Access:
    """Refuses whoever may not ask, and tells browsers to trust nothing but the page's own files."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request of somebody who may."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None:
            await self._app(scope, receive, _guarded(send))
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, _guarded(send)).send_denial_response(refused)
        else:
            await refused(scope, receive, _guarded(send))

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None and _name(f"//{host}") not in LOOPBACK:
            return refusal(403, "this server answers this computer only; ask for it as localhost or 127.0.0.1")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return refusal(403, "this server answers no pages but its own")
        path = str(scope["path"])
        if self._token is None or path in OPEN or path.startswith(PAGE):
            return None
        if not hmac.compare_digest(_told(headers), self._token.encode()):
            return refusal(401, "give the server's token: Authorization: Bearer TOKEN", www_authenticate="Bearer")
        return None


def _told(headers: Mapping[str, str]) -> bytes:
    """Return the token that a request names; nothing if it names none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip().encode("utf-8", "replace")
    for protocol in headers.get("sec-websocket-protocol", "").split(","):
        told = protocol.strip()
        if told.startswith(BEARER):
            text = told.removeprefix(BEARER)
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            except (binascii.Error, ValueError):
                return b""
    return b""


def _name(place: str) -> str | None:
    try:
        return urlsplit(place).hostname
    except ValueError:
        return None


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return guarded
