"""Every HTTP request gets an id, one log line, one count, and a response even if its handler fails."""

import re
import time
from typing import Any, Final

import orjson
import structlog
from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.contracts.problems import Problem
from shared.ids import event_id
from shared.runtime import log, metrics

QUIET: Final = ("/metrics", "/healthz", "/readyz")
HUNG_UP: Final = 499
"""Status for log and metrics only: the client disconnected before the response. Neither a fault nor a refusal."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_PATH_SHOWN: Final = 200
_log = log.get(__name__)


class Unexpected(Problem):
    """A fault without a code of its own."""

    status, code, title = 500, "unexpected", "Something went wrong on our side"


def rendered(problem: Problem, request_id: str, status: int | None = None) -> Response:
    """Return a problem as a response."""
    body = orjson.dumps(problem.body(instance=request_id))
    return Response(body, status or problem.status, problem.headers(), "application/problem+json")


def request_id_of(headers: Headers, *made_of: object) -> str:
    """Return the request's id: the client's if it is short and plain, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else event_id(*made_of)


class Observe:
    """Middleware around all of a service's routes."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(Headers(scope=scope), time.time_ns(), id(scope))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        await _Watched(self._service, scope, receive, send, request_id).run(self._app)


class _Watched:
    """One request under way."""

    def __init__(self, service: str, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._service = service
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._started_s = time.monotonic()
        self._has_responded = False
        self._gone = False  # the client disconnected before the response

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self._receiving, self._sending)
        except Exception as error:  # noqa: BLE001  # every fault becomes a problem
            if not (self._gone or isinstance(error, ClientDisconnect)):
                await self._failed(error)
        if not self._has_responded:
            self._report(HUNG_UP)

    async def _receiving(self) -> Message:
        message = await self._receive()
        self._gone = self._gone or (message["type"] == "http.disconnect" and not self._has_responded)
        return message

    async def _sending(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._has_responded:
            self._report(HUNG_UP if self._gone else message["status"])
            MutableHeaders(scope=message)["X-Request-Id"] = self._request_id
        await self._send(message)

    async def _failed(self, error: Exception) -> None:
        """Respond with a problem.

        Raises the error itself if the response has begun: it can only be cut off.
        """
        _log.error("http.failed", method=self._scope["method"], path=self._path, exc_info=error)
        if self._has_responded:
            raise error
        problem = Unexpected("an unexpected fault; nothing is known to have changed", fault=type(error).__name__)
        await rendered(problem, self._request_id)(self._scope, self._receiving, self._sending)

    @property
    def _path(self) -> str:
        return str(self._scope["path"])[:_PATH_SHOWN]

    def _report(self, status: int) -> None:
        """Count and log the request, once. Unknown methods and routes share one label, so clients create no series."""
        self._has_responded = True
        took_s = time.monotonic() - self._started_s
        route: Any = getattr(self._scope.get("route"), "path", "unmatched")
        method = self._scope["method"] if self._scope["method"] in _METHODS else "other"
        metrics.HTTP_REQUESTS.labels(self._service, method, route, str(status)).inc()
        metrics.HTTP_SECONDS.labels(self._service, method, route).observe(took_s)
        if route not in QUIET:
            _log.info(
                "http.answered",
                method=method,
                path=self._path,
                status=status,
                duration_ms=round(took_s * 1000, 1),
            )
