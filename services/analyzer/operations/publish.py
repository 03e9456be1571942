"""Publishes the flags of accounts as they are stored, whatever is stored newly, and notes what has been announced.

What is published is what the input covers, so that no difference is left after a crash between commit and publish.
Source: architecture "Republish".
"""

import asyncio
from collections.abc import Sequence

from services.analyzer.operations.evaluate import CHUNK, Evaluator
from services.analyzer.operations.send_flags import FlagSender
from services.analyzer.store import flags
from services.analyzer.store.database import Database
from shared.kafka.publisher import Publisher


class FlagPublisher:
    """Evaluates accounts in worker threads and publishes their flags, chunk by chunk."""

    def __init__(self, database: Database, evaluator: Evaluator, publisher: Publisher) -> None:
        self._database = database
        self._evaluator = evaluator
        self._publisher = publisher
        self._sender = FlagSender(publisher, evaluator.events_again)

    async def evaluate_and_publish(self, accounts: Sequence[str], trigger: str) -> None:
        """Evaluate accounts and publish their flags; each chunk is published before the next begins.

        trigger: as in Context; empty if the change itself is the cause.  Raises as Evaluator.evaluate and
        Publisher.send.
        """
        for start in range(0, len(accounts), CHUNK):
            chunk = list(accounts[start : start + CHUNK])
            await asyncio.to_thread(self._evaluator.evaluate, chunk, trigger)
            await self._publish(chunk)

    async def publish(self, accounts: Sequence[str]) -> None:
        """Publish the flags of accounts as they are stored; nothing is evaluated.  Raises as Publisher.send."""
        for start in range(0, len(accounts), CHUNK):
            await self._publish(accounts[start : start + CHUNK])

    async def _publish(self, accounts: Sequence[str]) -> None:
        found = await asyncio.to_thread(self._evaluator.messages_by_ids, accounts)
        await self._publisher.send([chunk for part in found for chunk in part.chunks])
        if not self._sender.is_due(found):
            return
        await self._sender.send(self._database.session, found)
        await asyncio.to_thread(self._mark, [part.stored.unannounced() for part in found])

    def _mark(self, unannounced: Sequence[tuple[list[str], list[int]]]) -> None:
        accounts = [account for accounts, _ in unannounced for account in accounts]
        with self._database.session() as session:
            flags.mark_announced(session, accounts, [version for _, versions in unannounced for version in versions])
