"""Every HTTP request gets an id, one log line, one count, and a response even if its handler fails.

The id is the one of its trace, so that what a user quotes from a refusal finds the lines of all services.  The count is
made when the response begins, the line is written when it has ended: then its bytes are known.
"""

import hashlib
import re
import time
from typing import Any, Final

import orjson
import structlog
from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.contracts.principal import Principal
from shared.contracts.problems import Problem
from shared.runtime import log, metrics, trace
from shared.runtime.trace import TraceContext

QUIET: Final = ("/metrics", "/healthz", "/readyz", "/readyz/api")
HUNG_UP: Final = 499
"""Status for log and metrics only: the client disconnected before the response. Neither a fault nor a refusal."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_log = log.get(__name__)


class Unexpected(Problem):
    """A fault without a code of its own."""

    status, code, title = 500, "unexpected", "Something went wrong on our side"


def rendered(problem: Problem, request_id: str, status: int | None = None) -> Response:
    """Return a problem as a response."""
    body = orjson.dumps(problem.body(instance=request_id))
    return Response(body, status or problem.status, problem.headers(), "application/problem+json")


def span_of(headers: Headers) -> TraceContext:
    """Return the span of a request: of the trace its header names if it has one of valid form, else of a new one."""
    given = headers.getlist(trace.HEADER)
    return trace.started(given[0] if len(given) == 1 else None)


def request_id_of(headers: Headers, span: TraceContext) -> str:
    """Return the request's id: the client's if it is short and plain, else the trace's.

    A client may send several requests in one trace of its own: then the span tells them apart.
    """
    given = headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    return f"{span.trace_id}-{span.span_id}" if span.parent_id else span.trace_id


class Observe:
    """Middleware around all of a service's routes."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        span = span_of(headers)
        request_id = request_id_of(headers, span)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        with trace.within(span):
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
        self._fields: dict[str, Any] = {}  # of the line
        self._bytes = self._bytes_in = 0
        self._gone = False  # the client disconnected before the response

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self._receiving, self._sending)
        except Exception as error:  # noqa: BLE001  # every fault becomes a problem
            if not (self._gone or isinstance(error, ClientDisconnect)):
                await self._failed(error)
        finally:
            if not self._has_responded:
                self._count(HUNG_UP)
            self._write()

    async def _receiving(self) -> Message:
        message = await self._receive()
        self._bytes_in += len(message.get("body", b""))
        self._gone = self._gone or (message["type"] == "http.disconnect" and not self._has_responded)
        return message

    async def _sending(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._has_responded:
            self._count(HUNG_UP if self._gone else message["status"])
            MutableHeaders(scope=message)["X-Request-Id"] = self._request_id
        self._bytes += len(message.get("body", b""))
        await self._send(message)

    async def _failed(self, error: Exception) -> None:
        """Respond with a problem.

        Raises the error itself if the response has begun: it can only be cut off.
        """
        _log.error("http.failed", method=self._method, route=self._route, exc_info=error)
        if self._has_responded:
            raise error
        problem = Unexpected(
            "A fault of ours: nothing is known to have changed. Look at what is shown, then try again.",
            fault=type(error).__name__,
        )
        await rendered(problem, self._request_id)(self._scope, self._receiving, self._sending)

    @property
    def _method(self) -> str:
        return self._scope["method"] if self._scope["method"] in _METHODS else "other"

    @property
    def _route(self) -> str:
        return getattr(self._scope.get("route"), "path", "unmatched")

    def _count(self, status: int) -> None:
        """Count the request, once. Unknown methods and routes share one label, so clients create no series."""
        self._has_responded = True
        took_s = time.monotonic() - self._started_s
        metrics.HTTP_REQUESTS.labels(self._service, self._method, self._route, str(status)).inc()
        metrics.HTTP_SECONDS.labels(self._service, self._method, self._route).observe(took_s)
        self._fields = {"status": status, "duration_ms": round(took_s * 1000, 1)}

    def _write(self) -> None:
        """Write the line of the request; probes and scrapes have none."""
        if self._route in QUIET:
            return
        principal = self._scope["state"].get("principal")
        if isinstance(principal, Principal):
            self._fields |= {"actor": actor_of(principal.subject), "enterprise": principal.enterprises}
        span = trace.current()
        self._fields |= {"parent_id": span.parent_id or None} if span is not None else {}
        sizes = {"bytes": self._bytes, "bytes_in": self._bytes_in}
        _log.info("http.answered", method=self._method, route=self._route, **self._fields, **sizes)


def actor_of(subject: str) -> str:
    """Return what the log calls a user: the subject may be a name or an address."""
    return hashlib.sha256(f"actor:{subject}".encode()).hexdigest()[:16]
