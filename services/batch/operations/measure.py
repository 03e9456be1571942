"""What the metrics say of queue and batches, read by a timer."""

from typing import Final

from services.batch.store import counts
from services.batch.store.database import Database
from shared.contracts.codes import Tile
from shared.contracts.tenancy import SYSTEM
from shared.runtime import metrics
from shared.runtime.clock import Clock

EVERY_S: Final = 30.0
_STATES: Final = ("total", "held", "settling", "in_batches")


class QueueMeasure:
    """Reads the counts of queue and batches and sets the metrics."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def sample(self) -> None:
        """Read once.  Raises DBAPIError if the database is away or takes too long."""
        async with self._database.transaction(SYSTEM) as connection:
            await counts.give_up_soon(connection)
            queued = (await counts.of_queue(connection))._mapping
            batches = await counts.batches_by_status(connection)
            due = await counts.first_due(connection)
        for tile in (*(str(tile.name).lower() for tile in Tile), "no_target"):
            metrics.TILE_ACCOUNTS.labels(tile).set(queued[tile])
        for state in _STATES:
            metrics.ACCOUNTS.labels("queued" if state == "total" else state).set(queued[state])
        for status, count in batches.items():
            metrics.BATCHES.labels(status).set(count)
        overdue_s = 0.0 if due is None else (self._clock.now() - due).total_seconds()
        metrics.END_OF_DAY_OVERDUE.set(max(0.0, overdue_s))
