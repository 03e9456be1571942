"""Handlers of Kafka topics: each takes a group of decoded messages and runs an operation in a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.batch.operations import collect_results, executions, incoming, reconcile, withdrawn_prices
from services.batch.settings import Settings
from services.batch.store.database import Database
from shared.contracts.events import AnalysisCompleted, PriceSetDecided
from shared.contracts.platform import AccountChanged, ExecutionReported
from shared.contracts.tenancy import SYSTEM
from shared.kafka.faults import refuse
from shared.kafka.messages import Chunk
from shared.runtime import trace
from shared.runtime.clock import Clock


@dataclass(frozen=True)
class Handlers:
    """The handlers of one replica."""

    database: Database
    clock: Clock
    settings: Settings

    async def on_accounts(self, accounts: Sequence[AccountChanged]) -> None:
        """Store accounts; proposals for accounts that moved become stale.

        Raises PartialFailure, once the others are stored, for versions that contradict what is stored.
        """
        async with self.database.transaction(SYSTEM) as connection:
            admitted = await incoming.store_accounts(connection, accounts, self.clock)
        refuse(admitted.refused)

    async def on_flags(self, chunks: Sequence[Chunk]) -> None:
        """Store flags; proposals that rest on older facts become stale."""
        async with self.database.transaction(SYSTEM) as connection:
            await incoming.store_flags(connection, chunks, self.clock)

    async def on_standing(self, chunks: Sequence[Chunk]) -> None:
        """Compare with what the analyzer has; repair what either side lacks."""
        for standing in chunks:
            async with self.database.transaction(SYSTEM) as connection:
                await reconcile.compare(connection, standing, self.clock.now())

    async def on_unbooked(self, chunks: Sequence[Chunk]) -> None:
        """Publish approvals again that taxlot has not booked."""
        for unbooked in chunks:
            async with self.database.transaction(SYSTEM) as connection:
                await reconcile.book_again(connection, unbooked, self.clock.now())

    async def on_price_sets(self, decided: Sequence[PriceSetDecided]) -> None:
        """Store which price sets are withdrawn; proposals that rest on one become stale."""
        await withdrawn_prices.take_in(self.database, self.clock, decided)

    async def on_results(self, chunks: Sequence[Chunk]) -> None:
        """Put results into their batches.  Raises BadMessage if a chunk names no batch or attempt."""
        for batch_id, of_batch in collect_results.by_batch(chunks).items():
            with trace.within(of_batch[0].span):
                async with self.database.transaction(SYSTEM) as connection:
                    await collect_results.collect(connection, batch_id, of_batch, self.settings, self.clock)

    async def on_executions(self, reports: Sequence[ExecutionReported]) -> None:
        """Store how far the execution of orders has come; nothing that was approved changes.

        Raises PartialFailure, once the others are stored, for reports that do not fit the orders that were sent.
        """
        async with self.database.transaction(SYSTEM) as connection:
            refused = await executions.take_in(connection, reports)
        refuse(refused, "bad_execution")

    async def on_analysis(self, runs: Sequence[AnalysisCompleted]) -> None:
        """Store when the last analysis of each advisor's accounts ended."""
        async with self.database.transaction(SYSTEM) as connection:
            await incoming.store_analyses(connection, runs, self.clock)
