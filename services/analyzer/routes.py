"""The analyzer's internal HTTP: analysis runs, and the facts of an account."""

import hashlib
from typing import Any

import orjson
from fastapi import APIRouter

from services.analyzer.operations.account_page import account_view
from services.analyzer.operations.context import Contexts
from services.analyzer.settings import Settings
from services.analyzer.store import run_start, runs
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from shared.contracts.api_work import RunView
from shared.contracts.problems import Conflict, IdempotencyKeyMissing, NotFound
from shared.contracts.tenancy import Scope, scope_of
from shared.http import routing
from shared.http.parameters import AccountPath, IdempotencyKey
from shared.rules.trading_calendar import business_date
from shared.runtime.clock import Clock


def router(database: Database, names: Names, contexts: Contexts, clock: Clock, settings: Settings) -> APIRouter:
    """Return the analyzer's routes.  They are synchronous, so FastAPI runs them in worker threads."""
    routes = routing.router()

    @routes.post("/v1/runs", operation_id="start_run", status_code=202)
    def start_run(caller: routing.Caller, idempotency_key: IdempotencyKey = None) -> RunView:
        """Start an analysis of all accounts the caller may see, or show theirs of today that is still going on.

        One is started once for a key, even when it has ended by the time it is asked for again.
        """
        now, scope = clock.now(), scope_of(caller)
        if not idempotency_key:
            raise IdempotencyKeyMissing
        subject, day = _subject(scope, idempotency_key), business_date(now, settings.cut_off)
        with database.session() as session:
            number = run_start.start(session, "ON_DEMAND", day, now, scope, subject)
            run = runs.get(session, number)
            if run is None or run.accounts == 0:
                session.rollback()
                raise Conflict("There is no account of yours to analyse.")
        return view_of(run)

    @routes.get("/v1/runs/latest", operation_id="get_latest_run")
    def latest_run(caller: routing.Caller) -> RunView:
        """Show the newest analysis that covers accounts of the caller, and how far it is with these."""
        scope = scope_of(caller)
        with database.scoped(scope) as session:
            run = runs.latest_seen(session, scope)
        if run is None:
            raise NotFound("No analysis of your accounts has been run yet.")
        return view_of(run)

    @routes.get("/v1/positions/{account_id}", operation_id="get_positions")
    def positions(caller: routing.Caller, account_id: AccountPath) -> dict[str, Any]:
        """Show facts, positions and bands of one account, as README.md lists them."""
        scope = scope_of(caller)
        with database.scoped(scope) as session:
            return account_view(session, names, contexts, account_id, scope)

    return routes


def _subject(scope: Scope, key: str) -> str:
    """Return the subject of a run that a user starts under a key: a digest of the user, their rights and the key."""
    identity = orjson.dumps([scope.subject, scope.enterprises, scope.advisors, key])
    return f"asked {hashlib.sha256(identity).hexdigest()}"


def view_of(run: runs.AnalysisRun) -> RunView:
    """Return a run as the API shows it."""
    return RunView(
        run_id=run.run_id,
        business_date=run.business_date,
        price_set=run.price_set,
        kind=run.kind,
        started_at=run.started_at,
        finished_at=run.finished_at,
        accounts=run.accounts,
        accounts_done=run.accounts if run.finished_at else run.done,
        flagged=run.flagged or 0,
    )
