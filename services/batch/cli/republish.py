"""`python -m services.batch republish rebalanced | account`: approvals, and every decision about an account.

Orders are never published again: an approval sends them once.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import typer
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.operations.reconcile import approvals_of
from services.batch.settings import SERVICE, Settings
from services.batch.store import republish as store
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.oncall import command_line, outages, republish
from shared.oncall.republish import AccountOption, Enterprise, Every, RepublishRequest
from shared.runtime import log
from shared.runtime.clock import clock_of

app = command_line.group("Publish again what the store holds.")


@app.command()
def rebalanced(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: AccountOption = None
) -> None:
    """The newest approval of each account, for the analyzer and taxlot."""
    _publish(context.obj, republish.request("rebalanced", every, enterprise, account))


@app.command("account")
def decisions_of_accounts(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: AccountOption = None
) -> None:
    """That, the return of each account that left its last batch otherwise, and the state of its batches."""
    _publish(context.obj, republish.request("account", every, enterprise, account))


def _publish(settings: Settings, request: RepublishRequest) -> None:
    log.configure("batch-republish", "ERROR")
    with outages.reported():
        raise typer.Exit(asyncio.run(run(settings, request)))


async def run(settings: Settings, request: RepublishRequest) -> int:
    """Publish decisions again and return the exit code.  Raises what database and broker raise."""
    clock = clock_of(settings.clock_file)

    async def groups(database: Database, out: Publisher) -> AsyncIterator[int]:
        after = ""
        while True:
            async with database.transaction(SYSTEM) as connection:
                accounts = await store.next_accounts(connection, request, after)
                again = await approvals_of(connection, accounts, clock.now())
                if request.kind == "account":
                    again += await _returns_and_batches(connection, accounts, clock.now())
            if not accounts:
                return
            await out.send(again)
            yield len(accounts)
            after = accounts[-1]

    async with Database(settings.database_url, settings.requests_database_url) as database:
        async with database.transaction(SYSTEM) as connection:
            total = await store.count_accounts(connection, request)
        async with Publisher(settings.kafka_url, SERVICE, settings.gateway_url) as out:
            return await republish.report(request, total, groups(database, out))


async def _returns_and_batches(connection: AsyncConnection, accounts: Sequence[str], now: datetime) -> list[Outgoing]:
    """Return the messages of these accounts' returns, and the state of every batch they have been in."""
    returns: dict[tuple[int, str, int], list[Row[Any]]] = {}
    for row in await store.newest_returns(connection, accounts):
        returns.setdefault((row.batch_id, row.state, row.version), []).append(row)
    found = [
        message
        for (batch_id, reason, version), members in returns.items()
        for message in messages.returned(batch_id, members, reason, version, now)
    ]
    return found + [messages.batch_changed(row, now) for row in await store.batches_of(connection, accounts)]
