"""What the server counts, in the words of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOMENTS_S = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.5, 1.0, 2.0)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "epipose_requests", "Requests that were answered", ("path", "status"), registry=registry
        )
        self.frames = Counter("epipose_frames", "Pictures and frames that networks saw", ("model",), registry=registry)
        self.overtaken = Counter(
            "epipose_frames_overtaken", "Live frames that a newer one overtook before they were seen", registry=registry
        )
        self.seconds = Histogram(
            "epipose_frame_seconds",
            "From a live frame's arrival to its answer",
            buckets=MOMENTS_S,
            registry=registry,
        )
        self.sockets = Gauge("epipose_live_sockets", "Live sockets that are open", registry=registry)

    def text(self) -> bytes:
        """Return all of them as Prometheus reads them."""
        return generate_latest(self.registry)


class Counted:
    """Counts what is answered, by whomever; to be asked before all others that may answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, and count its answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            kind = message["type"]
            if kind.endswith("response.start") or kind == "websocket.accept":
                self._metrics.requests.labels(_path(scope), message.get("status", 101)).inc()
            await send(message)

        await self._app(scope, receive, counted)


def _path(scope: Scope) -> str:
    """Return the path of the route that was asked for; "other" if there is none."""
    paths = {str(route.path) for route in scope["app"].routes}
    asked = str(getattr(scope.get("route"), "path", scope["path"]))
    return asked if asked in paths else "other"
