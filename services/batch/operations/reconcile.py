"""Repair what a lost message left wrong, found by comparing with what the analyzer and taxlot have.

An approval that the analyzer does not know, or that taxlot has not booked, is published again, without its orders.  A
flag that the analyzer has and this service has not is asked for.  Both are harmless while the message is only late.
Source: architecture "Republish"; docs/decisions/0019-what-is-lost-is-told-again.md.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.columns.orders import rebalanced_again
from services.batch.store import reconcile, results
from services.batch.store.database import send
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Chunk, Outgoing
from shared.runtime import log

_log = log.get(__name__)


async def compare(connection: AsyncConnection, standing: Chunk, now: datetime) -> None:
    """Compare with what the analyzer has (a chunk of STANDING); put what either side lacks into the outbox."""
    await reconcile.put_standing(connection, standing.rows)
    if missing := await reconcile.missing_flags(connection):
        _log.warning("flags.recalled", accounts=len(missing), account_id=missing[0].account_id)
        await send(connection, messages.recall(missing, now))
    if unknown := await reconcile.unknown_to_analyzer(connection):
        _log.warning("approvals.told_again", accounts=len(unknown), account_id=unknown[0])
        await send(connection, await approvals_of(connection, unknown, now))


async def book_again(connection: AsyncConnection, unbooked: Chunk, now: datetime) -> None:
    """Put the approvals that taxlot has not booked (a chunk of UNBOOKED) into the outbox, without their orders."""
    columns: Any = unbooked.rows
    accounts, epochs = (columns.column(name).to_pylist() for name in ("account_id", "epoch"))
    if lacking := await reconcile.unknown_to_taxlot(connection, accounts, epochs):
        _log.warning("approvals.told_again", accounts=len(lacking), account_id=lacking[0], receiver="taxlot")
        await send(connection, await approvals_of(connection, lacking, now))


async def approvals_of(connection: AsyncConnection, accounts: Sequence[str], now: datetime) -> list[Outgoing]:
    """Return the newest approval of each of these accounts as it was published, without its orders.

    An approval that our own code cannot make is left out, and counted.
    """
    by_chunk = await reconcile.newest_approvals(connection, accounts)
    found = []
    async for contents in results.read_groups(connection, sorted(by_chunk)):
        for number, content in contents.items():
            found += _isolated(by_chunk[number], content, now)
    return found


def _isolated(approved: Sequence[Row[Any]], content: bytes, now: datetime) -> list[Outgoing]:
    def make(accounts: Sequence[Row[Any]]) -> list[Outgoing]:
        return [rebalanced_again(accounts, content, now)]

    def leave_out(account: Sequence[Row[Any]], error: Exception) -> list[Outgoing]:
        note_account_fault(account[0].account_id, error)
        return []

    made = isolate("tell approvals", approved, halves, make, leave_out)
    return [message for some in made for message in some]
