"""`python -m services.analyzer analyze`: an analysis of the whole book on demand, watched until it is done."""

import sys
import time
import uuid

import typer

from services.analyzer.settings import Settings
from services.analyzer.store import run_start, runs
from services.analyzer.store.database import Database
from shared.oncall import outages
from shared.postgres.commits import until_known_now
from shared.rules.trading_calendar import business_date
from shared.runtime.clock import clock_of


def analyze(settings: Settings) -> None:
    """Start an analysis, or join the one going on, and print its progress until it is done; always exits."""
    with outages.reported():
        raise typer.Exit(_analyze(settings))


def _analyze(settings: Settings) -> int:
    clock = clock_of(settings.clock_file)
    with Database(settings.database_url, size=1) as database:
        now, subject = clock.now(), f"command {uuid.uuid4()}"

        def started() -> int | None:
            with database.session() as session:
                return run_start.start(session, "ON_DEMAND", business_date(now, settings.cut_off), now, subject=subject)

        number = until_known_now(started)
        shown = -1
        while True:
            with database.session() as session:
                run = runs.get(session, number)
            if run is None:
                print("the analysis is gone from the database", file=sys.stderr)
                return 1
            if run.done != shown:
                print(f"{run.run_id}: {run.done} of {run.accounts} accounts", flush=True)
                shown = run.done
            if run.finished_at is not None:
                print(f"{run.run_id}: done, {run.flagged} to rebalance, {run.held} held")
                return 0
            time.sleep(settings.sweep_poll_s)
