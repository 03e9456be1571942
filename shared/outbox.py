"""The outbox: a state change and its messages are one transaction; a relay publishes them in order, then marks them.

Insert rows only after locking their aggregate: then row ids follow commits for that aggregate and its order holds.
A crash between publish and mark publishes again with the same event ids.  Source: architecture "Outbox".
"""

import asyncio
import time
from collections.abc import Sequence

import orjson
import psycopg
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from shared import log, metrics
from shared.kafka import Publisher, is_refused_for_ever
from shared.keeping import Beat, unheard
from shared.messages import Outgoing

_log = log.get(__name__)
_BATCH = 500
_IDLE_S = 0.5
_MEASURE_EVERY_S = 1.0

# Run by a service's first migration, in its own schema.
TABLE_SQL = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    headers jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    parked_reason text
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL AND parked_reason IS NULL;
"""


async def enqueue(connection: AsyncConnection[TupleRow], messages: Sequence[Outgoing]) -> None:
    """Add messages to the outbox inside the caller's transaction and wake the relay when it commits."""
    if not messages:
        return
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY outbox (topic, key, value, headers) FROM STDIN") as copy:
            for message in messages:
                await copy.write_row(
                    (message.topic, message.key, message.value, orjson.dumps(message.headers).decode())
                )
        await cursor.execute("SELECT pg_notify(current_schema() || '_outbox', '')")


class Relay:
    """Publishes the outbox of one service. Any number of replicas may run it; an advisory lock lets one work."""

    def __init__(self, database_url: str, schema: str, publisher: Publisher) -> None:
        self._url = database_url
        self._schema = schema
        self._publisher = publisher

    async def run(self, beat: Beat = unheard) -> None:
        """Relay until cancelled; a lost database connection is opened again. beat: called each time it has got on."""
        while True:
            beat()
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await self._work(connection, beat)
            except psycopg.OperationalError as error:
                _log.warning("outbox.database_away", schema=self._schema, error=str(error))
                await asyncio.sleep(1.0)

    async def _work(self, connection: AsyncConnection[TupleRow], beat: Beat) -> None:
        await connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self._schema)))
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"{self._schema}_outbox")))
        while True:
            got = await (
                await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (f"outbox-{self._schema}",))
            ).fetchone()
            if got is not None and got[0]:
                break
            beat()
            await asyncio.sleep(_IDLE_S)
        delay_s, measured = 0.1, -_MEASURE_EVERY_S
        while True:
            beat()
            try:
                sent = await self._publish_some(connection)
            except KafkaError as error:
                _log.warning("outbox.broker_away", schema=self._schema, error=repr(error)[:300])
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 5.0)
                continue
            delay_s = 0.1
            if time.monotonic() - measured > _MEASURE_EVERY_S:
                await self._measure(connection)
                measured = time.monotonic()
            if not sent:
                async for _ in connection.notifies(timeout=_IDLE_S, stop_after=1):
                    pass

    async def _publish_some(self, connection: AsyncConnection[TupleRow]) -> int:
        """Publish up to one batch of unpublished rows in order; return how many."""
        rows = await (
            await connection.execute(
                "SELECT id, topic, key, value, headers FROM outbox"
                " WHERE published_at IS NULL AND parked_reason IS NULL ORDER BY id LIMIT %s",
                (_BATCH,),
            )
        ).fetchall()
        if not rows:
            return 0
        messages = [Outgoing(topic, bytes(key), bytes(value), headers) for _, topic, key, value, headers in rows]
        ids = [row[0] for row in rows]
        try:
            await self._publisher.send(messages)
        except KafkaError as error:
            if not is_refused_for_ever(error):
                raise
            await self._one_by_one(connection, ids, messages)
            return len(rows)
        await connection.execute("UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY(%s)", (ids,))
        return len(rows)

    async def _one_by_one(
        self, connection: AsyncConnection[TupleRow], ids: Sequence[int], messages: Sequence[Outgoing]
    ) -> None:
        """Publish singly, parking the rows that the broker refuses for ever."""
        for row_id, message in zip(ids, messages, strict=True):
            try:
                await self._publisher.send([message])
            except KafkaError as error:
                if not is_refused_for_ever(error):
                    raise
                _log.error("outbox.parked", schema=self._schema, row=row_id, topic=message.topic, error=str(error))
                await connection.execute("UPDATE outbox SET parked_reason = %s WHERE id = %s", (str(error), row_id))
                continue
            await connection.execute("UPDATE outbox SET published_at = clock_timestamp() WHERE id = %s", (row_id,))

    async def _measure(self, connection: AsyncConnection[TupleRow]) -> None:
        row = await (
            await connection.execute(
                "SELECT count(*) FILTER (WHERE parked_reason IS NULL),"
                " coalesce(extract(epoch FROM clock_timestamp()"
                " - min(created_at) FILTER (WHERE parked_reason IS NULL)), 0),"
                " count(*) FILTER (WHERE parked_reason IS NOT NULL) FROM outbox WHERE published_at IS NULL"
            )
        ).fetchone()
        if row is not None:
            metrics.OUTBOX_PENDING.labels(self._schema).set(row[0])
            metrics.OUTBOX_AGE.labels(self._schema).set(float(row[1]))
            metrics.OUTBOX_PARKED.labels(self._schema).set(row[2])
