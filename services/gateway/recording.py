"""What of requests goes into the audit log: commands before they are sent on, and how everything that counts ended."""

import json
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.dependencies import Parts, parts_of
from services.gateway.domain.record import Outcome, Record, is_recorded, outcome_of, selected
from services.gateway.upstream import UNKNOWN
from shared.contracts.problems import Unavailable
from shared.http.request_log import HUNG_UP, rendered
from shared.postgres.commits import before_it_begins


def record_of(parts: Parts, request: Request, action: str, outcome: Outcome, **values: Any) -> Record:
    """Return a record of a request, with who is behind it as far as that is known."""
    found = getattr(request.state, "signed_in", None)
    who = {} if found is None else found.principal.model_dump(include={"subject", "roles", "enterprises"})
    return Record(
        at=parts.clock.now(),
        action=action,
        outcome=outcome,
        request_id=request.state.request_id,
        address=parts.rates.address_of(request),
        **(who | values),
    )


async def asked(request: Request, content: bytes = b"") -> None:
    """Record a command before it is sent on: whatever becomes of it, that it was given is known."""
    parts = parts_of(request)
    ids, more = selected(_document(content))
    named = [str(value) for value in request.path_params.values()]
    key = request.headers.get("idempotency-key")
    more |= {"key": key} if key else {}
    if "name" in request.query_params:
        more |= {"file": request.query_params["name"]}
    record = record_of(parts, request, _operation(request.scope), "ASKED", ids=[*named, *ids], more=more)
    with before_it_begins():
        await parts.audit.write(record)


class Recorded:
    """Middleware that records how requests of the API ended, before their answer goes out."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._audit = parts.audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        if self._audit.is_full:
            away = Unavailable("what is shown cannot be recorded just now, so it is not shown; try again in a moment")
            await rendered(away, scope["state"]["request_id"])(scope, receive, send)
            return
        answered = False

        async def ending(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                await self._end(scope, message["status"], dict(message.get("headers", ())))
            await send(message)

        try:
            await self._app(scope, receive, ending)
        finally:
            if not answered:
                await self._end(scope, HUNG_UP, {})

    async def _end(self, scope: Scope, status: int, headers: dict[bytes, bytes]) -> None:
        operation = _operation(scope)
        if not operation or not is_recorded(scope["method"], operation, status):
            return
        ids = [str(value)[:64] for value in scope.get("path_params", {}).values()]
        made = headers.get(b"location", b"").decode("latin-1")
        if status < 300 and made.startswith("/api/v1/batches/"):
            ids.append(made.rpartition("/")[2])
        is_known = not scope["state"].get(UNKNOWN, False)
        outcome = outcome_of(status, is_known=is_known)
        record = record_of(self._parts, Request(scope), operation, outcome, ids=ids, status=status)
        if scope["method"] == "GET" or not record.subject:
            self._audit.note(record)
            return
        await self._audit.write_soon(record)  # that it was asked for stands already


def _document(content: bytes) -> Any:
    """Read a body as the routes read it (UTF-16 too, say): what they take is recorded."""
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None  # of a command that takes no body


def _operation(scope: Scope) -> str:
    return getattr(scope.get("route"), "operation_id", None) or ""
