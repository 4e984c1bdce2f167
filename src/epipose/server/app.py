"""The server's routes."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from importlib import resources
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import FastAPI, Query, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError

from epipose import __version__, exporters, plugins
from epipose.io.videos import Frame
from epipose.runtime.predictor import Predictor
from epipose.server.access import Access
from epipose.server.answers import FrameAnswer, ModelAnswer, PosesAnswer, Refusal, frame_answer
from epipose.server.exports import Recorded, exported
from epipose.server.limits import LimitedBodies, Limits, Refused, refusal
from epipose.server.live import Live
from epipose.server.media import JPEG, PNG, VIDEOS, decoded, frames_of
from epipose.server.metrics import Counted, Metrics
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
    app = FastAPI(
        title="epipose", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None,
        openapi_url="/v1/openapi.json", lifespan=_until_stopped(models),
    )  # fmt: skip
    _add_poses(app, models, limits, metrics)
    _add_live(app, Live(models, limits, metrics))
    _add_export(app, models)
    _add_models(app, models)
    _add_health(app, metrics)
    _add_page(app)
    _add_failures(app)
    # The last to be added is asked first.
    app.add_middleware(LimitedBodies, limits=limits)
    app.add_middleware(Access, token=token)
    app.add_middleware(Counted, metrics=metrics)
    return app


def _until_stopped(models: Models) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        models.close()

    return lifespan


def _add_poses(app: FastAPI, models: Models, limits: Limits, metrics: Metrics) -> None:
    binary = {"schema": {"type": "string", "format": "binary"}}
    taken = {"requestBody": {"required": True, "content": dict.fromkeys((JPEG, PNG, *VIDEOS), binary)}}

    @app.post("/v1/poses", responses=REFUSALS, openapi_extra=taken)
    async def poses(
        request: Request,
        model: Annotated[str | None, Query(description="Of those at /v1/models", max_length=100)] = None,
    ) -> PosesAnswer:
        """Return the people in a picture (JPEG, PNG) or a short video, which is the body of the request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        predictor = models.predictor(model)
        name = model or models.usual
        with models.asking():
            if kind in (JPEG, PNG):
                frames = [await _seen_in_picture(models, predictor, await request.body(), limits)]
            elif kind in VIDEOS:
                frames = await _seen_in_video(models, predictor, request, kind, limits)
            else:
                kinds = f"a picture ({JPEG}, {PNG}) or a video ({', '.join(VIDEOS)})"
                raise Refused(415, f"send {kinds} and say which it is")
        metrics.frames.labels(name).inc(len(frames))
        answer = models.answer(name)
        return PosesAnswer(model=name, measure=answer.measure, skeleton=answer.skeleton, frames=frames)


async def _seen_in_picture(models: Models, predictor: Predictor, content: bytes, limits: Limits) -> FrameAnswer:
    picture = await anyio.to_thread.run_sync(decoded, content, limits)
    async with models.turn() as call:
        people = await call(lambda: next(predictor.pictures([picture])))
    return frame_answer(0, 0.0, (picture.shape[1], picture.shape[0]), people)


async def _seen_in_video(
    models: Models, predictor: Predictor, request: Request, kind: str, limits: Limits
) -> list[FrameAnswer]:
    """Return what is seen in a video, frame by frame, for as long as somebody waits for it."""
    frames: list[FrameAnswer] = []
    with ExitStack() as stack:
        shown = await anyio.to_thread.run_sync(stack.enter_context, frames_of(await request.body(), kind, limits))
        async with models.stream(predictor) as stream:
            while (frame := await anyio.to_thread.run_sync(_next, shown)) is not None:
                if await request.is_disconnected():
                    break
                async with models.turn() as call:
                    people = await call(stream.look, frame.image, frame.time)
                size_wh = (frame.image.shape[1], frame.image.shape[0])
                frames.append(frame_answer(frame.index, frame.time, size_wh, people))
    return frames


def _next(frames: Iterator[Frame]) -> Frame | None:
    return next(frames, None)


def _add_live(app: FastAPI, live: Live) -> None:
    @app.websocket("/v1/live")
    async def live_socket(socket: WebSocket) -> None:
        await live.serve(socket)


def _add_export(app: FastAPI, models: Models) -> None:
    alone = anyio.CapacityLimiter(1)  # each takes much memory

    @app.post("/v1/export", responses={**REFUSALS, 200: {"content": {"application/octet-stream": {}}}})
    async def export(
        recorded: Recorded,
        format: Annotated[str, Query(description="One of: " + ", ".join(plugins.names(exporters)), max_length=20)],
    ) -> Response:
        """Return recorded frames as a file for other programs, the camera taken as level; of several files, a ZIP."""
        skeleton = models.network(recorded.model).description.skeleton
        name, content = await anyio.to_thread.run_sync(exported, recorded, skeleton, format, limiter=alone)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _add_models(app: FastAPI, models: Models) -> None:
    @app.get("/v1/models", responses={status: REFUSALS[status] for status in (401, 403)})
    async def list_models() -> list[ModelAnswer]:
        """Return the networks that are served; the first is taken where nobody names one."""
        return [models.answer(name) for name in models.networks]


def _add_health(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Say that the server is there."""
        return {"status": "ok", "version": __version__}

    @app.get("/metrics", include_in_schema=False)
    async def counts() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")


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


def _add_failures(app: FastAPI) -> None:
    """Answer in one sentence whatever fails."""

    @app.exception_handler(RequestValidationError)
    async def not_as_documented(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return refusal(422, f"{place}: {first['msg']}; see /v1/openapi.json")

    @app.exception_handler(Exception)
    async def not_foreseen(_: Request, __: Exception) -> Response:
        return refusal(500, "the server failed at this request; what happened stands in its log")
