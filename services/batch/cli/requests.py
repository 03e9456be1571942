"""`python -m services.batch requests`: what batches wait for is requested again, at once.

The sweeps do this by themselves, for accounts that were silent for a while and only some times; the command is for
topics of requests or results that were lost with all that stood in them.
"""

import asyncio
import sys
from collections.abc import Sequence

import typer

from services.batch.domain.states import Status
from services.batch.operations import collect_results
from services.batch.settings import Settings
from services.batch.store import batches
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.oncall import outages
from shared.postgres.commits import until_known
from shared.runtime.clock import Clock, clock_of


def send_again(settings: Settings, numbers: Sequence[int]) -> None:
    """Request the accounts of these batches again, of every working batch without numbers; always exits.

    The code is 1 when one of the numbers is of no working batch.
    """
    with outages.reported():
        counts = asyncio.run(run(settings, numbers))
    for number, accounts in counts.items():
        if accounts is None:
            print(f"batch {number} waits for no results", file=sys.stderr)
        else:
            print(f"batch {number}: {accounts} accounts requested again")
    if not counts:
        print("no batch waits for results")
    raise typer.Exit(1 if None in counts.values() else 0)


async def run(settings: Settings, numbers: Sequence[int]) -> dict[int, int | None]:
    """Put the requests into the outbox; return by batch how many accounts they are of, None where it does not wait.

    Raises what the database raises.
    """
    clock = clock_of(settings.clock_file)
    async with Database(settings.database_url, settings.requests_database_url) as database:
        async with database.transaction(SYSTEM) as connection:
            chosen = numbers or await batches.working(connection)
        return {number: await _of_batch(database, number, clock) for number in chosen}


async def _of_batch(database: Database, number: int, clock: Clock) -> int | None:
    async def requested() -> int | None:
        async with database.transaction(SYSTEM) as connection:
            batch = await batches.lock(connection, SYSTEM, number)
            if batch is None or Status(batch.status) is not Status.WORKING:
                return None
            return await collect_results.request_at_once(connection, batch, clock.now())

    return await until_known(requested)
