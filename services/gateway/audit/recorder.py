"""Writes audit records of requests: commands before they are forwarded, and the outcome of everything that counts."""

import json
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.audit.audit_log import AuditLog
from services.gateway.domain.record import Record, RequestOutcome, is_file, is_recorded, outcome_of, selected
from services.gateway.limits.rates import Rates
from services.gateway.upstream import OUTCOME_UNKNOWN
from shared.contracts.problems import Unavailable
from shared.http.request_log import HUNG_UP, rendered
from shared.postgres.commits import before_it_begins
from shared.runtime.clock import Clock

_MAX_ID_LENGTH = 64


class Recorder:
    """Makes records of requests and adds them to the audit log."""

    def __init__(self, log: AuditLog, rates: Rates, clock: Clock) -> None:
        self.log = log
        self._rates = rates
        self._clock = clock

    def record_of(self, request: Request, action: str, outcome: RequestOutcome, **values: Any) -> Record:
        """Return a record of a request, with its user as far as that is known. values: further fields of Record."""
        found = getattr(request.state, "signed_in", None)
        user = {} if found is None else found.principal.model_dump(include={"subject", "roles", "enterprises"})
        return Record(
            at=self._clock.now(),
            action=action,
            outcome=outcome,
            request_id=request.state.request_id,
            address=self._rates.address_of(request),
            **(user | values),
        )

    async def write(self, request: Request, action: str, outcome: RequestOutcome, **values: Any) -> None:
        """Write a record of a request.  Raises as AuditLog.write."""
        await self.log.write(self.record_of(request, action, outcome, **values))

    def note(self, request: Request, action: str, outcome: RequestOutcome, **values: Any) -> None:
        """Have a record of a request written within a moment."""
        self.log.note(self.record_of(request, action, outcome, **values))

    async def record_command(self, request: Request, content: bytes = b"") -> None:
        """Record a command before it is forwarded, so that the attempt is known whatever its outcome.

        Raises Unavailable or psycopg.OperationalError if the database does not respond: nothing has been done then.
        """
        ids, more = selected(_document(content))
        path_ids = [str(value) for value in request.path_params.values()]
        key = request.headers.get("idempotency-key")
        more |= {"key": key} if key else {}
        if "name" in request.query_params:
            more |= {"file": request.query_params["name"]}
        record = self.record_of(request, _operation(request.scope), "ASKED", ids=[*path_ids, *ids], more=more)
        with before_it_begins():
            await self.log.write(record)

    def note_file(self, scope: Scope, *, is_whole: bool, size: int, rows: str) -> None:
        """Have the end of a file recorded.  is_whole: else it was cut off; size: in bytes; rows: that it has whole."""
        ids = [str(value)[:_MAX_ID_LENGTH] for value in scope.get("path_params", {}).values()]
        outcome: RequestOutcome = "DONE" if is_whole else "FAILED"
        more = {"bytes": size, "rows": rows}
        self.note(Request(scope), _operation(scope), outcome, ids=ids, status=200, more=more)

    async def record_outcome(self, scope: Scope, status: int, headers: dict[bytes, bytes]) -> None:
        """Record how a request of the API ended, if such requests are recorded. status: HTTP status, or HUNG_UP."""
        operation = _operation(scope)
        if not operation or not is_recorded(scope["method"], operation, status):
            return
        ids = [str(value)[:_MAX_ID_LENGTH] for value in scope.get("path_params", {}).values()]
        location = headers.get(b"location", b"").decode("latin-1")
        if status < 300 and location.startswith(("/api/v1/batches/", "/api/v1/views/")):
            ids.append(location.rpartition("/")[2])
        is_known = not scope["state"].get(OUTCOME_UNKNOWN, False)
        outcome = "ASKED" if is_file(operation, status) else outcome_of(status, is_known=is_known)
        record = self.record_of(Request(scope), operation, outcome, ids=ids, status=status)
        if scope["method"] == "GET" or not record.subject:
            self.log.note(record)
            return
        await self.log.write_soon(record)  # the attempt is on record already


class RecordOutcomes:
    """Middleware that records the outcome of API requests before the response goes out.

    While the log is full, every request of the API is refused with 503.
    """

    def __init__(self, app: ASGIApp, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        if self._recorder.log.is_full:
            problem = Unavailable(
                "What is shown cannot be recorded just now, so it is not shown. Try again in a moment."
            )
            await rendered(problem, scope["state"]["request_id"])(scope, receive, send)
            return
        has_started = has_ended = False
        status, size, rows = HUNG_UP, 0, ""

        async def recording(message: Message) -> None:
            nonlocal has_started, has_ended, status, size, rows
            if message["type"] == "http.response.start" and not has_started:
                has_started = True
                headers = dict(message.get("headers", ()))
                status, rows = message["status"], headers.get(b"x-rows", b"").decode("latin-1")
                await self._recorder.record_outcome(scope, status, headers)
            await send(message)
            size += len(message.get("body", b""))
            has_ended = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, recording)
        finally:
            if not has_started:
                await self._recorder.record_outcome(scope, HUNG_UP, {})
            elif is_file(_operation(scope), status):
                self._recorder.note_file(scope, is_whole=has_ended, size=size, rows=rows)


def _document(content: bytes) -> Any:
    """Parse a body as the routes do (UTF-16 too), so that the record names what the command acts on."""
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None  # of a command that takes no body


def _operation(scope: Scope) -> str:
    return getattr(scope.get("route"), "operation_id", None) or ""
