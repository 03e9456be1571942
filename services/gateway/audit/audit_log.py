"""Writes the audit log: commands and sign-ins before they take effect, reads gathered and in bulk."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from services.gateway.domain.record import Record
from services.gateway.store import audit
from shared.postgres.commits import CommitUnknown, until_known
from shared.postgres.pool import Pool
from shared.runtime import log
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

MOST_WAITING: Final = 20_000
"""Noted records that may wait for the database, about 10 MB. Beyond it the API refuses requests."""
_BULK: Final = 500
_FLUSH_EVERY_S: Final = 0.25  # reads that a killed process may lose; commands are written before they take effect
# Least time between two transactions of waiting writers: short for each of them, long enough to write many together.
_WRITE_EVERY_S: Final = 0.02
_HEAD_EVERY_S: Final = 60.0
_PATIENCE_S: Final = 5.0
_log = log.get(__name__)


@dataclass
class _Entry:
    """A record to be added. in_doubt: an attempt whose COMMIT got no reply may have added it."""

    body: dict[str, Any]
    in_doubt: bool = False


@dataclass(frozen=True)
class _Write:
    """Entries that a caller waits for. committed: done after the commit, or holds the exception that prevented it."""

    entries: list[_Entry]
    committed: asyncio.Future[None]


class AuditLog:
    """Adds records, each exactly once."""

    def __init__(self, database: Pool) -> None:
        self._database = database
        self._noted: list[_Entry] = []
        self._flushing = asyncio.Lock()
        self._writes: list[_Write] = []
        self._writer: asyncio.Task[None] | None = None
        self._write_began_s = 0.0
        self._head_logged_s = -_HEAD_EVERY_S

    @property
    def is_full(self) -> bool:
        """Whether so many noted records wait that client data must not be shown until they are written."""
        return len(self._noted) >= MOST_WAITING

    async def write(self, *records: Record) -> None:
        """Write records and return when they are committed.

        Callers that arrive during a transaction are written together in the next one: the chain has a single end, so a
        transaction for each would make all of them wait for all.

        Raises psycopg.OperationalError if the database does not respond, CommitUnknown if the records may be committed.
        """
        await self._write([_Entry(record.body()) for record in records])

    async def write_soon(self, record: Record) -> None:
        """Write a record now, or note it if the database does not respond."""
        entry = _Entry(record.body())
        try:
            await self._write([entry])
        except psycopg.OperationalError:
            self._noted.append(entry)

    def note(self, record: Record) -> None:
        """Have a record written within a quarter of a second, or as soon as the database responds."""
        self._noted.append(_Entry(record.body()))

    async def run(self, beat: Heartbeat = no_heartbeat) -> None:
        """Write noted records until cancelled, and the rest at the end. beat: called in every round."""
        try:
            while True:
                beat()
                await pause(_FLUSH_EVERY_S)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write all noted records; keep them while the database does not respond."""
        async with self._flushing:  # two flushes at a time would write the same records twice
            while self._noted:
                entries = self._noted[:_BULK]
                try:
                    await self._append(entries)
                except psycopg.OperationalError as error:
                    _log.warning("audit.waiting", records=len(self._noted), error=error)
                    return
                del self._noted[: len(entries)]

    async def _write(self, entries: list[_Entry]) -> None:
        write = _Write(entries, asyncio.get_running_loop().create_future())
        self._writes.append(write)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await write.committed

    async def _write_all(self) -> None:
        while self._writes:
            now_s = asyncio.get_running_loop().time
            await pause(max(0.0, self._write_began_s + _WRITE_EVERY_S - now_s()))
            self._write_began_s = now_s()
            bulk, self._writes = self._writes[:_BULK], self._writes[_BULK:]
            await self._write_bulk(bulk)

    async def _write_bulk(self, writes: list[_Write]) -> None:
        """Write the records of several callers; if the database refuses them, try each caller's alone."""
        try:
            await self._append([entry for write in writes for entry in write.entries])
        except Exception as error:  # noqa: BLE001  # the waiting callers raise it, whatever it is
            if len(writes) > 1 and not isinstance(error, psycopg.OperationalError):
                for write in writes:
                    await self._write_bulk([write])
                return
            for write in writes:
                if not write.committed.done():  # the caller may have been cancelled
                    write.committed.set_exception(error)
        else:
            for write in writes:
                if not write.committed.done():
                    write.committed.set_result(None)

    async def _append(self, entries: list[_Entry]) -> None:
        """Add records.  Raises CommitUnknown if a second attempt still leaves open whether they are committed."""
        await until_known(lambda: self._append_once(entries))

    async def _append_once(self, entries: list[_Entry]) -> None:
        """Add records except those that an earlier attempt with an unknown outcome has added."""
        async with self._database.connection(_PATIENCE_S) as connection:
            doubtful = [entry.body for entry in entries if entry.in_doubt]
            missing = await audit.missing(connection, doubtful) if doubtful else []
            fresh = [entry for entry in entries if not entry.in_doubt or entry.body in missing]
            if not fresh:
                return
            try:
                head = await audit.append_and_commit(connection, [entry.body for entry in fresh])
            except CommitUnknown:
                for entry in fresh:
                    entry.in_doubt = True
                raise
        if time.monotonic() - self._head_logged_s >= _HEAD_EVERY_S:
            self._head_logged_s = time.monotonic()
            # Logs are kept elsewhere, so the head there reveals a truncated or rewritten chain.
            _log.info("audit.head", seq=head.seq, hash=head.hash)
