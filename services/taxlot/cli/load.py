"""`python -m services.taxlot load FILE...`: the intake of the running service, with progress on the terminal."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import psycopg
import typer
from aiokafka.errors import KafkaError

from services.taxlot.intake.load import LoadOutcome
from services.taxlot.intake.pipeline import Intake
from services.taxlot.settings import SERVICE, Settings
from shared.kafka.publisher import Publisher
from shared.oncall.progress_bar import bar
from shared.postgres.commits import CommitUnknown
from shared.runtime import log
from shared.runtime.clock import clock_of
from shared.runtime.pause import pause

_UNKNOWN: Final = "the database went away before it said whether this was loaded; load it again, a file is loaded once"


def load_files(settings: Settings, paths: list[Path]) -> None:
    """Load files one after another; exit with 1 when one of them is refused or cannot be read, or the database is away.

    Safe beside the running service: the same intake, the same ledger, one load at a time.
    """
    log.configure("taxlot-load", "ERROR")
    raise typer.Exit(asyncio.run(_load_all(settings, paths)))


async def _load_all(settings: Settings, paths: list[Path]) -> int:
    failed = False
    async with Publisher(settings.broker, SERVICE, settings.gateway_url) as publisher:
        intake = Intake(settings, publisher, clock_of(settings.clock_file))
        for path in paths:
            try:
                with bar(path.name, "records") as progress:
                    outcome = await intake.load_feed_file(path, path.name, "COMMAND", progress)
                _print(outcome)
                failed |= outcome.status == "REFUSED"
                while not await intake.publish(outcome.file_id):
                    await pause(settings.inbox_poll_s)  # the service is publishing it
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


def _print(outcome: LoadOutcome) -> None:
    """Print how the file ended; refusals go to standard error."""
    if outcome.status == "REFUSED":
        print(f"{outcome.name}: REFUSED, {outcome.code}: {outcome.reason}", file=sys.stderr)
    elif outcome.status == "DUPLICATE":
        print(f"{outcome.name}: {outcome.reason}")
    else:
        remark = f"; {outcome.reason}" if outcome.reason else ""
        print(
            f"{outcome.name}: loaded as file {outcome.file_id}, {outcome.custodian} as of {outcome.data_date}: "
            f"{outcome.accounts} accounts, {outcome.changed} changed, {outcome.held} held, "
            f"{outcome.unknown} unknown account numbers{remark}"
        )
