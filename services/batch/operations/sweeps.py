"""What the clock brings: days that end, answers that stay away, and what nobody will ask for again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.states import Happening
from services.batch.operations.collect_results import Collector
from services.batch.operations.decide import SYSTEM_ACTOR, close
from services.batch.settings import Settings
from services.batch.store import batches, idempotency, parking, withdrawals
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.kafka.faults import is_transient
from shared.postgres.commits import CommitUnknown
from shared.runtime import log, metrics
from shared.runtime.clock import Clock
from shared.runtime.components import Heartbeat, no_heartbeat

_log = log.get(__name__)
_FORGET_EVERY: Final = 3600

Find = Callable[[AsyncConnection], Awaitable[Row[Any] | None]]  # locks the next batch there is something to do with
Work = Callable[[AsyncConnection, Row[Any], datetime], Awaitable[int]]  # does it, and returns how much it was


@dataclass
class Sweeps:
    """What every replica does all the time; row locks let exactly one of them do each thing."""

    database: Database
    clock: Clock
    collector: Collector
    settings: Settings
    parked: list[int] = field(default_factory=list)  # batches that could not be dealt with, as of the last look
    withdrawn: int = 0  # approvals made on prices that were withdrawn, which nobody has looked at

    async def run(self, beat: Heartbeat = no_heartbeat) -> None:
        """Sweep until cancelled; a database that is away is waited for. beat: called with each round."""
        rounds = 0
        while True:
            beat()
            try:
                await self.end_days()
                await self.ask_again()
                await self.look_at_parked()
                if rounds % _FORGET_EVERY == 0:
                    await self.forget()
            except (DBAPIError, CommitUnknown, OSError, TimeoutError) as error:
                if not is_transient(error):
                    raise
                _log.warning("sweep.database_away", error=repr(error)[:300])
            rounds += 1
            await asyncio.sleep(self.settings.sweep_every_s)

    def troubles(self) -> list[str]:
        """Return a sentence for each thing that somebody must look at: batches put aside, approvals on bad prices."""
        found = []
        if self.parked:
            named = ", ".join(map(str, self.parked[:10])) + (", ..." if len(self.parked) > 10 else "")
            found.append(f"batches put aside: {named}; see `python -m services.batch parked`")
        if self.withdrawn:
            found.append(
                f"accounts approved on prices that were withdrawn: {self.withdrawn};"
                " see `python -m services.batch withdrawn`"
            )
        return found

    async def end_days(self) -> int:
        """Cancel every undecided batch whose day has ended; return how many this replica cancelled.

        Source: product 6, "End of day": exactly once, whatever number of replicas run and whoever crashes.
        """

        async def end(connection: AsyncConnection, batch: Row[Any], now: datetime) -> int:
            await close(connection, batch, Happening.DAY_ENDED, SYSTEM_ACTOR, now)
            _log.info("batch.day_ended", batch_id=batch.batch_id)
            return 1

        return await self._each(lambda connection: batches.lock_due(connection, self.clock.now()), end)

    async def ask_again(self) -> int:
        """Send unanswered accounts again, or fail them; return how many."""
        before = self.collector.silent_since()
        return await self._each(
            lambda connection: batches.lock_unanswered(connection, before, self.clock.now()),
            lambda connection, batch, now: self.collector.ask_again(connection, batch, before, now),
        )

    async def look_at_parked(self) -> None:
        """Tell how many batches are put aside, and how many approvals rest on prices that were withdrawn."""
        async with self.database.transaction(SYSTEM) as connection:
            self.parked = [row.batch_id for row in await parking.parked(connection)]
            self.withdrawn = await withdrawals.unseen(connection)
        metrics.BATCHES_PARKED.set(len(self.parked))
        metrics.WITHDRAWN_APPROVALS.set(self.withdrawn)

    async def forget(self) -> None:
        """Drop what nobody will ask for again: kept answers of commands, published messages."""
        async with self.database.transaction(SYSTEM) as connection:
            await idempotency.forget(connection, self.clock.now())

    async def _each(self, find: Find, work: Work) -> int:
        """Do the work for one batch after the other, each in its own transaction; return how much it was in all.

        A batch at which it fails is put aside with an alarm and takes no other with it; what the database raises
        because it is away is raised.
        """
        done = 0
        while True:
            batch = None
            try:
                async with self.database.transaction(SYSTEM) as connection:
                    batch = await find(connection)
                    if batch is None:
                        return done
                    much = await work(connection, batch, self.clock.now())
                    await parking.forget(connection, batch.batch_id)
                done += much
            except Exception as error:
                if batch is None or _is_away(error):
                    raise
                await self._park(batch.batch_id, error)

    async def _park(self, batch_id: int, error: Exception) -> None:
        async with self.database.transaction(SYSTEM) as connection:
            row = await parking.park(connection, batch_id, repr(error)[:1000], self.clock.now())
        metrics.BATCH_FAILURES.inc()
        _log.error(
            "batch.parked", batch_id=batch_id, failures=row.failures, again_at=row.again_at.isoformat(), exc_info=error
        )


def _is_away(error: Exception) -> bool:
    """Say whether it is the database that went away, not the batch that cannot be dealt with."""
    return isinstance(error, CommitUnknown) or (isinstance(error, DBAPIError) and error.connection_invalidated)
