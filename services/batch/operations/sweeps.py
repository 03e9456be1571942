"""What every replica does again and again: end days, send requests again, drop what is no longer needed."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg.errors import DiskFull
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.schedule import session_of
from services.batch.domain.states import Status, Transition
from services.batch.operations import collect_results, decide, wash_approvals
from services.batch.operations.readiness import note_end_of_work
from services.batch.settings import Settings
from services.batch.store import approved_losses, batches, idempotency, parking, withdrawals
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.kafka.faults import is_transient
from shared.postgres.commits import CommitUnknown
from shared.runtime import log, metrics, trace
from shared.runtime.clock import Clock
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

_log = log.get(__name__)
_FORGET_EVERY: Final = 3600  # rounds

LockNext = Callable[[AsyncConnection], Awaitable[Row[Any] | None]]
"""Locks the next batch that there is work for; None if there is none."""
SweepWork = Callable[[AsyncConnection, Row[Any], datetime], Awaitable[int]]
"""Works on a locked batch at an instant; returns how many things it did."""


@dataclass
class Sweeps:
    """The sweeps of one replica; row locks let exactly one replica do each thing.

    parked: batches put aside, as of the last look; withdrawn: unseen approvals of accounts on withdrawn prices.
    """

    database: Database
    clock: Clock
    settings: Settings
    parked: list[int] = field(default_factory=list)
    withdrawn: int = 0

    async def run(self, beat: Heartbeat = no_heartbeat) -> None:
        """Sweep until cancelled; wait while the database is away. beat: called with each round."""
        rounds = 0
        while True:
            beat()
            try:
                await self.end_days()
                metrics.END_OF_DAY_SUCCEEDED.set(time.time())
                await self.send_again()
                await self.check_again()
                await self.look_at_parked()
                if rounds % _FORGET_EVERY == 0:
                    await self.forget()
            except (DBAPIError, CommitUnknown, OSError, TimeoutError) as error:
                if not is_transient(error):
                    raise
                _log.warning("sweep.database_away", error=error)
            rounds += 1
            await pause(self.settings.sweep_every_s)

    def troubles(self) -> list[str]:
        """Return a sentence for each thing that a person must look at: batches put aside, approvals on bad prices."""
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

        async def lock_due(connection: AsyncConnection) -> Row[Any] | None:
            return await batches.lock_due(connection, self.clock.now())

        async def end_day(connection: AsyncConnection, batch: Row[Any], now: datetime) -> int:
            if Status(batch.status) is Status.WORKING:
                await note_end_of_work(connection, batch, now)
            await decide.end(connection, batch, Transition.DAY_ENDED, decide.SYSTEM_ACTOR, now)
            _log.info("batch.day_ended", batch_id=batch.batch_id)
            return 1

        return await self._each(lock_due, end_day)

    async def send_again(self) -> int:
        """Send accounts without a result again, or fail them; return how many."""
        sent_before = collect_results.silent_since(self.settings, self.clock.now())

        async def lock_silent(connection: AsyncConnection) -> Row[Any] | None:
            return await batches.lock_silent(connection, sent_before, self.clock.now())

        async def send_again(connection: AsyncConnection, batch: Row[Any], now: datetime) -> int:
            return await collect_results.send_again(connection, batch, sent_before, self.settings, now)

        return await self._each(lock_silent, send_again)

    async def check_again(self) -> int:
        """Check batches for wash sales again that were checked before the newest approval or for another session.

        Return how many.  What approvals of an older version of this service left is recorded first.
        """
        await wash_approvals.record_missing(self.database, self.clock.now())

        async def lock_behind(connection: AsyncConnection) -> Row[Any] | None:
            now = self.clock.now()
            return await approved_losses.lock_behind(connection, session_of(now), now)

        async def check(connection: AsyncConnection, batch: Row[Any], now: datetime) -> int:
            await wash_approvals.check_again(connection, batch, now)
            return 1

        return await self._each(lock_behind, check)

    async def look_at_parked(self) -> None:
        """Count the batches put aside, and the approvals that rest on prices that were withdrawn."""
        async with self.database.transaction(SYSTEM) as connection:
            self.parked = [row.batch_id for row in await parking.parked(connection)]
            self.withdrawn = await withdrawals.unseen(connection)
        metrics.BATCHES_PARKED.set(len(self.parked))
        metrics.WITHDRAWN_APPROVALS.set(self.withdrawn)

    async def forget(self) -> None:
        """Drop old responses kept for retried commands, old published messages, and buys that matter no more."""
        async with self.database.transaction(SYSTEM) as connection:
            await idempotency.forget(connection, self.clock.now())
            await approved_losses.forget(connection, self.clock.now())

    async def _each(self, lock_next: LockNext, work: SweepWork) -> int:
        """Do the work for one batch after the other, each in its own transaction; return how many things it did in all.

        A batch at which the work fails is put aside with an alarm and delays no other. Raises what the database raises
        if it is away or its disk is full: that is no fault of the batch.
        """
        done = 0
        while True:
            batch = None
            try:
                async with self.database.transaction(SYSTEM) as connection:
                    batch = await lock_next(connection)
                    if batch is None:
                        return done
                    with trace.within(trace.started()):
                        count = await work(connection, batch, self.clock.now())
                    await parking.forget(connection, batch.batch_id)
                done += count
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
    """Return whether the database is away or its disk is full, as opposed to a batch that cannot be worked on."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, DiskFull)
    return isinstance(error, CommitUnknown)
