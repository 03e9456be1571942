"""The one way in for files, whether by command, inbox or upload: wait, load, publish, write down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.domain.sender import feeds_of
from services.taxlot.intake import load_lock
from services.taxlot.intake.catchup import catch_up
from services.taxlot.intake.load import Begun, Judgement, Outcome, Progress, connected, load, refuse, unheard
from services.taxlot.intake.publish import publish_file
from services.taxlot.settings import Settings
from services.taxlot.store import ledger
from services.taxlot.store.ledger import Came, Source
from shared.kafka.publisher import Publisher
from shared.postgres.pool import arguments
from shared.rules.trading_calendar import business_date
from shared.runtime.clock import Clock

GROUP: Final = "rebalancer-taxlot"


class Desk:
    """Takes files in and tells others of them.  Any number of desks may work beside one another."""

    def __init__(self, settings: Settings, publisher: Publisher, clock: Clock) -> None:
        self._settings = settings
        self._publisher = publisher
        self._clock = clock

    async def take(self, path: Path, name: str, source: Source, progress: Progress) -> Outcome:
        """Load one file of a custodian's feed.  Raises as `load` does.

        Publishing follows by `publish` or by any service's watch.
        """
        await self.catch_up()
        return await asyncio.to_thread(self.load, path, Came(name, source), progress)

    async def catch_up(self) -> None:
        """Wait for what the platform told us before now.  Raises psycopg.Error when the database is away."""
        async with self._session() as connection:
            await catch_up(self._settings.kafka_url, GROUP, connection, self._settings.catch_up_s)

    def load(self, path: Path, came: Came, progress: Progress, begun: Begun = unheard) -> Outcome:
        """Load one file now, on the rights of its sender.  begun, and what is raised: as of `load.load`."""
        now = self._clock.now()
        today = business_date(now, self._settings.cut_off)
        when = Judgement(now, today, self._settings.max_file_age_days, feeds_of(self._settings.feeds))
        silent_s = self._settings.load_silent_s
        return load(self._settings.database_url, path, came, when, progress, silent_s, begun)

    def refuse(self, path: Path, came: Came, code: str, reason: str) -> Outcome:
        """Write into the ledger that a file is refused, unless it has been loaded; return how it has ended.

        Raises psycopg.Error.
        """
        now, silent_s = self._clock.now(), self._settings.load_silent_s
        return refuse(self._settings.database_url, path, came, (code, reason), now, silent_s)

    async def publish(self, file_id: int) -> bool:
        """Publish what an ended file has to tell; return False while another process is at it.  Raises KafkaError."""
        async with self._session() as connection:
            key = f"taxlot-publish-{file_id}"
            found = await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (key,))
            if await found.fetchone() != (True,):
                return False
            await publish_file(connection, self._publisher, file_id, self._clock.now())
            return True

    def unannounced(self) -> list[int]:
        """Return the ended files of which others have not yet been told everything.  Raises psycopg.Error."""
        with connected(self._settings.database_url) as connection:
            return ledger.unannounced(connection)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        session = arguments("taxlot", load_lock.use(self._settings.load_silent_s), "taxlot-desk")
        url = self._settings.database_url
        async with await AsyncConnection.connect(url, autocommit=True, **session) as connection:
            yield connection
