"""The server's routes."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib import resources
from typing import Annotated, Any

import anyio.to_thread
from fastapi import FastAPI, Query, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.middleware.base import RequestResponseEndpoint

from epipose import __version__, exporters, plugins
from epipose.io.videos import Frame
from epipose.server.access import Access
from epipose.server.answers import FrameAnswer, ModelAnswer, PosesAnswer, Refusal, frame_answer
from epipose.server.exports import Recorded, exported
from epipose.server.limits import LimitedBodies, Limits, Refused, refusal
from epipose.server.live import Live
from epipose.server.media import JPEG, PNG, VIDEOS, decoded, frames_of
from epipose.server.metrics import Metrics
from epipose.server.models import Models

DESCRIPTION = """People in 3D, by networks that see with one camera.

Pixels: the first one's centre is (0, 0). Lengths are metres, times seconds. `WS /v1/live` takes frames of a camera as
binary messages and answers with JSON, newest frame first; see the documentation."""
PAGE = "page.html"
PAGE_FILES = {"page.css": "text/css", "page.js": "text/javascript", "figure.js": "text/javascript",
              "camera.js": "text/javascript", "recording.js": "text/javascript"}  # fmt: skip
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": words}
    for status, words in {
        400: "Not to be read as a request",
        401: "The token is missing or wrong",
        403: "Asked by another page, or by another name than this computer's",
        404: "There is no such model",
        408: "The request took too long to arrive",
        413: "Larger or longer than is taken",
        415: "Neither a picture nor a video that is taken",
        422: "Damaged",
        429: "Too much is waiting already",
    }.items()
}


def make_app(models: Models, limits: Limits, token: str | None) -> FastAPI:
    """Return the server for some networks."""
    metrics = Metrics()
    live = Live(models, limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        models.close()

    app = FastAPI(
        title="epipose", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        openapi_url="/v1/openapi.json", lifespan=lifespan,
    )  # fmt: skip
    _add_poses(app, models, limits, metrics)
    _add_exports(app, models)
    _add_page(app)

    @app.get("/v1/models", responses={status: REFUSALS[status] for status in (401, 403)})
    async def list_models() -> list[ModelAnswer]:
        """Return the networks that are served; the first is taken where nobody names one."""
        return [models.answer(name) for name in models.networks]

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Say that the server is there."""
        return {"status": "ok", "version": __version__}

    @app.get("/metrics", include_in_schema=False)
    async def counts() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.exception_handler(RequestValidationError)
    async def not_as_documented(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return refusal(422, f"{place}: {first['msg']}; see /v1/openapi.json")

    @app.websocket("/v1/live")
    async def live_socket(socket: WebSocket) -> None:
        await live.serve(socket)

    @app.middleware("http")
    async def counted(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        route = request.scope.get("route")
        metrics.requests.labels(getattr(route, "path", "other"), response.status_code).inc()
        return response

    # The last to be added is asked first.
    app.add_middleware(LimitedBodies, limits=limits)
    app.add_middleware(Access, token=token)
    return app


def _add_poses(app: FastAPI, models: Models, limits: Limits, metrics: Metrics) -> None:
    binary = {"schema": {"type": "string", "format": "binary"}}
    taken = {"requestBody": {"required": True, "content": dict.fromkeys((JPEG, PNG, *VIDEOS), binary)}}

    @app.post("/v1/poses", responses=REFUSALS, openapi_extra=taken)
    async def poses(
        request: Request,
        model: Annotated[str | None, Query(description="Of those at /v1/models", max_length=100)] = None,
    ) -> PosesAnswer:
        """Return the people in a picture (JPEG, PNG) or a short video, which is the body of the request."""
        content = await request.body()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        predictor = models.predictor(model)
        name = model or models.usual
        frames: list[FrameAnswer] = []
        if kind in (JPEG, PNG):
            picture = await anyio.to_thread.run_sync(decoded, content, limits)
            people = await models.run(lambda: next(predictor.pictures([picture])))
            frames.append(frame_answer(0, 0.0, (picture.shape[1], picture.shape[0]), people))
        elif kind in VIDEOS:
            with ExitStack() as stack:
                shown = await anyio.to_thread.run_sync(stack.enter_context, frames_of(content, kind, limits))
                stream = stack.enter_context(predictor.stream())
                while (frame := await anyio.to_thread.run_sync(_next, shown)) is not None:
                    if await request.is_disconnected():
                        break
                    people = await models.run(stream.look, frame.image, frame.time)
                    size_wh = (frame.image.shape[1], frame.image.shape[0])
                    frames.append(frame_answer(frame.index, frame.time, size_wh, people))
        else:
            raise Refused(415, f"send a picture ({JPEG}, {PNG}) or a video ({', '.join(VIDEOS)}) and say which it is")
        metrics.frames.labels(name).inc(len(frames))
        answer = models.answer(name)
        return PosesAnswer(model=name, measure=answer.measure, skeleton=answer.skeleton, frames=frames)


def _add_exports(app: FastAPI, models: Models) -> None:
    @app.post("/v1/export", responses={**REFUSALS, 200: {"content": {"application/octet-stream": {}}}})
    async def export(
        recorded: Recorded,
        format: Annotated[str, Query(description="One of: " + ", ".join(plugins.names(exporters)), max_length=20)],
    ) -> Response:
        """Return recorded frames as a file for other programs, the camera taken as level; of several files, a ZIP."""
        skeleton = models.network(recorded.model).description.skeleton
        name, content = await anyio.to_thread.run_sync(exported, recorded, skeleton, format)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _add_page(app: FastAPI) -> None:
    """Serve the page and its files, and no other."""
    contents = {name: (resources.files("epipose.server") / "page" / name).read_bytes() for name in (PAGE, *PAGE_FILES)}

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response(contents[PAGE], media_type="text/html")

    @app.get("/page/{name}", include_in_schema=False)
    async def page_file(name: str) -> Response:
        if name not in PAGE_FILES:
            raise Refused(404, "there is no such file")
        return Response(contents[name], media_type=PAGE_FILES[name])


def _next(frames: Any) -> Frame | None:
    return next(frames, None)
