"""How long people wait until a batch that they asked for can be decided: the promise batch_readiness rests on it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store import members
from shared.runtime import metrics

_SIZES: Final = ((50, "small"), (1000, "medium"))


async def note_end_of_work(connection: AsyncConnection, batch: Row[Any], now: datetime) -> None:
    """Note that every result of a locked batch is in, or that its day ended before.

    Proposing stale accounts again is not counted: nobody waits for the whole batch then.  A transaction that fails
    after this and is repeated counts twice, which is rare.
    """
    if not await members.was_proposed_again(connection, batch.batch_id):
        metrics.BATCH_READY.labels(size_of(batch.accounts)).observe((now - batch.requested_at).total_seconds())


def size_of(accounts: int) -> str:
    """Return the value of the label `size` for a batch of so many accounts."""
    return next((name for most, name in _SIZES if accounts <= most), "large")
