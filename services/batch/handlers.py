"""What arrives from Kafka: accounts, flags, answers, finished analyses; and what the clock brings."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.operations import reconcile, withdrawn_prices
from services.batch.operations.collect_results import Collector, batch_of
from services.batch.store import incoming
from services.batch.store.database import Database, send
from shared.contracts.codes import FlagState
from shared.contracts.events import AnalysisCompleted, PriceSetDecided
from shared.contracts.platform import AccountChanged
from shared.contracts.tenancy import SYSTEM
from shared.kafka.faults import refuse
from shared.kafka.messages import Chunk
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_WITH_DETAIL: Final = (int(FlagState.FLAGGED), int(FlagState.HELD), int(FlagState.SETTLING), int(FlagState.NO_TARGET))
_FORGET_EVERY: Final = 3600


@dataclass(frozen=True)
class Handlers:
    """Handlers of topics; each handles a group of decoded messages in as few transactions as it can."""

    database: Database
    clock: Clock
    collector: Collector

    async def on_accounts(self, accounts: Sequence[AccountChanged]) -> None:
        """Keep who an account is; the newest version wins. Proposals for one that moved become stale.

        Raises PartialFailure once the others are stored, for versions that cannot follow what is there.
        """
        touched: list[int] = []

        async def lock(connection: AsyncConnection) -> None:
            touched.extend(await self.collector.lock_moved(connection))

        async with self.database.transaction(SYSTEM) as connection:
            admitted = await incoming.put_accounts(connection, accounts, lock)
            for batch_id in touched:
                await self.collector.mark_stale(connection, batch_id)
        refuse(admitted.refused)

    async def on_flags(self, chunks: Sequence[Chunk]) -> None:
        """Keep every flag, newest version; proposals that rest on older facts become stale."""
        flags, details = await asyncio.to_thread(_split, [chunk.rows for chunk in chunks])
        async with self.database.transaction(SYSTEM) as connection:
            await incoming.put_flags(connection, flags, details)
            await self.collector.look_for_stale(connection)
            enterprises = [str(one) for one in pc.unique(flags.column("enterprise_id")).to_pylist()]
            told = messages.queue_changed(enterprises, self.clock.now())
            await send(connection, told)

    async def on_standing(self, chunks: Sequence[Chunk]) -> None:
        """Tell again, or have told again, what the analyzer or we have not got."""
        for standing in chunks:
            async with self.database.transaction(SYSTEM) as connection:
                await reconcile.compare(connection, standing, self.clock.now())

    async def on_unbooked(self, chunks: Sequence[Chunk]) -> None:
        """Tell approvals again that taxlot has not booked."""
        for unbooked in chunks:
            async with self.database.transaction(SYSTEM) as connection:
                await reconcile.book_again(connection, unbooked, self.clock.now())

    async def on_price_sets(self, decided: Sequence[PriceSetDecided]) -> None:
        """Keep which price sets are withdrawn; proposals that rest on one become stale."""
        await withdrawn_prices.take_in(self.database, self.collector, self.clock, decided)

    async def on_results(self, chunks: Sequence[Chunk]) -> None:
        """Put answers into their batches."""
        by_batch: dict[int, list[Chunk]] = defaultdict(list)
        for chunk in chunks:
            by_batch[batch_of(chunk)].append(chunk)
        for batch_id, answered in by_batch.items():
            async with self.database.transaction(SYSTEM) as connection:
                await self.collector.results(connection, batch_id, answered)

    async def on_analysis(self, runs: Sequence[AnalysisCompleted]) -> None:
        """Keep when the last analysis of each advisor's accounts ended; an event that names none says nothing of it."""
        async with self.database.transaction(SYSTEM) as connection:
            for run in runs:
                await incoming.put_analysis(connection, run, self.clock.now())


def _split(parts: Sequence[pa.RecordBatch]) -> tuple[pa.Table, pa.Table]:
    """Return flags as narrow columns, and the details of those that have any as JSON texts."""
    return pa.Table.from_batches(parts), pa.concat_tables([_details(part) for part in parts])


def _details(part: pa.RecordBatch) -> pa.Table:
    told = part.filter(pc.is_in(part.column("state"), pa.array(_WITH_DETAIL, part.schema.field("state").type)))
    columns = ["account_id", "enterprise_id", "advisor_id", "flag_version", "hold_code", "hold_text"]
    details = pa.Table.from_batches([told]).select(columns)
    for name in ("reasons", "causes"):
        texts = [_json(value) for value in told.column(name).to_pylist()]
        details = details.append_column(name, pa.array(texts, pa.string()))
    return details


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None
