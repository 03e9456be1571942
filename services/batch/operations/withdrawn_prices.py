"""Proposals and approvals that rest on prices which were withdrawn afterwards.

A proposal that waits becomes stale.  An approval stands: its orders were sent, nothing is taken back silently; how many
there are is an alarm until somebody says that it was looked at (`withdrawn`, `seen`).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.batch.operations.collect_results import Collector
from services.batch.store import withdrawals
from services.batch.store.database import Database
from shared.contracts.events import PriceSetDecided
from shared.contracts.tenancy import SYSTEM
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_CLOCKS_DIFFER: Final = timedelta(days=1)  # far more than clocks of machines do


async def take_in(database: Database, collector: Collector, clock: Clock, decided: Sequence[PriceSetDecided]) -> None:
    """Keep what was decided of price sets, mark proposals made on withdrawn ones stale, count approvals made on them.

    The withdrawal is committed before any batch is looked at: an answer or an approval that does not see it yet holds
    the lock of its batch, and we wait for that.  Done again it finds what is not done.
    """
    async with database.transaction(SYSTEM) as connection:
        price_sets = await withdrawals.put(connection, decided)
    if not price_sets:
        return
    async with database.transaction(SYSTEM) as connection:
        undecided = await withdrawals.undecided_on(connection, price_sets)
    for batch_id in undecided:
        async with database.transaction(SYSTEM) as connection:
            await collector.mark_stale(connection, batch_id)
    since = min(one.accepted_at for one in decided) - _CLOCKS_DIFFER
    async with database.transaction(SYSTEM) as connection:
        approved = await withdrawals.note_approvals(connection, price_sets, since, clock.now())
    for row in approved:
        _log.error("approvals.on_withdrawn_prices", **row._mapping)
