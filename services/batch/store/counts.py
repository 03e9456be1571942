"""Counts for the metrics: of the queue, of batches by status, and the batch whose end is most overdue."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.figures import TileChoice
from services.batch.domain.states import Status
from services.batch.store import queue
from shared.contracts.tenancy import SYSTEM

_NEWEST: Final = 10_000
# An operator's books hold some hundred batches a day and all end the same day: the newest hold every open one.
_BY_STATUS: Final = text(
    "SELECT status, count(*) AS batches FROM (SELECT status FROM batch ORDER BY batch_id DESC LIMIT :newest) AS newest"
    " GROUP BY status"
)
_DUE_FIRST: Final = text("SELECT min(cancel_at) FROM batch WHERE status IN ('WORKING', 'PENDING_APPROVAL')")
# Sampling is the least of the service's work: it gives up where users would begin to notice.
_BRIEFLY: Final = text("SET LOCAL statement_timeout = '5s'")


async def give_up_soon(connection: AsyncConnection) -> None:
    """Bound every statement of this transaction to 5 s."""
    await connection.execute(_BRIEFLY)


async def of_queue(connection: AsyncConnection) -> Row[Any]:
    """Return the counts of the whole queue, as queue.count_tiles."""
    return await queue.count_tiles(connection, SYSTEM, TileChoice(), ())


async def batches_by_status(connection: AsyncConnection) -> dict[str, int]:
    """Return how many of the newest 10,000 batches have each status."""
    rows = (await connection.execute(_BY_STATUS, {"newest": _NEWEST})).all()
    found = {row.status: row.batches for row in rows}
    return {str(status): found.get(str(status), 0) for status in Status}


async def first_due(connection: AsyncConnection) -> datetime | None:
    """Return the earliest cut-off of the undecided batches, None if all are decided."""
    due: datetime | None = (await connection.execute(_DUE_FIRST)).scalar_one()
    return due
