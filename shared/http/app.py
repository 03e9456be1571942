"""The HTTP app of every service: problem+json for refusals, /metrics, probes, one log line per request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from shared.contracts.problems import BadBody, Problem
from shared.http import database_errors, invalid, routing
from shared.http.body_timeout import BodyTimeout
from shared.http.connections import USUAL, Bounds
from shared.http.request_log import Observe, rendered
from shared.http.wellformed import WellFormed
from shared.runtime import build, loop_lag

Readiness = Callable[[], Awaitable[list[str]]]  # the reasons why the service is not ready; empty means ready
Liveness = Callable[[], list[str]]  # the reasons why only a restart can help; empty means alive
_NO_DOCUMENTS: Any = {"docs_url": None, "redoc_url": None, "openapi_url": None}  # services do not publish their API


def create_app(
    service: str,
    ready: Readiness,
    stuck: Liveness = list,
    troubles: Liveness = list,
    *,
    serves: Readiness | None = None,
    probes: bool = True,
    routers: Sequence[APIRouter] = (),
    door: routing.Door | None = None,
    **options: Any,
) -> FastAPI:
    """Return a FastAPI app with the common error handlers, probes, metrics and request log, and these routes.

    troubles: problems beside the API; /readyz lists them, and the service stays ready.
    serves: the reasons why no request should be sent here, where they differ from those of `ready`: /readyz/api.
    probes: whether the app serves /healthz, /readyz, /readyz/api and /metrics, and measures the lag of its loop while
    it is served; a public app does not.
    door: authenticates requests of guarded routes.
    Raises RouteWithoutRule for a route that is neither open nor in the role table.
    """
    # No redirect from a path with a slash at its end: its address would follow the Host header.
    beside = {"lifespan": _measuring(service)} if probes else {}
    given = _NO_DOCUMENTS | beside | options
    app = FastAPI(title=f"Rebalancer {service}", version="1", redirect_slashes=False, **given)
    app.state.door = door
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    database_errors.add(app)
    app.add_middleware(WellFormed)
    app.add_middleware(Observe, service=service)
    if probes:
        build.export(service)
        _add_probes(app, ready, serves or ready, stuck, troubles)
    for router in routers:
        app.include_router(router)
    routing.check(app)
    return app


def _measuring(service: str) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """Return the lifespan of an app that measures the lag of its loop: the one app of a process that has probes."""

    @contextlib.asynccontextmanager
    async def measuring(_app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(loop_lag.measure(service), name="loop-lag")
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    return measuring


def _add_probes(app: FastAPI, ready: Readiness, serves: Readiness, stuck: Liveness, troubles: Liveness) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz(response: Response) -> dict[str, Any]:
        reasons = stuck()
        response.status_code = 503 if reasons else 200
        return {"status": "stuck", "because": reasons} if reasons else {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, Any]:
        report = judged(response, await ready())
        return report | {"troubles": beside} if (beside := troubles()) else report

    @app.get("/readyz/api", include_in_schema=False)
    async def readyz_api(response: Response) -> dict[str, Any]:
        return judged(response, await serves())

    def judged(response: Response, reasons: list[str]) -> dict[str, Any]:
        response.status_code = 503 if reasons else 200
        return {"ready": not reasons, "waiting_for": reasons}

    @app.get("/metrics", include_in_schema=False)
    async def exported() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def serve(app: FastAPI, host: str, port: int, bounds: Bounds = USUAL) -> None:
    """Serve until cancelled, inside the running loop; the process keeps its own signal handling.

    bounds: limits on slow and on many clients.
    Raises RouteWithoutRule if such a route was added to an app of `create_app` after its creation.
    """
    if hasattr(app.state, "door"):
        routing.check(app)
    config = uvicorn.Config(
        BodyTimeout(app, bounds.piece_s),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the client is the connected peer, whatever X-Forwarded-For says
        lifespan="on",
        http=bounds.protocol(),
        ws="none",  # an upgraded connection would leave these bounds
        h11_max_incomplete_event_size=bounds.head_bytes,
        timeout_keep_alive=bounds.keep_alive_s,  # type: ignore[arg-type]  # only given to call_later
        timeout_graceful_shutdown=5,
    )
    server = _Embedded(config)
    running = asyncio.create_task(server.serve(), name="http")
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise


class _Embedded(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the process."""
        yield


class _Plain(Problem):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self._status = status

    def body(self, instance: str = "") -> dict[str, Any]:
        return super().body(instance) | {
            "status": self._status,
            "code": f"http_{self._status}",
            "title": self.detail,
            "type": "about:blank",
        }


def _render(problem: Problem, request: Request, status: int | None = None) -> Response:
    return rendered(problem, getattr(request.state, "request_id", ""), status)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for this class only
    return _render(error, request)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class only
    return _render(invalid.refused_by_model(error.errors()), request)


# Said where the framework gives no more than the name of the status.
_SAID: Final[Mapping[int, str]] = {
    404: "There is nothing at this address. Go on from one of the lists.",
    405: "This address does not take what was sent. Load the page again; if it goes on, tell the help desk.",
}


def _is_bare(error: HTTPException) -> bool:
    return error.detail == HTTPStatus(error.status_code).phrase


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class only
    if error.status_code == 400:  # raised by the framework if it cannot parse the body
        return _render(BadBody(), request)
    known = _SAID.get(error.status_code, str(error.detail)) if _is_bare(error) else str(error.detail)
    response = _render(_Plain(error.status_code, known), request, error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response
