"""Responses while the database is away: 503 if nothing was done, `outcome_unknown` if a command may have been."""

import psycopg
from fastapi import FastAPI, Request, Response

from shared.contracts.problems import Problem, Unavailable
from shared.http.request_log import rendered
from shared.postgres.commits import AWAY, UNKNOWN, CommitUnknown, OutcomeUnknown
from shared.runtime import log

_SAFE = ("GET", "HEAD", "OPTIONS")
_log = log.get(__name__)


def add(app: FastAPI) -> None:
    """Add handlers for a database that is away and for a COMMIT without a reply; both respond 503."""
    app.add_exception_handler(psycopg.OperationalError, _away)
    app.add_exception_handler(CommitUnknown, _unknown)


async def _away(request: Request, error: Exception) -> Response:
    return _response(request, Unavailable(AWAY), error)


async def _unknown(request: Request, error: Exception) -> Response:
    """Respond `outcome_unknown` to a command; a read has changed nothing, so it may simply be retried."""
    if request.method in _SAFE:
        return await _away(request, error)
    return _response(request, OutcomeUnknown(UNKNOWN), error)


def _response(request: Request, problem: Problem, error: Exception) -> Response:
    _log.warning("http.away", code=problem.code, error=error)
    response = rendered(problem, getattr(request.state, "request_id", ""))
    response.headers.update(problem.headers())
    return response
