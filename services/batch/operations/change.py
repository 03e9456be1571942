"""Change a batch and publish its new state, in one transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.store import batches
from services.batch.store.database import send


async def change(connection: AsyncConnection, batch: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Raise the version of a locked batch, set `values` and publish it; return the row afterwards.

    Raises RuntimeError if the row is not as it was read under the lock.
    """
    after = await batches.change(connection, batch, now, **values)
    await send(connection, [messages.batch_changed(after, now)])
    return after


async def recount(connection: AsyncConnection, batch: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Count the accounts of a locked batch again, then change it; return the row afterwards.

    The gains are those under values["logic"], or under the logic in force.  Raises as `change`.
    """
    totals = await batches.count(connection, batch.batch_id, values.get("logic", batch.logic))
    return await change(connection, batch, now, **values, **totals.columns())
