"""The worker's handlers: a chunk in, chunks of at most the agreed size out, poison put aside; on a real broker."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer

from services.proposer.columns.proposals import propose
from services.proposer.handlers import Handlers
from services.proposer.settings import SERVICE
from shared.contracts import chunks, codec, topics
from shared.kafka import messages
from shared.kafka.isolation import failed, too_large
from shared.kafka.messages import Incoming
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.runtime.clock import clock_of
from tests.proposer.builders import TRADE_DAY
from tests.proposer.harness import batch_of
from tests.proposer.strategies import Shape, generated


def _asked(offset: int, key: str, value: bytes) -> Incoming:
    return Incoming(topics.WORK_LOTS.name, 0, offset, key.encode(), value, (), 0)


async def _read(kafka_url: str, topic: str, key: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    found: list[bytes] = []
    try:
        async with asyncio.timeout(30):
            while len(found) < count:
                record = await consumer.getone()
                if record.key == key.encode():
                    found.append(record.value)
    finally:
        await consumer.stop()
    return found


@pytest.mark.integration
async def test_a_chunk_is_answered_with_its_trades_and_poison_is_put_aside(kafka_url: str) -> None:
    key = uuid.uuid4().hex
    first = f"{key}-0"  # which is what the result is keyed by, so that a request spreads over all partitions
    asked = batch_of([replace(generated(seed), account_id=f"{key}-{seed}") for seed in range(20)])
    meta = {"batch_id": key, "attempt": "1", "trade_date": "2026-01-02", "size": "20"}
    async with Publisher(kafka_url, SERVICE) as publisher:
        handler = Handlers(publisher, clock_of(None)).on_lots(topics.WORK_TRADES)
        processor = MessageProcessor(SERVICE, topics.WORK_LOTS, handler, publisher)
        await processor.run([_asked(0, key, b"no Arrow stream")])
        await processor.run([_asked(1, key, codec.encode(asked, meta))])
    (chunk,) = await _read(kafka_url, topics.WORK_TRADES.name, first, 1)
    rows, answered = codec.decode(chunk, chunks.TRADES)
    assert answered == meta
    assert rows.equals(propose(asked, TRADE_DAY))
    assert await _read(kafka_url, topics.dead_letters(SERVICE).name, key, 1) == [b"no Arrow stream"]


@pytest.mark.fast
def test_results_are_cut_to_the_agreed_size_and_lose_nothing() -> None:
    rows = propose(batch_of([generated(seed, Shape(most_securities=40)) for seed in range(800)]), TRADE_DAY)
    meta = {"batch_id": "7", "attempt": "1"}
    at = datetime(2026, 1, 2, tzinfo=UTC)
    chunks_sent = messages.result_chunks(
        topics.WORK_TRADES, rows, meta, source=SERVICE, at=at, too_large=too_large(failed)
    )
    assert len(chunks_sent) > 1
    assert all(len(chunk.value) <= chunks.MAX_CHUNK_BYTES for chunk in chunks_sent)
    assert len({chunk.headers["ce_id"] for chunk in chunks_sent}) == len(chunks_sent)
    decoded = [codec.decode(chunk.value, chunks.TRADES) for chunk in chunks_sent]
    assert all(decoded_meta == meta for _, decoded_meta in decoded)
    assert [chunk.key.decode() for chunk in chunks_sent] == [
        str(decoded_rows.column("account_id")[0]) for decoded_rows, _ in decoded
    ]
    assert [row for chunk, _ in decoded for row in chunk.to_pylist()] == rows.to_pylist()
