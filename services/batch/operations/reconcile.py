"""What a lost message has left wrong, found by what the analyzer says it has, and told again.

An account whose epoch the analyzer does not know yet, or whose approval taxlot has not booked: its approval is
published again.  An account whose newest flag is not here: the analyzer is asked to tell it again.  All of it is
harmless where the message is merely on its way.
Source: architecture "Republish".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.columns.orders import rebalanced
from services.batch.store import results
from services.batch.store.database import copy_table, send
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Chunk, Outgoing
from shared.runtime import log

_log = log.get(__name__)
_LIKE: Final = "SELECT account_id, enterprise_id, advisor_id, flag_version, epoch FROM flag"
_COLUMNS: Final = ("account_id", "enterprise_id", "advisor_id", "flag_version", "epoch")
_OF_TAXLOT: Final = (("accounts", "account_id"), ("epochs", "epoch"))
_NOT_HERE: Final = text(
    "SELECT s.account_id, s.enterprise_id, s.advisor_id FROM incoming_standing s LEFT JOIN flag f USING (account_id)"
    " WHERE s.flag_version > coalesce(f.flag_version, 0) ORDER BY 1"
)
_NOT_KNOWN: Final = text(
    "SELECT a.account_id FROM incoming_standing s JOIN account a USING (account_id) WHERE a.epoch > s.epoch ORDER BY 1"
)
_NOT_BOOKED: Final = text(
    "SELECT a.account_id FROM unnest(CAST(:accounts AS text[]), CAST(:epochs AS int[])) AS s (account_id, epoch)"
    " JOIN account a USING (account_id) WHERE a.epoch > s.epoch ORDER BY 1"
)
# The newest approval of each account, as it went into its batch.
_APPROVALS: Final = text(
    "SELECT DISTINCT ON (m.account_id) m.account_id, m.enterprise_id, m.advisor_id, m.epoch, m.chunk_id, m.row_no,"
    " b.batch_id, b.logic, b.trade_date FROM batch_account m JOIN batch b USING (batch_id)"
    " WHERE m.account_id = ANY(:accounts) AND m.state = 'APPROVED' ORDER BY m.account_id, m.epoch DESC"
)


async def compare(connection: AsyncConnection, standing: Chunk, now: datetime) -> None:
    """Put into the outbox whatever the analyzer and we have not got from each other."""
    table: Any = pa.Table
    rows = table.from_batches([standing.rows]).select(list(_COLUMNS))
    await copy_table(connection, "incoming_standing", _LIKE, rows)
    if missing := (await connection.execute(_NOT_HERE)).all():
        _log.warning("flags.recalled", accounts=len(missing), first=missing[0].account_id)
        await send(connection, messages.recall(missing, now))
    if unknown := [row.account_id for row in await connection.execute(_NOT_KNOWN)]:
        _log.warning("approvals.told_again", accounts=len(unknown), first=unknown[0])
        await send(connection, await approvals_of(connection, unknown, now))


async def book_again(connection: AsyncConnection, unbooked: Chunk, now: datetime) -> None:
    """Put into the outbox the approvals that taxlot has not booked, without their orders."""
    columns = {name: unbooked.rows.column(field).to_pylist() for name, field in _OF_TAXLOT}
    if lacking := [row.account_id for row in await connection.execute(_NOT_BOOKED, columns)]:
        _log.warning("approvals.told_again", accounts=len(lacking), first=lacking[0], to="taxlot")
        await send(connection, await approvals_of(connection, lacking, now))


async def approvals_of(connection: AsyncConnection, accounts: Sequence[str], now: datetime) -> list[Outgoing]:
    """Return the newest approval of each of these accounts as it was published, without its orders.

    One that our own code cannot tell is left out, and counted.
    """
    members: dict[int, list[Row[Any]]] = {}
    for row in await connection.execute(_APPROVALS, {"accounts": list(accounts)}):
        members.setdefault(row.chunk_id, []).append(row)
    found = []
    async for group in results.groups(connection, sorted(members)):
        for number, content in group.items():
            found += _told(members[number], content, now)
    return found


def _told(approved: Sequence[Row[Any]], content: bytes, now: datetime) -> list[Outgoing]:
    def tell(some: Sequence[Row[Any]]) -> list[Outgoing]:
        return [rebalanced(some, content, now)]

    def untold(alone: Sequence[Row[Any]], error: Exception) -> list[Outgoing]:
        note_account_fault(alone[0].account_id, error)
        return []

    return [message for part in isolate("tell approvals", approved, halves, tell, untold) for message in part]
