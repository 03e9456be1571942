"""How the HTTP of every service answers when its database goes away: what is known is said, what is not is not."""

import psycopg
from fastapi import FastAPI, Request, Response

from shared.contracts.problems import Problem, Unavailable
from shared.http.request_log import rendered
from shared.postgres.commits import AWAY, UNKNOWN, CommitUnknown, OutcomeUnknown
from shared.runtime import log

_SAFE = ("GET", "HEAD", "OPTIONS")
_log = log.get(__name__)


def add(app: FastAPI) -> None:
    """Answer 503 for a database that is away, and for a COMMIT that was not answered."""
    app.add_exception_handler(psycopg.OperationalError, _away)
    app.add_exception_handler(CommitUnknown, _unknown)


async def _away(request: Request, error: Exception) -> Response:
    return _told(request, Unavailable(AWAY), error)


async def _unknown(request: Request, error: Exception) -> Response:
    """Say of a command that nobody knows whether it was carried out; whoever only asked has changed nothing."""
    if request.method in _SAFE:
        return await _away(request, error)
    return _told(request, OutcomeUnknown(UNKNOWN), error)


def _told(request: Request, problem: Problem, error: Exception) -> Response:
    _log.warning(f"http.{problem.code}", error=repr(error)[:300])
    response = rendered(problem, getattr(request.state, "request_id", ""))
    response.headers.update(problem.headers())
    return response
