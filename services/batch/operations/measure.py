"""What the metrics say of queue and batches, read by a timer."""

from collections import Counter
from datetime import timedelta
from typing import Final

from services.batch.domain.states import Status
from services.batch.store import counts
from services.batch.store.database import Database
from shared.contracts.codes import Tile
from shared.contracts.tenancy import SYSTEM
from shared.runtime import metrics
from shared.runtime.clock import Clock

EVERY_S: Final = 30.0
_STATES: Final = ("total", "held", "settling", "in_batches")
_UNDECIDED: Final = (Status.WORKING, Status.PENDING_APPROVAL)
_DUE: Final = (
    (timedelta(0), "past"),
    (timedelta(minutes=15), "within_15m"),
    (timedelta(hours=1), "within_1h"),
    (timedelta(hours=4), "within_4h"),
    (timedelta.max, "later"),
)
"""How the time left until a cut-off is named, each up to and with its limit."""


def due(left: timedelta) -> str:
    """Return how the metrics tell the time left until a cut-off; at the cut-off itself it is past, as in the sweep."""
    return next(named for most, named in _DUE if left <= most)


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
            undecided = await counts.undecided(connection)
        for tile in (*(str(tile.name).lower() for tile in Tile), "no_target"):
            metrics.TILE_ACCOUNTS.labels(tile).set(queued[tile])
        for state in _STATES:
            metrics.ACCOUNTS.labels("queued" if state == "total" else state).set(queued[state])
        for status, count in batches.items():
            metrics.BATCHES.labels(status).set(count)
        now = self._clock.now()
        found = Counter[tuple[str, str]]()
        for status, cut_off, count in undecided:
            found[status, due(cut_off - now)] += count
        for status in _UNDECIDED:
            for _, named in _DUE:
                metrics.OPEN_BATCHES.labels(str(status), named).set(found[str(status), named])
        overdue_s = max(((now - cut_off).total_seconds() for _, cut_off, _ in undecided), default=0.0)
        metrics.END_OF_DAY_OVERDUE.set(max(0.0, overdue_s))
