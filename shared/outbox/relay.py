"""The relay: publishes a service's outbox in order, then marks the rows that the broker has acknowledged.

If the process dies between acknowledgement and mark, a message is published again, with the same id and bytes.  That is
rare: acknowledged rows are remembered until they are marked, through outages of the database; and a relay that takes
over first searches the ends of the topics for its oldest rows.  A message is never the last of its topic and key once a
later one is marked: where one is missing, those behind it are sent again too.  Source: architecture "Outbox".
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher, is_refused_for_ever
from shared.outbox.published import found_at_end
from shared.postgres.pool import RELAY, arguments
from shared.runtime import log
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

SESSIONS: Final = 1
"""Database sessions of a relay."""
_BATCH: Final = 500
_LOOKED_FOR: Final = 2 * _BATCH  # rows of the last batch may be behind rows with lower ids committed later
_IDLE_S: Final = 0.5
_SPEAK_EVERY_S: Final = 1.0
_REPLY_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 5.0
_log = log.get(__name__)

_WAITING: Final = (
    "SELECT id, topic, key, value, headers FROM outbox"
    " WHERE published_at IS NULL AND parked_reason IS NULL ORDER BY id LIMIT %s"
)
# By id and event: after a failover to a standby that lacks the newest rows an id may be assigned again.
_MARK: Final = (
    "UPDATE outbox SET published_at = clock_timestamp() FROM unnest(%s::bigint[], %s::text[]) AS done (id, event)"
    " WHERE outbox.id = done.id AND coalesce(headers ->> 'ce_id', '') = done.event AND published_at IS NULL"
)
_PARK: Final = "UPDATE outbox SET parked_reason = %s WHERE id = %s"


class Relay:
    """Publishes the outbox of one service.  Any number of replicas may run; an advisory lock lets one work."""

    def __init__(self, database_url: str, schema: str, publisher: Publisher) -> None:
        self._url = database_url
        self._schema = schema
        self._publisher = publisher
        self._acknowledged: list[tuple[int, str]] = []  # row and event id, published and not yet marked

    async def run(self, heartbeat: Heartbeat = no_heartbeat) -> None:
        """Relay until cancelled; reopen a lost database connection.

        heartbeat: called after each step, and while broker or database are away.
        """
        while True:
            heartbeat()
            try:
                async with await self._connect() as connection:
                    await self._work(connection, heartbeat)
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
                _log.warning("outbox.database_away", schema=self._schema, error=error)
                await pause(1.0)

    async def _connect(self) -> AsyncConnection[TupleRow]:
        """Connect to the writable server; the session loses its lock if it falls silent."""
        session = arguments(self._schema, RELAY, f"{self._schema}-relay")
        return await AsyncConnection.connect(self._url, autocommit=True, **session)

    async def _work(self, connection: AsyncConnection[TupleRow], heartbeat: Heartbeat) -> None:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"{self._schema}_outbox")))
        await self._lead(connection, heartbeat)
        await self._mark(connection)
        pause_s, is_heir = 0.1, True
        while True:
            try:
                if is_heir:
                    await self._mark_published_before(connection)
                    is_heir = False
                sent = await self._publish_some(connection)
            except KafkaError as error:
                _log.warning("outbox.broker_away", schema=self._schema, error=error)
                if not await self._publisher.responds(_REPLY_S):
                    heartbeat()  # the broker is away, not this component
                await pause(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            heartbeat()
            pause_s = 0.1
            if not sent:
                async for _ in connection.notifies(timeout=_IDLE_S, stop_after=1):
                    pass

    async def _lead(self, connection: AsyncConnection[TupleRow], heartbeat: Heartbeat) -> None:
        """Wait until this replica holds the lock."""
        ask = "SELECT pg_try_advisory_lock(hashtext(%s))"
        while (await _one(connection, ask, (f"outbox-{self._schema}",)))[0] is not True:
            heartbeat()
            await pause(_IDLE_S)

    async def _mark_published_before(self, connection: AsyncConnection[TupleRow]) -> None:
        """Mark rows that an earlier relay published and could not mark."""
        rows = await _rows(connection, _LOOKED_FOR)
        if not rows:
            return
        oldest = await _one(
            connection, "SELECT min(created_at) FROM outbox WHERE id = ANY(%s)", ([row[0] for row in rows],)
        )
        messages = [_message(row) for row in rows]
        indices = await found_at_end(self._publisher, messages, oldest[0], _BATCH)
        if indices:
            _log.info("outbox.found_published", schema=self._schema, rows=len(indices))
        self._acknowledged += _in_order(rows, [index in indices for index in range(len(rows))])
        await self._mark(connection)

    async def _publish_some(self, connection: AsyncConnection[TupleRow]) -> int:
        """Publish up to one batch of unpublished rows in order; return how many.

        Raises the first transient failure, after the acknowledged rows are marked.
        """
        rows = await _rows(connection, _BATCH)
        outcomes = await self._send(connection, rows)
        for row, failure in zip(rows, outcomes, strict=True):
            # The broker may have refused the whole batch because of another message.
            if failure is not None and is_refused_for_ever(failure):
                ((alone),) = await self._send(connection, [row])
                if alone is not None and is_refused_for_ever(alone):
                    await self._park(connection, row, alone)
        for failure in outcomes:
            if failure is not None and not is_refused_for_ever(failure):
                raise failure
        return len(rows)

    async def _send(
        self, connection: AsyncConnection[TupleRow], rows: Sequence[tuple[Any, ...]]
    ) -> list[BaseException | None]:
        """Publish rows and mark the acknowledged ones.

        Meanwhile the session speaks now and then, because a broker may be slow and a silent session loses the lock.
        Raises psycopg.Error if the database goes away; acknowledged rows are remembered.
        """
        if not rows:
            return []
        sending = asyncio.ensure_future(self._publisher.try_to_send([_message(row) for row in rows]))
        lost: psycopg.Error | None = None
        try:
            while not (await asyncio.wait({sending}, timeout=_SPEAK_EVERY_S))[0]:
                try:
                    if lost is None:
                        await connection.execute("SELECT 1")
                except psycopg.Error as error:
                    lost = error  # still wait for the broker, and remember what it acknowledges
        finally:
            sending.cancel()
        outcomes = sending.result()
        # A row that is refused for ever is parked, and keeps none behind it back.
        settled = [failure is None or is_refused_for_ever(failure) for failure in outcomes]
        arrived = {_identity(row) for row, failure in zip(rows, outcomes, strict=True) if failure is None}
        self._acknowledged += [row for row in _in_order(rows, settled) if row in arrived]
        if lost is not None:
            raise lost
        await self._mark(connection)
        return outcomes

    async def _mark(self, connection: AsyncConnection[TupleRow]) -> None:
        """Mark what was acknowledged as published."""
        if self._acknowledged:
            ids, events = zip(*self._acknowledged, strict=True)
            await connection.execute(_MARK, (list(ids), list(events)))
            self._acknowledged = []

    async def _park(self, connection: AsyncConnection[TupleRow], row: tuple[Any, ...], why: BaseException) -> None:
        """Park a row that the broker will always refuse, until somebody releases it."""
        _log.error("outbox.parked", schema=self._schema, row=row[0], topic=row[1], error=why)
        await connection.execute(_PARK, (repr(why)[:1000], row[0]))


async def _rows(connection: AsyncConnection[TupleRow], most: int) -> list[tuple[Any, ...]]:
    return await (await connection.execute(_WAITING, (most,))).fetchall()


async def _one(connection: AsyncConnection[TupleRow], query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the only row of a query.  Raises psycopg.InterfaceError if there is none."""
    row = await (await connection.execute(query.encode(), values)).fetchone()
    if row is None:
        raise psycopg.InterfaceError(f"no row: {query}")
    return row


def _message(row: tuple[Any, ...]) -> Outgoing:
    _, topic, key, value, headers = row
    return Outgoing(topic, bytes(key), bytes(value), headers)


def _in_order(rows: Sequence[tuple[Any, ...]], settled: Sequence[bool]) -> list[tuple[int, str]]:
    """Return the identities of settled rows, except those behind one of the same topic and key that is not settled.

    These are sent again after it: of a compacted topic the last message of a key counts, and it must be the newest.
    """
    missing: set[tuple[str, bytes]] = set()
    found = []
    for row, is_settled in zip(rows, settled, strict=True):
        kind = row[1], bytes(row[2])
        if not is_settled:
            missing.add(kind)
        elif kind not in missing:
            found.append(_identity(row))
    return found


def _identity(row: tuple[Any, ...]) -> tuple[int, str]:
    return row[0], str(row[4].get("ce_id", ""))
