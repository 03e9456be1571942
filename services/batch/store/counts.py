"""Counts for the metrics: of the queue, of batches by status, and of undecided ones by cut-off."""

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
_OPEN: Final = text(
    "SELECT status, cancel_at, count(*) AS batches FROM batch WHERE status IN ('WORKING', 'PENDING_APPROVAL')"
    " GROUP BY status, cancel_at"
)
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


async def undecided(connection: AsyncConnection) -> list[tuple[str, datetime, int]]:
    """Return of the undecided batches the status, the cut-off and how many have both."""
    rows = (await connection.execute(_OPEN)).all()
    return [(row.status, row.cancel_at, row.batches) for row in rows]
