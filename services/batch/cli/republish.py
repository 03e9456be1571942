"""`python -m services.batch republish rebalanced | returned | account | account-state`: decisions, states of accounts.

Orders are never published again: an approval sends them once.  States of batches go through the outbox of the service,
so that they keep their order.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import typer
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.operations.change import publish_again
from services.batch.operations.reconcile import approvals_of
from services.batch.settings import SERVICE, Settings
from services.batch.store import account_states
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


@app.command()
def returned(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: AccountOption = None
) -> None:
    """The return of each account that left its newest batch without approval, for the analyzer."""
    _publish(context.obj, republish.request("returned", every, enterprise, account))


@app.command("account")
def decisions_of_accounts(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: AccountOption = None
) -> None:
    """Both, and the state of the batches of each account."""
    _publish(context.obj, republish.request("account", every, enterprise, account))


@app.command("account-state")
def states_of_accounts(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: AccountOption = None
) -> None:
    """Where each account is in the work, for subscribers; the running service publishes it."""
    log.configure("batch-republish", "ERROR")
    with outages.reported():
        asked = republish.request("account-state", every, enterprise, account)
        raise typer.Exit(asyncio.run(ask_for_states(context.obj, asked)))


async def ask_for_states(settings: Settings, request: RepublishRequest) -> int:
    """Have the service publish states again, in order with those that change now; return the exit code."""
    urls = settings.database_url, settings.requests_database_url
    async with Database(*urls) as database, database.transaction(SYSTEM) as connection:
        accounts = await account_states.ask_again(connection, request)
    print(f"{request.kind} of {accounts} accounts will be published again by the running service")
    if not accounts:
        print("the store holds none such", file=sys.stderr)
    return int(not accounts)


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
                again = await _of_accounts(connection, request.kind, accounts, clock.now())
                batches = await store.batches_of(connection, accounts) if request.kind == "account" else []
            if not accounts:
                return
            await out.send(again)
            for batch_id in batches:
                async with database.transaction(SYSTEM) as connection:
                    await publish_again(connection, batch_id, clock.now())
            yield len(accounts)
            after = accounts[-1]

    async with Database(settings.database_url, settings.requests_database_url) as database:
        async with database.transaction(SYSTEM) as connection:
            total = await store.count_accounts(connection, request)
        async with Publisher(settings.broker, SERVICE, settings.gateway_url) as out:
            return await republish.report(request, total, groups(database, out))


async def _of_accounts(
    connection: AsyncConnection, kind: str, accounts: Sequence[str], now: datetime
) -> list[Outgoing]:
    """Return the messages of one kind about these accounts, without the states of their batches."""
    found: list[Outgoing] = []
    if kind in {"rebalanced", "account"}:
        found += await approvals_of(connection, accounts, now)
    if kind in {"returned", "account"}:
        found += await _returns(connection, accounts, now)
    return found


async def _returns(connection: AsyncConnection, accounts: Sequence[str], now: datetime) -> list[Outgoing]:
    """Return the messages of these accounts' returns from their newest batch."""
    returns: dict[tuple[int, str, int], list[Row[Any]]] = {}
    for row in await store.newest_returns(connection, accounts):
        returns.setdefault((row.batch_id, row.state, row.version), []).append(row)
    return [
        message
        for (batch_id, reason, version), members in returns.items()
        for message in messages.returned(batch_id, members, reason, version, now)
    ]
