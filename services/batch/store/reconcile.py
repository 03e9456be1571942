"""Differences to what the analyzer and taxlot have, and the approvals to publish again.

Source: architecture "Republish".
"""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store.database import copy_table

_STANDING_LIKE: Final = "SELECT account_id, enterprise_id, advisor_id, flag_version, epoch FROM flag"
_STANDING_FIELDS: Final = ("account_id", "enterprise_id", "advisor_id", "flag_version", "epoch")
_MISSING_FLAGS: Final = text(
    "SELECT s.account_id, s.enterprise_id, s.advisor_id FROM incoming_standing s LEFT JOIN flag f USING (account_id)"
    " WHERE s.flag_version > coalesce(f.flag_version, 0) ORDER BY 1"
)
_UNKNOWN_TO_ANALYZER: Final = text(
    "SELECT a.account_id FROM incoming_standing s JOIN account a USING (account_id) WHERE a.epoch > s.epoch ORDER BY 1"
)
_UNKNOWN_TO_TAXLOT: Final = text(
    "SELECT a.account_id FROM unnest(CAST(:accounts AS text[]), CAST(:epochs AS int[])) AS s (account_id, epoch)"
    " JOIN account a USING (account_id) WHERE a.epoch > s.epoch ORDER BY 1"
)
_APPROVALS: Final = text(
    "SELECT DISTINCT ON (m.account_id) m.account_id, m.enterprise_id, m.advisor_id, m.epoch, m.chunk_id, m.row_no,"
    " b.batch_id, b.logic, b.trade_date, b.decided_at FROM batch_account m JOIN batch b USING (batch_id)"
    " WHERE m.account_id = ANY(:accounts) AND m.state = 'APPROVED' ORDER BY m.account_id, m.epoch DESC"
)


async def put_standing(connection: AsyncConnection, rows: pa.RecordBatch) -> None:
    """Put what the analyzer has of accounts (rows of STANDING) beside ours, until the end of the transaction."""
    table: Any = pa.Table
    standing = table.from_batches([rows]).select(list(_STANDING_FIELDS))
    await copy_table(connection, "incoming_standing", _STANDING_LIKE, standing)


async def missing_flags(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return the accounts whose newest flag the analyzer has and we have not: account_id, enterprise_id, advisor_id."""
    return (await connection.execute(_MISSING_FLAGS)).all()


async def unknown_to_analyzer(connection: AsyncConnection) -> list[str]:
    """Return the accounts whose newest approval the analyzer has not got."""
    return list((await connection.execute(_UNKNOWN_TO_ANALYZER)).scalars())


async def unknown_to_taxlot(connection: AsyncConnection, accounts: Sequence[str], epochs: Sequence[int]) -> list[str]:
    """Return those of the accounts whose newest approval taxlot has not booked. epochs: the newest it has booked."""
    values = {"accounts": list(accounts), "epochs": list(epochs)}
    return list((await connection.execute(_UNKNOWN_TO_TAXLOT, values)).scalars())


async def newest_approvals(connection: AsyncConnection, accounts: Sequence[str]) -> dict[int, list[Row[Any]]]:
    """Return the newest approval of each account, as it went into its batch, by number of its result chunk."""
    by_chunk: dict[int, list[Row[Any]]] = {}
    for row in await connection.execute(_APPROVALS, {"accounts": list(accounts)}):
        by_chunk.setdefault(row.chunk_id, []).append(row)
    return by_chunk
