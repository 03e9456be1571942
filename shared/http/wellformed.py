"""Requests that are text: what no handler should have to think of is refused before any sees it.

Servers decode what cannot be decoded by putting signs in its place, and take the last of two values without a word:
then what is checked is not what is done.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.contracts.problems import BadInput, NotFound, Problem
from shared.http.request_log import rendered

LISTS: Final = frozenset({"f", "tile"})  # parameters that may stand several times in a query
READ_HEADERS: Final = frozenset(
    {
        b"accept", b"content-type", b"idempotency-key", b"if-match", b"if-none-match", b"last-event-id", b"origin",
        b"x-csrf-token", b"x-principal",
    }
)  # fmt: skip
_CONTROL: Final = frozenset(range(32)) | {127}


class WellFormed:
    """Middleware in front of the routes. Raises nothing: a refusal is answered as a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = fault(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await rendered(problem, scope["state"]["request_id"])(scope, receive, send)


def fault(scope: Scope) -> Problem | None:
    """Return what is wrong with the request's path, query or headers; None when all of them are text."""
    if not _is_text(unquote_to_bytes(scope["raw_path"].partition(b"?")[0])):
        return NotFound("there is nothing at this address: it is no text in UTF-8")
    seen = set()
    for name, value in _parameters(scope["query_string"]):
        shown = name[:60] if name.isprintable() else "?"
        if value is None:
            return _bad("query", shown, "must be text in UTF-8 without control characters")
        if name in seen and name not in LISTS:
            return _bad("query", shown, "stands more than once; say it once")
        seen.add(name)
    for header, content in scope["headers"]:
        if header in READ_HEADERS and not (content.isascii() and _is_text(content)):
            return _bad("header", header.decode(), "must be ASCII text without control characters")
    return None


def _bad(where: str, name: str, detail: str) -> BadInput:
    pointer = f"/{where}/{name}"
    return BadInput(f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])


def _parameters(query: bytes) -> Iterator[tuple[str, str | None]]:
    """Yield names and values of a query; the value None where one of both is no text."""
    for part in query.split(b"&"):
        if part:
            name, _, value = (unquote_to_bytes(one) for one in part.replace(b"+", b" ").partition(b"="))
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
