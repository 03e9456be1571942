"""Refuses requests whose path, query or headers are not well-formed text, before any handler.

Servers replace bytes that they cannot decode and silently take the last of two values of a parameter: the value that is
checked would not be the value that was sent.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.contracts.problems import BadInput, NotFound, Problem
from shared.http.invalid import refused
from shared.http.request_log import rendered

LISTS: Final = frozenset({"f", "tile"})  # parameters that may occur several times in a query
READ_HEADERS: Final = frozenset(
    {
        b"accept", b"content-type", b"idempotency-key", b"if-match", b"if-none-match", b"last-event-id", b"origin",
        b"x-csrf-token", b"x-principal",
    }
)  # fmt: skip
_CONTROL: Final = frozenset(range(32)) | {127}


class WellFormed:
    """Middleware in front of the routes; refuses with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = fault(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await rendered(problem, scope["state"]["request_id"])(scope, receive, send)


def fault(scope: Scope) -> Problem | None:
    """Return the problem with the request's path, query or headers; None if there is none."""
    if not _is_text(unquote_to_bytes(scope["raw_path"].partition(b"?")[0])):
        return NotFound(
            "There is nothing at this address: it holds bytes that are no text. Go on from one of the lists."
        )
    seen = set()
    for name, value in _parameters(scope["query_string"]):
        shown = name[:60] if name.isprintable() else "?"
        if value is None:
            return _bad("query", shown, "must be text in UTF-8 without control characters")
        if name in seen and name not in LISTS:
            return _bad("query", shown, "stands more than once")
        seen.add(name)
    for header, content in scope["headers"]:
        if header in READ_HEADERS and not (content.isascii() and _is_text(content)):
            return _bad("header", header.decode(), "must be ASCII text without control characters")
    return None


def _bad(where: str, name: str, detail: str) -> BadInput:
    return refused(f"/{where}/{name}", detail, detail)


def _parameters(query: bytes) -> Iterator[tuple[str, str | None]]:
    """Yield names and values of a query; None as the value if the name or the value is not text."""
    for part in query.split(b"&"):
        if part:
            name, _, value = (unquote_to_bytes(piece) for piece in part.replace(b"+", b" ").partition(b"="))
            is_text = _is_text(name) and _is_text(value)
            yield name.decode(errors="replace"), value.decode() if is_text else None


def _is_text(content: bytes) -> bool:
    if not _CONTROL.isdisjoint(content):
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
