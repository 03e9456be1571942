"""Sends the public events of flags so that of each account the newest is the last on its topic, which is compacted.

Live evaluations, sweeps and commands publish beside one another.  Whoever sends holds the advisory locks of its
accounts, drops what a newer flag has replaced meanwhile, and waits for the broker before it lets go.  So an older event
is never sent after a newer one.  What cannot be known to have arrived, or was sent while the locks were lost, may
arrive late: the flags of those accounts are sent again, as they are stored, with the next messages.
Source: architecture "Republish"; docs/decisions/0027-flags-in-the-order-of-their-versions.md.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from typing import Final, TypeAlias

from services.analyzer.operations.flag_messages import FlagMessages
from services.analyzer.store import flags
from services.analyzer.store.database import Session
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher

_LOCKS: Final = 73_502  # first key of the advisory locks; the second is a group of accounts
_GROUPS: Final = 64
_LOCK: Final = "SELECT pg_advisory_lock(%s, g) FROM unnest(%s::integer[]) AS u (g)"
_UNLOCK: Final = "SELECT pg_advisory_unlock(%s, g) FROM unnest(%s::integer[]) AS u (g)"
Lend: TypeAlias = Callable[[], AbstractContextManager[Session]]


class FlagSender:
    """Sends public events of flags, one process at a time for each group of accounts."""

    def __init__(self, publisher: Publisher, events_again: Callable[[Session, Sequence[str]], list[Outgoing]]) -> None:
        """Make a sender.  events_again: returns the events of accounts as they are stored, announced or not."""
        self._publisher = publisher
        self._events_again = events_again
        self._alone = asyncio.Lock()  # so that a process waits for the locks with one connection only
        self._doubtful: set[str] = set()

    def is_due(self, found: Sequence[FlagMessages]) -> bool:
        """Say whether there is anything to send, of these flags or of accounts sent before in doubt."""
        return bool(self._doubtful) or any(part.public for part in found)

    async def send(self, lend: Lend, found: Sequence[FlagMessages], again: Collection[str] = ()) -> None:
        """Send the public events of flags that are still the stored ones, and return once they are acknowledged.

        lend: lends the session that holds the locks.  again: accounts whose flags are sent as they are stored.
        Raises KafkaError, and psycopg.Error if the locks cannot be had or were lost: then the caller does it again.
        """
        events = {message.key.decode(): message for part in found for message in part.public}
        versions = {
            account: version for part in found for account, version in zip(*part.stored.unannounced(), strict=True)
        }
        async with self._alone, _lent(lend) as session:
            stored = self._doubtful | set(again)
            accounts = stored | events.keys()
            groups = sorted({_group(account) for account in accounts})

            def lock_and_choose() -> list[Outgoing]:
                session.execute(_LOCK, [_LOCKS, groups])
                session.commit()
                chosen = flags.current(session, {account: versions[account] for account in events.keys() - stored})
                session.commit()
                anew = self._events_again(session, sorted(stored)) if stored else []
                return [message for account, message in events.items() if account in chosen] + anew

            def unlock() -> None:
                session.rollback()
                session.execute(_UNLOCK, [_LOCKS, groups])
                session.commit()

            try:
                messages = await asyncio.to_thread(lock_and_choose)
                self._doubtful |= accounts
                await self._publisher.send(messages)
            finally:
                await asyncio.to_thread(unlock)
            self._doubtful -= accounts


@asynccontextmanager
async def _lent(lend: Lend) -> AsyncIterator[Session]:
    """Lend a session without blocking the event loop; each statement inside is committed by whoever makes it."""
    with ExitStack() as ends:
        yield await asyncio.to_thread(ends.enter_context, lend())


def _group(account_id: str) -> int:
    return zlib.crc32(account_id.encode()) % _GROUPS
