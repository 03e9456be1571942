"""The one way in for files, whether by command, inbox or upload: wait, load, publish, write down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.intake.catchup import catch_up
from services.taxlot.intake.inbox import Inbox
from services.taxlot.intake.load import Judgement, Outcome, Progress, connected, load
from services.taxlot.intake.publish import publish_file
from services.taxlot.settings import TaxlotSettings
from services.taxlot.store import ledger
from services.taxlot.store.ledger import Source
from shared import log
from shared.clock import Clock
from shared.kafka import Publisher
from shared.sessions import business_date

GROUP: Final = "rebalancer-taxlot"
_log = log.get(__name__)


class Desk:
    """Takes files in and tells others of them.  Any number of desks may work beside one another."""

    def __init__(self, settings: TaxlotSettings, publisher: Publisher, clock: Clock) -> None:
        self._settings = settings
        self._publisher = publisher
        self._clock = clock

    async def take(self, path: Path, name: str, source: Source, progress: Progress) -> Outcome:
        """Load one file; publishing follows by `publish` or by any service's watch.  Raises as `load` does."""
        await self._catch_up()
        return await asyncio.to_thread(self._load, path, name, source, progress)

    async def _catch_up(self) -> None:
        async with self._session() as connection:
            await catch_up(self._settings.kafka_url, GROUP, connection, self._settings.catch_up_s)

    def _load(self, path: Path, name: str, source: Source, progress: Progress) -> Outcome:
        now = self._clock.now()
        today = business_date(now, self._settings.end_of_day)
        when = Judgement(now, today, self._settings.max_file_age_days)
        return load(self._settings.database_url, path, name, source, when, progress)

    async def publish(self, file_id: int) -> None:
        """Publish what an ended file has to tell, unless another process is at it.  Raises KafkaError."""
        async with self._session() as connection:
            key = f"taxlot-publish-{file_id}"
            await connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (key,))
            await publish_file(connection, self._publisher, file_id, self._clock.now())

    async def watch(self) -> None:
        """Take in what lies in the inbox and publish what waits for it, until cancelled."""
        inbox = None if self._settings.inbox_dir is None else Inbox(self._settings.inbox_dir)
        try:
            while True:
                try:
                    if inbox is not None and inbox.claim():
                        await self._empty(inbox)
                    await self._publish_waiting()
                except (psycopg.Error, KafkaError, OSError) as error:
                    _log.warning("intake.tries_again", error=repr(error)[:300])
                await asyncio.sleep(self._settings.inbox_poll_s)
        finally:
            if inbox is not None:
                inbox.release()

    async def _empty(self, inbox: Inbox) -> None:
        for path, source in list(inbox.waiting()):
            await self._catch_up()
            outcome = await asyncio.to_thread(inbox.take, path, source, partial(self._load, progress=_silent))
            await self.publish(outcome.file_id)

    async def _publish_waiting(self) -> None:
        def waiting() -> list[int]:
            with connected(self._settings.database_url, autocommit=True) as connection:
                return ledger.unannounced(connection)

        for file_id in await asyncio.to_thread(waiting):
            await self.publish(file_id)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        async with await AsyncConnection.connect(
            self._settings.database_url,
            autocommit=True,
            options="-c search_path=taxlot -c timezone=UTC",
            application_name="rebalancer-taxlot-desk",
        ) as connection:
            yield connection


def _silent(_done: int, _total: int) -> None:
    """Progress that only the ledger shows."""
