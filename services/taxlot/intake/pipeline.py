"""The steps of every file, whether by command, inbox or upload: catch up, load, publish."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.domain.plausible import ChangeLimit
from services.taxlot.intake import load_lock
from services.taxlot.intake.catchup import catch_up
from services.taxlot.intake.load import Criteria, LoadOutcome, OnEntry, Progress, connected, ignore_entry, load, refuse
from services.taxlot.intake.publish import publish_file
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.settings import SERVICE, Settings, enterprises_by_feed
from services.taxlot.store import ledger
from services.taxlot.store.ledger import Arrival, FileSource
from shared.kafka.publisher import Publisher
from shared.postgres.pool import arguments
from shared.rules.trading_calendar import business_date
from shared.runtime.clock import Clock

GROUP: Final = "rebalancer-taxlot"


class Intake:
    """Loads and publishes files.  Any number of intakes may work beside one another.

    Raises MappingRefused if a mapping that the settings name cannot be put in force.
    """

    def __init__(self, settings: Settings, publisher: Publisher, clock: Clock) -> None:
        self._settings = settings
        self._publisher = publisher
        self._clock = clock
        self._mappings = MappingsInForce.of(settings)

    async def load_feed_file(self, path: Path, name: str, source: FileSource, progress: Progress) -> LoadOutcome:
        """Load one file of a custodian's feed.  Raises as `load.load`.

        `publish`, here or in the watch of any service, publishes it afterwards.
        """
        await self.catch_up()
        return await asyncio.to_thread(self.load, path, Arrival(name, source), progress)

    async def catch_up(self) -> None:
        """Wait for what files are judged by and was published before now.  Raises psycopg.Error without a database."""
        async with self._session() as connection:
            await catch_up(self._settings.broker, GROUP, connection, self._settings.catch_up_s)

    def load(self, path: Path, arrival: Arrival, progress: Progress, on_entry: OnEntry = ignore_entry) -> LoadOutcome:
        """Load one file now, on the rights of its sender.  Calls on_entry and raises as `load.load`."""
        now = self._clock.now()
        today = business_date(now, self._settings.cut_off)
        limit = ChangeLimit(self._settings.change_limit_percent, self._settings.change_holds)
        feeds, max_age_days = enterprises_by_feed(self._settings.feeds), self._settings.max_file_age_days
        criteria = Criteria(now, today, max_age_days, feeds, self._mappings, limit)
        silent_s = self._settings.load_silent_s
        return load(self._settings.database_url, path, arrival, criteria, progress, silent_s, on_entry)

    def refuse(self, path: Path, arrival: Arrival, code: str, reason: str) -> LoadOutcome:
        """Write into the ledger that a file is refused, unless it has been loaded by the same mapping.

        Return how it ended.  Raises psycopg.Error.
        """
        now, silent_s = self._clock.now(), self._settings.load_silent_s
        return refuse(self._settings.database_url, path, arrival, (code, reason), now, self._mappings, silent_s)

    async def publish(self, file_id: int) -> bool:
        """Publish an ended file; return False while another process publishes it.  Raises KafkaError."""
        async with self._session() as connection:
            key = f"taxlot-publish-{file_id}"
            cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (key,))
            if await cursor.fetchone() != (True,):
                return False
            await publish_file(connection, self._publisher, file_id, self._clock.now())
            return True

    def unpublished(self) -> list[int]:
        """Return the ended files that are not yet published.  Raises psycopg.Error."""
        with connected(self._settings.database_url) as connection:
            return ledger.unpublished(connection)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        session = arguments(SERVICE, load_lock.session_use(self._settings.load_silent_s), "taxlot-intake-steps")
        url = self._settings.database_url
        async with await AsyncConnection.connect(url, autocommit=True, **session) as connection:
            yield connection
