"""HTTP of every service: problem+json for every refusal, /metrics, /healthz, /readyz, and one log line a request."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import orjson
import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from shared import log, metrics
from shared.ids import event_id
from shared.problems import BadInput, Problem

_log = log.get(__name__)
Readiness = Callable[[], Awaitable[list[str]]]  # the reasons why the service is not ready; empty means ready
Liveness = Callable[[], list[str]]  # why only a new start can help; empty means alive
_QUIET = ("/metrics", "/healthz", "/readyz")


def create_app(
    service: str, ready: Readiness, stuck: Liveness = list, troubles: Liveness = list, **options: Any
) -> FastAPI:
    """Return a FastAPI app with the house's errors, probes, metrics and request log; add routes to it.

    troubles: what does not go well beside the API; it is told with the readiness and does not take it away.
    """
    app = FastAPI(title=f"Rebalancer {service}", version="1", **options)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.middleware("http")(_observe(service))

    @app.get("/healthz", include_in_schema=False)
    async def healthz(response: Response) -> dict[str, Any]:
        reasons = stuck()
        response.status_code = 503 if reasons else 200
        return {"status": "stuck", "because": reasons} if reasons else {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, Any]:
        reasons = await ready()
        response.status_code = 503 if reasons else 200
        answer = {"ready": not reasons, "waiting_for": reasons}
        return answer | {"troubles": beside} if (beside := troubles()) else answer

    @app.get("/metrics", include_in_schema=False)
    async def exported() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


async def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until cancelled, inside the running loop; the process's own signal handling stays as it is."""
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=5
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


def _observe(service: str) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    async def observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.monotonic()
        request_id = request.headers.get("x-request-id") or event_id(time.time_ns(), id(request))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        request.state.request_id = request_id
        try:
            response = await call_next(request)
        except Exception as error:  # noqa: BLE001  # every fault is answered as a problem
            _log.exception("http.failed", method=request.method, path=request.url.path)
            response = _render(
                _Unexpected("an unexpected fault; nothing is known to have changed", fault=type(error).__name__),
                request,
            )
        route = getattr(request.scope.get("route"), "path", "unmatched")
        took_s = time.monotonic() - started
        metrics.HTTP_REQUESTS.labels(service, request.method, route, str(response.status_code)).inc()
        metrics.HTTP_SECONDS.labels(service, request.method, route).observe(took_s)
        response.headers["X-Request-Id"] = request_id
        if route not in _QUIET:
            _log.info(
                "http.answered",
                method=request.method,
                path=request.url.path,
                status=response.status_code,
                duration_ms=round(took_s * 1000, 1),
            )
        return response

    return observe


class _Unexpected(Problem):
    status, code, title = 500, "unexpected", "Something went wrong on our side"


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
    body = problem.body(instance=getattr(request.state, "request_id", ""))
    return Response(orjson.dumps(body), status or problem.status, media_type="application/problem+json")


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for this class only
    response = _render(error, request)
    if error.status == 503:
        response.headers["Retry-After"] = "2"
    return response


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class only
    errors = [
        {"pointer": "/" + "/".join(str(part) for part in item["loc"]), "detail": item["msg"]} for item in error.errors()
    ]
    first = errors[0]
    return _render(BadInput(f"{first['pointer']}: {first['detail']}", errors=errors), request)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class only
    response = _render(_Plain(error.status_code, str(error.detail)), request, error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response
