"""`python -m services.analyzer [migrate | sweep | analyze | prices ... | republish flags ... | dlq ...]`."""

import sys
import time
import uuid

from pydantic import ValidationError

from services.analyzer.settings import Settings
from shared.postgres.migrations import migrate

USAGE = "usage: python -m services.analyzer [migrate | sweep | analyze | prices ... | republish flags ... | dlq ...]"


def main(arguments: list[str]) -> int:
    """Do what the first word says; nothing said means: work."""
    if arguments[:1] == ["dlq"]:
        from shared.oncall import dlq

        return dlq.main("analyzer", arguments[1:])
    command = arguments[0] if arguments else "work"
    known = command in ("work", "migrate", "sweep", "analyze", "prices", "republish")
    if not known or (len(arguments) > 1 and command not in ("prices", "republish")):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            print(f"REBALANCER_{str(problem['loc'][0]).upper()}: {problem['msg']}", file=sys.stderr)
        return 2
    if command == "migrate":
        migrate("analyzer", settings.database_url)
        return 0
    from shared.oncall.outages import carried_out

    if command == "analyze":
        return carried_out(lambda: analyze(settings))
    if command == "prices":
        from services.analyzer import prices_command

        return carried_out(lambda: prices_command.run(settings, arguments[1:]))
    if command == "republish":
        from services.analyzer import republish

        return carried_out(lambda: republish.main(settings, arguments[1:]))
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.analyzer import warm  # the worker's libraries are loaded only where they are used

    kernels.load(warm.kernels, "analyzer", settings)
    from services.analyzer import app
    from shared.kafka import faust_worker

    if command == "sweep":
        runner.run(app.run_sweeper(settings), "analyzer-sweeper", settings.log_level)
    else:
        faust_worker.run_worker(app.build_app, settings, "analyzer")
    return 0


def analyze(settings: Settings) -> int:
    """Start an analysis of the whole book, or join the one going on, and show its progress until it is done."""
    from services.analyzer.store import runs
    from services.analyzer.store.database import Database
    from shared.postgres.commits import until_known_now
    from shared.rules.trading_calendar import business_date
    from shared.runtime.clock import clock_of

    clock = clock_of(settings.clock_file)
    with Database(settings.database_url, size=1) as database:
        now, once = clock.now(), f"command {uuid.uuid4()}"

        def started() -> int | None:
            with database.session() as session:
                return runs.start(session, "ON_DEMAND", business_date(now, settings.end_of_day), now, subject=once)

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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
