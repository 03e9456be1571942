"""`python -m services.taxlot [migrate | load FILE... | republish holdings ... | dlq ...]`."""

import asyncio
import sys
from pathlib import Path

import psycopg
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from services.taxlot.settings import Settings
from shared.postgres.commits import CommitUnknown
from shared.postgres.migrations import migrate

USAGE = "usage: python -m services.taxlot [migrate | load FILE... | republish holdings ... | dlq ...]"


_UNKNOWN = "the database went away before it said whether this was loaded; load it again, a file is loaded once"


def main(arguments: list[str]) -> int:
    """Do what the first word says; nothing said means: work."""
    if arguments[:1] == ["dlq"]:
        from shared.oncall import dlq

        return dlq.main("taxlot", arguments[1:])
    command, *rest = arguments or ["work"]
    takes_words = command in ("load", "republish")
    if command not in ("work", "migrate", "load", "republish") or bool(rest) != takes_words:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            print(f"REBALANCER_{str(problem['loc'][0]).upper()}: {problem['msg']}", file=sys.stderr)
        return 2
    if command == "migrate":
        migrate("taxlot", settings.database_url)
        return 0
    if command == "republish":
        from services.taxlot import republish
        from shared.oncall.outages import carried_out

        return carried_out(lambda: republish.main(settings, rest))
    if command == "load":
        return asyncio.run(load_files(settings, [Path(name) for name in rest]))
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.taxlot import warm  # the worker's libraries are loaded only where they are used

    kernels.load(warm.kernels, "taxlot", settings)
    from services.taxlot import app
    from shared.kafka import faust_worker

    faust_worker.run_worker(app.build_app, settings, "taxlot")
    return 0


async def load_files(settings: Settings, paths: list[Path]) -> int:
    """Load files one after another, with progress; return 1 when one of them was refused or could not be read.

    Safe beside the running service: the same intake, the same ledger, one load at a time.
    """
    from services.taxlot.intake.pipeline import Desk
    from services.taxlot.intake.terminal import bar, say
    from shared.kafka.publisher import Publisher
    from shared.runtime import log
    from shared.runtime.clock import clock_of

    log.configure("taxlot-load", "ERROR")
    failed = False
    async with Publisher(settings.kafka_url, "taxlot") as publisher:
        desk = Desk(settings, publisher, clock_of(settings.clock_file))
        for path in paths:
            try:
                with bar(path.name) as progress:
                    outcome = await desk.take(path, path.name, "COMMAND", progress)
                say(outcome)
                failed |= outcome.status == "REFUSED"
                while not await desk.publish(outcome.file_id):
                    await asyncio.sleep(settings.inbox_poll_s)  # the service is at it
            except OSError as error:
                print(f"{path}: cannot be read: {error.strerror or error}", file=sys.stderr)
                failed = True
            except CommitUnknown:
                print(f"{path.name}: {_UNKNOWN}", file=sys.stderr)
                return 1
            except psycopg.OperationalError as error:
                print(f"the database is away: {error}".strip(), file=sys.stderr)
                return 1
            except KafkaError as error:
                print(
                    f"{path.name}: loaded; the broker is away ({error!r}), the service will publish it", file=sys.stderr
                )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
