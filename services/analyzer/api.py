"""The analyzer's internal HTTP: analysis runs, and the facts of an account."""

from typing import Any

from fastapi import FastAPI

from services.analyzer.evaluator import Evaluator
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.store import runs
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from services.analyzer.view import account_view
from shared.clock import Clock
from shared.contracts.api_work import RunView
from shared.problems import Conflict, NotFound
from shared.sessions import business_date


def add_routes(
    app: FastAPI, database: Database, names: Names, evaluator: Evaluator, clock: Clock, settings: AnalyzerSettings
) -> None:
    """Add the analyzer's routes.  They are plain functions: the framework runs them beside the event loop."""

    @app.post("/v1/runs", status_code=202)
    def start_run() -> RunView:
        """Start an analysis of the whole book, or show the one of today that is still going on."""
        now = clock.now()
        with database.session() as session:
            number = runs.start(session, "ON_DEMAND", business_date(now, settings.end_of_day), now)
        with database.session() as session:
            run = runs.get(session, number)
        if run is None:
            raise Conflict("the analysis that was started is gone; start it again")
        return view_of(run)

    @app.get("/v1/runs/latest")
    def latest_run() -> RunView:
        """Show the newest analysis and how far it is."""
        with database.session() as session:
            run = runs.get(session)
        if run is None:
            raise NotFound("no analysis has been run yet; start one with POST /v1/runs")
        return view_of(run)

    @app.get("/v1/positions/{account_id}")
    def positions(account_id: str) -> dict[str, Any]:
        """Show facts, positions and bands of one account, as README.md lists them."""
        with database.session() as session:
            return account_view(session, names, evaluator, account_id)


def view_of(run: runs.Run) -> RunView:
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
