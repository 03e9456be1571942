"""Change a batch and publish its new state, in one transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.domain.states import Status
from services.batch.store import batches, decisions, history
from services.batch.store.database import send
from shared.contracts.tenancy import SYSTEM


async def change(connection: AsyncConnection, batch: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Raise the version of a locked batch, set `values` and publish it; return the row afterwards.

    Raises RuntimeError if the row is not as it was read under the lock.
    """
    after = await batches.change(connection, batch, now, **values)
    await send(connection, [messages.batch_changed(after)])
    return after


async def publish_again(connection: AsyncConnection, batch_id: int, now: datetime) -> None:
    """Publish the state of a batch again, behind what is in the outbox of it; nothing if there is no such batch.

    While proposals come in, counts rise between two versions: such a state is published as a new version.
    """
    batch = await batches.lock(connection, SYSTEM, batch_id)
    if batch is None:
        return
    if Status(batch.status) is Status.WORKING:
        await change(connection, batch, now)
    else:
        digest = await decisions.read_digest(connection, batch_id)
        links = await history.links_of(connection, batch_id)
        await send(connection, [messages.batch_changed(batch, digest, links)])


async def recount(connection: AsyncConnection, batch: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Count the accounts of a locked batch again, then change it; return the row afterwards.

    The gains are those under values["logic"], or under the logic in force.  Raises as `change`.
    """
    totals = await batches.count(connection, batch.batch_id, values.get("logic", batch.logic))
    return await change(connection, batch, now, **values, **totals.columns())
