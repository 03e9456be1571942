"""What history froze of approved accounts, from which their orders follow."""

from datetime import date, datetime
from typing import Any, Final, NamedTuple

from services.auditor.store.database import Snapshot, rows

_APPROVED: Final = (
    "SELECT batch_id, approved FROM batch.batch WHERE status = 'APPROVED'"
    " AND (%(since)s::timestamptz IS NULL OR decided_at > %(since)s) ORDER BY batch_id"
)
_MEMBERS: Final = (
    "SELECT m.batch_id, m.account_id, m.enterprise_id, m.epoch, m.chunk_id, m.row_no, b.logic, b.trade_date,"
    " b.decided_at"
    " FROM batch.batch_account m JOIN batch.batch b USING (batch_id)"
    " WHERE m.batch_id = ANY(%(batches)s) AND m.state = 'APPROVED' AND b.status = 'APPROVED'"
)
_CHUNKS: Final = "SELECT chunk_id, value FROM batch.result_chunk WHERE chunk_id = ANY(%(chunks)s)"


class ApprovedAccount(NamedTuple):
    """An approved account.

    row_no: its row in the result chunk; epoch: as it went into the batch; trade_date: business date of the batch.
    """

    batch_id: int
    account_id: str
    enterprise_id: str
    epoch: int
    chunk_id: int
    row_no: int
    logic: int
    trade_date: date
    decided_at: datetime


async def approved(connection: Snapshot, since: datetime | None) -> dict[int, int]:
    """Return how many accounts were approved, by batch; of batches decided after an instant, None: of all."""
    return {row["batch_id"]: row["approved"] for row in await rows(connection, _APPROVED, since=since)}


async def members(connection: Snapshot, batches: list[int]) -> list[ApprovedAccount]:
    """Return the approved accounts of batches that were approved."""
    return [ApprovedAccount(**row) for row in await rows(connection, _MEMBERS, batches=batches)]


async def chunks(connection: Snapshot, numbers: list[int]) -> dict[int, bytes]:
    """Return result chunks as they came, by number."""
    found: list[dict[str, Any]] = await rows(connection, _CHUNKS, chunks=numbers)
    return {row["chunk_id"]: bytes(row["value"]) for row in found}
