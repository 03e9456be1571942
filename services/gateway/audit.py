"""Keeps the audit log: commands and sign-ins are written before they go on, reads are gathered and written in bulk."""

import asyncio
import time
from typing import Any, Final

import psycopg

from services.gateway.domain.record import Record
from services.gateway.store import audit
from shared import log
from shared.db import Pool
from shared.keeping import Beat, unheard

MOST_WAITING: Final = 20_000
"""Records of reads that may wait for the database: some 10 MB. With more, nothing that must be recorded is answered."""
_AT_ONCE: Final = 500
_PAUSE_S: Final = 0.25  # what a killed process may lose of reads; commands are written first
_HEAD_EVERY_S: Final = 60.0
_PATIENCE_S: Final = 5.0
_log = log.get(__name__)


class AuditLog:
    """Adds records. Raises psycopg.OperationalError where it is said and the database does not answer."""

    def __init__(self, database: Pool) -> None:
        self._database = database
        self._waiting: list[dict[str, Any]] = []
        self._told_s = -_HEAD_EVERY_S
        self._flushing = asyncio.Lock()

    @property
    def is_full(self) -> bool:
        """Say whether so much waits that reads of client data must wait too."""
        return len(self._waiting) >= MOST_WAITING

    async def write(self, *records: Record) -> None:
        """Write records now: what follows happens only when they stand."""
        await self._append([record.body() for record in records])

    def note(self, record: Record) -> None:
        """Have a record written within a moment."""
        self._waiting.append(record.body())

    async def run(self, beat: Beat = unheard) -> None:
        """Write what was noted until cancelled, and the rest at the end. beat: called each time it has got on."""
        try:
            while True:
                beat()
                await asyncio.sleep(_PAUSE_S)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write what was noted; while the database is away it goes on waiting."""
        async with self._flushing:  # two at the same time would write the same records twice
            while self._waiting:
                taken = self._waiting[:_AT_ONCE]
                try:
                    await self._append(taken)
                except psycopg.OperationalError as error:
                    _log.warning("audit.waiting", records=len(self._waiting), error=repr(error)[:200])
                    return
                del self._waiting[: len(taken)]

    async def _append(self, entries: list[dict[str, Any]]) -> None:
        async with self._database.connection(_PATIENCE_S) as connection:
            head = await audit.append(connection, entries)
        if time.monotonic() - self._told_s >= _HEAD_EVERY_S:
            self._told_s = time.monotonic()
            # Logs are kept elsewhere: with this, a tail that was cut off or a chain written anew is found.
            _log.info("audit.head", seq=head.seq, hash=head.hash)
