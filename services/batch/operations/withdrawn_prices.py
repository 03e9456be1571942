"""Proposals and approvals that rest on prices which were withdrawn afterwards.

A proposal becomes stale.  An approval stands, because its orders were sent; the number of such approvals is an alarm
until a person marks them as seen (commands `withdrawn` and `seen`).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.batch.operations.incoming import mark_stale
from services.batch.store import withdrawals
from services.batch.store.database import Database
from shared.contracts.events import PriceSetDecided
from shared.contracts.tenancy import SYSTEM
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_CLOCKS_DIFFER: Final = timedelta(days=1)  # far more than clocks of machines do


async def take_in(database: Database, clock: Clock, decided: Sequence[PriceSetDecided]) -> None:
    """Store decisions about price sets, mark proposals made on withdrawn ones stale, note approvals made on them.

    The withdrawal is committed before any batch is locked: a concurrent result or approval that does not see it holds
    the lock of its batch, and this waits for it.  Run again, it completes what is missing.
    """
    async with database.transaction(SYSTEM) as connection:
        price_sets = await withdrawals.put(connection, decided)
    if not price_sets:
        return
    async with database.transaction(SYSTEM) as connection:
        undecided = await withdrawals.undecided_on(connection, price_sets)
    for batch_id in undecided:
        async with database.transaction(SYSTEM) as connection:
            await mark_stale(connection, batch_id, clock)
    since = min(decision.accepted_at for decision in decided) - _CLOCKS_DIFFER
    async with database.transaction(SYSTEM) as connection:
        approved = await withdrawals.note_approvals(connection, price_sets, since, clock.now())
    for row in approved:
        found = {"price_set": row.price_set, "batch_id": row.batch_id, "accounts": row.accounts}
        _log.error("approvals.on_withdrawn_prices", **found)
