"""`python -m services.batch republish rebalanced | account`: approvals, and all that was decided of an account.

Orders are never published again: an approval sends them once.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString

import typer
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages as outgoing
from services.batch.operations.reconcile import approvals_of
from services.batch.settings import SERVICE, Settings
from services.batch.store.database import Database, driver
from services.batch.store.tables import BATCH
from shared.contracts.tenancy import SYSTEM
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.oncall import command_line, outages, republish
from shared.oncall.republish import Accounts, Enterprise, Every, RepublishRequest
from shared.runtime import log
from shared.runtime.clock import clock_of

app = command_line.group("Publish again what the store holds.")
_GROUP: Final = 500
_FROM: Final[dict[str, LiteralString]] = {
    "rebalanced": f" FROM account a WHERE a.epoch > 0 AND {republish.FILTER}",
    "account": f" FROM account a WHERE {republish.FILTER} AND EXISTS"
    " (SELECT FROM batch_account m WHERE m.account_id = a.account_id)",
}
_LEFT: Final = text(
    "SELECT * FROM (SELECT DISTINCT ON (m.account_id) m.account_id, m.enterprise_id, m.advisor_id, m.epoch, m.state,"
    " m.open, b.batch_id, b.version FROM batch_account m JOIN batch b USING (batch_id)"
    " WHERE m.account_id = ANY(:accounts) ORDER BY m.account_id, m.batch_id DESC) AS newest"
    " WHERE NOT open AND state <> 'APPROVED' ORDER BY batch_id, state, account_id"
)
_THEIRS: Final = text("SELECT DISTINCT batch_id FROM batch_account WHERE account_id = ANY(:accounts) ORDER BY 1")


@app.command()
def rebalanced(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: Accounts = None
) -> None:
    """The newest approval of each account, for the analyzer and taxlot."""
    _publish(context.obj, republish.request("rebalanced", every, enterprise, account))


@app.command("account")
def decisions_of_accounts(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: Accounts = None
) -> None:
    """That, the return of each account that left its last batch otherwise, and the state of its batches."""
    _publish(context.obj, republish.request("account", every, enterprise, account))


def _publish(settings: Settings, request: RepublishRequest) -> None:
    log.configure("batch-republish", "ERROR")
    with outages.reported():
        raise typer.Exit(asyncio.run(run(settings, request)))


async def run(settings: Settings, request: RepublishRequest) -> int:
    """Publish decisions again and return the exit code.  Raises what database and broker raise."""
    database = Database(settings.database_url, settings.requests_database_url)
    clock = clock_of(settings.clock_file)

    async def groups(out: Publisher) -> AsyncIterator[int]:
        after = ""
        while True:
            async with database.transaction(SYSTEM) as connection:
                accounts = await _next(connection, request, after)
                messages = await approvals_of(connection, accounts, clock.now())
                if request.kind == "account":
                    messages += await _told(connection, accounts, clock.now())
            if not accounts:
                return
            await out.send(messages)
            yield len(accounts)
            after = accounts[-1]

    try:
        async with database.transaction(SYSTEM) as connection:
            below = await driver(connection)
            query = "SELECT count(*)" + _FROM[request.kind]
            counted = await (await below.execute(query, request.filters | {"after": ""})).fetchone()
        async with Publisher(settings.kafka_url, SERVICE) as out:
            return await republish.report(request, 0 if counted is None else int(counted[0]), groups(out))
    finally:
        await database.close()


async def _next(connection: AsyncConnection, request: RepublishRequest, after: str) -> list[str]:
    query = "SELECT a.account_id" + _FROM[request.kind] + " ORDER BY 1 LIMIT %(most)s"
    rows = await (await driver(connection)).execute(query, request.filters | {"after": after, "most": _GROUP})
    return [str(row[0]) for row in await rows.fetchall()]


async def _told(connection: AsyncConnection, accounts: Sequence[str], now: datetime) -> list[Outgoing]:
    """Return the returns of these accounts, and the state of every batch they have been in, as they were told."""
    left: dict[tuple[int, str, int], list[Row[Any]]] = {}
    for row in await connection.execute(_LEFT, {"accounts": list(accounts)}):
        left.setdefault((row.batch_id, row.state, row.version), []).append(row)
    found = [
        message
        for (number, reason, version), members in left.items()
        for message in outgoing.returned(number, members, reason, version, now)
    ]
    numbers = [row.batch_id for row in await connection.execute(_THEIRS, {"accounts": list(accounts)})]
    batches = await connection.execute(select(BATCH).where(BATCH.c.batch_id.in_(numbers)).order_by(BATCH.c.batch_id))
    return found + [outgoing.batch_changed(row, now) for row in batches]
