"""Keeps the audit log: commands and sign-ins are written before they go on, reads are gathered and written in bulk."""

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

MOST_WAITING: Final = 20_000
"""Records of reads that may wait for the database: some 10 MB. With more, nothing that must be recorded is answered."""
_AT_ONCE: Final = 500
_PAUSE_S: Final = 0.25  # what a killed process may lose of reads; commands are written first
# Least time between two transactions for those who wait: it holds nobody up for longer, and many go together.
_APART_S: Final = 0.02
_HEAD_EVERY_S: Final = 60.0
_PATIENCE_S: Final = 5.0
_log = log.get(__name__)


@dataclass
class _Entry:
    """A record to be added. in_doubt: an attempt whose COMMIT was not answered may have added it."""

    body: dict[str, Any]
    in_doubt: bool = False


@dataclass(frozen=True)
class _Said:
    """Records that somebody waits for. stands: done when they are committed, or with the reason why they are not."""

    entries: list[_Entry]
    stands: asyncio.Future[None]


class AuditLog:
    """Adds records, each once. Raises psycopg.OperationalError where it is said and the database does not answer."""

    def __init__(self, database: Pool) -> None:
        self._database = database
        self._waiting: list[_Entry] = []
        self._told_s = -_HEAD_EVERY_S
        self._flushing = asyncio.Lock()
        self._said: list[_Said] = []
        self._writing: asyncio.Task[None] | None = None
        self._began_s = 0.0

    @property
    def is_full(self) -> bool:
        """Say whether so much waits that reads of client data must wait too."""
        return len(self._waiting) >= MOST_WAITING

    async def write(self, *records: Record) -> None:
        """Write records now: what follows happens only when they stand.

        Who comes while others are written waits, and is written in one piece with all who came meanwhile: the chain has
        one end, so a transaction for each would let all wait for all.
        """
        await self._say([_Entry(record.body()) for record in records])

    async def write_soon(self, record: Record) -> None:
        """Write a record now, or within a moment where the database does not answer."""
        entry = _Entry(record.body())
        try:
            await self._say([entry])
        except psycopg.OperationalError:
            self._waiting.append(entry)

    def note(self, record: Record) -> None:
        """Have a record written within a moment."""
        self._waiting.append(_Entry(record.body()))

    async def run(self, beat: Heartbeat = no_heartbeat) -> None:
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

    async def _say(self, entries: list[_Entry]) -> None:
        said = _Said(entries, asyncio.get_running_loop().create_future())
        self._said.append(said)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_said())
        await said.stands

    async def _write_said(self) -> None:
        while self._said:
            now_s = asyncio.get_running_loop().time
            await asyncio.sleep(max(0.0, self._began_s + _APART_S - now_s()))
            self._began_s = now_s()
            together, self._said = self._said[:_AT_ONCE], self._said[_AT_ONCE:]
            await self._write_together(together)

    async def _write_together(self, together: list[_Said]) -> None:
        """Write the records of several; one that the database refuses for itself is refused alone."""
        try:
            await self._append([entry for said in together for entry in said.entries])
        except Exception as error:  # noqa: BLE001  # it is told to those who wait, whatever it is
            if len(together) > 1 and not isinstance(error, psycopg.OperationalError):
                for said in together:
                    await self._write_together([said])
                return
            for said in together:
                if not said.stands.done():  # who asked may have been cancelled
                    said.stands.set_exception(error)
        else:
            for said in together:
                if not said.stands.done():
                    said.stands.set_result(None)

    async def _append(self, entries: list[_Entry]) -> None:
        """Add records.  Raises CommitUnknown when it is not known even at a second attempt whether they stand."""
        await until_known(lambda: self._append_once(entries))

    async def _append_once(self, entries: list[_Entry]) -> None:
        """Add records but those that an attempt of which nobody knew has added."""
        async with self._database.connection(_PATIENCE_S) as connection:
            doubtful = [one for one in entries if one.in_doubt]
            lacking = await audit.missing(connection, [one.body for one in doubtful]) if doubtful else []
            fresh = [one for one in entries if not one.in_doubt or one.body in lacking]
            if not fresh:
                return
            try:
                head = await audit.append_and_commit(connection, [one.body for one in fresh])
            except CommitUnknown:
                for one in fresh:
                    one.in_doubt = True
                raise
        if time.monotonic() - self._told_s >= _HEAD_EVERY_S:
            self._told_s = time.monotonic()
            # Logs are kept elsewhere: with this, a tail that was cut off or a chain written anew is found.
            _log.info("audit.head", seq=head.seq, hash=head.hash)
