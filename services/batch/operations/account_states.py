"""Publish where accounts are in the work: rebalancer.account-state.v1, through the outbox, a group of accounts a time.

One replica works at a time and takes its groups in its own transactions, so the events of an account stand in the
outbox in the order of their versions, and a command of a user never waits for them.  While the relay is behind, nothing
is added: orders of an approval wait behind one group at most, also when an analysis has just moved 100,000 accounts.
"""

import asyncio
from typing import Final

from sqlalchemy.exc import DBAPIError

from services.batch.columns import messages
from services.batch.store import account_states
from services.batch.store.database import Database, send
from shared.contracts.tenancy import SYSTEM
from shared.kafka.faults import is_transient
from shared.postgres.commits import CommitUnknown
from shared.runtime import log
from shared.runtime.clock import Clock
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

_log = log.get(__name__)
GROUP: Final = 2_000
"""Notes taken together, and messages that may wait in the outbox."""
_IDLE_S: Final = 0.5
_BEHIND_S: Final = 0.1


class AccountStates:
    """The publisher of one replica."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self, beat: Heartbeat = no_heartbeat) -> None:
        """Publish until cancelled; wait while the database is away. beat: called with each group."""
        while True:
            beat()
            pause_s = _IDLE_S
            try:
                if await self.publish_some():
                    pause_s = _BEHIND_S
            except (DBAPIError, CommitUnknown, OSError, TimeoutError) as error:
                if not is_transient(error):
                    raise
                _log.warning("account_states.database_away", error=error)
            await pause(pause_s)

    async def publish_some(self) -> int:
        """Publish the states of the next accounts that may have changed; return how many accounts were looked at.

        0 if there are none, another replica is at it, or the relay is behind.
        """
        async with self._database.transaction(SYSTEM) as connection:
            if not await account_states.lead(connection):
                return 0
            if await account_states.unpublished(connection, GROUP) == GROUP:
                return 0
            due = await account_states.take_due(connection, GROUP)
            if not due:
                return 0
            rows = list(await account_states.put_changed(connection, list(due), self._clock.now()))
            changed = {row.account_id for row in rows}
            if again := [account for account, asked in due.items() if asked and account not in changed]:
                rows += await account_states.read(connection, again)
            await send(connection, await asyncio.to_thread(messages.account_states, rows))
        return len(due)
