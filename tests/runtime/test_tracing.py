"""A trace goes from a transaction through the outbox and Kafka into a handler, and into what the handler sends."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from aiokafka import AIOKafkaConsumer
from psycopg import AsyncConnection

from shared.contracts import chunks, topics
from shared.kafka import messages
from shared.kafka.consumer import GroupConsumer
from shared.kafka.messages import Chunk, Outgoing
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.outbox.relay import Relay
from shared.outbox.rows import TABLE_SQL, enqueue
from shared.runtime import trace
from shared.runtime.trace import TraceContext
from tests.waiting import until_async

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]
AT = datetime(2026, 6, 12, tzinfo=UTC)


def _chunk(topic: topics.Topic, key: str) -> Outgoing:
    rows = pa.RecordBatch.from_pylist([], schema=chunks.RETURNED)
    return messages.chunk(topic, key, rows, {"key": key}, event_id=key, source="batch", at=AT)


async def _headers_of(kafka_url: str, topic: str, key: str) -> dict[str, str]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    async with asyncio.timeout(30), consumer:
        async for record in consumer:
            if record.key == key.encode():
                return {name: value.decode() for name, value in record.headers}
    raise AssertionError(key)


async def test_a_trace_goes_through_outbox_relay_and_handler(kafka_url: str, database_url: str) -> None:
    key, group = uuid.uuid4().hex, f"tracing-{uuid.uuid4().hex}"
    begun = trace.started()
    seen: list[TraceContext | None] = []

    async def handle(group: Sequence[Chunk]) -> None:
        for chunk in group:
            if chunk.meta.get("key") != key:
                continue
            with trace.within(chunk.span):
                seen.append(trace.current())
                await publisher.send([_chunk(topics.RETURNED, f"{key}-after")])

    async with Publisher(kafka_url, "batch") as publisher, await AsyncConnection.connect(database_url) as connection:
        await connection.execute("CREATE SCHEMA relayed; SET search_path TO relayed;" + TABLE_SQL)
        with trace.within(begun):
            await enqueue(connection, [_chunk(topics.RETURNED, key)])
        await connection.commit()
        processor = MessageProcessor("batch", topics.RETURNED, handle, publisher)
        consumer = GroupConsumer(kafka_url, group, [processor])
        tasks = [
            asyncio.create_task(run())
            for run in (Relay(database_url, "relayed", publisher).run, consumer.run)
        ]  # fmt: skip
        try:

            async def is_seen() -> bool:
                return bool(seen)

            await until_async(is_seen, within_s=60)
            sent, after = [await _headers_of(kafka_url, topics.RETURNED.name, name) for name in (key, f"{key}-after")]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert sent[trace.HEADER] == begun.traceparent
    (span,) = seen
    assert span is not None and (span.trace_id, span.parent_id) == (begun.trace_id, begun.span_id)
    assert after[trace.HEADER] == span.traceparent
