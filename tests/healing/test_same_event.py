"""An event that is published again is the same, whenever that is: value, key and headers, byte for byte.

The trace of what caused it, or caused it to be sent again, is left aside.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.analyzer.cli import republish as flags
from services.batch.cli import republish as batch
from shared.contracts import topics
from shared.contracts.topics import Topic
from shared.oncall.republish import RepublishRequest
from shared.runtime import trace
from tests.analyzer.builders import MONDAY
from tests.healing.harness import Harness, a_flagged_account, approve, in_band, opened
from tests.waiting import until_async

pytestmark = pytest.mark.integration
A1 = ("a1",)
TUESDAY = MONDAY + timedelta(days=1)
Record = tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]


class Reader:
    """Reads public and other topics as bytes, from where they ended when the test began."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._read: dict[str, list[Record]] = {}

    async def all(self, topic: Topic) -> list[Record]:
        """Return (key, value, headers) of everything on the topic, in order within a key."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        while any([await self._consumer.position(part) < end for part, end in ends.items()]):
            for part, records in (await self._consumer.getmany(timeout_ms=100)).items():
                found = [
                    (record.key, record.value, tuple(pair for pair in record.headers if pair[0] != trace.HEADER))
                    for record in records
                ]
                self._read.setdefault(part.topic, []).extend(found)
        return list(self._read.get(topic.name, []))

    async def until(self, topic: Topic, count: int) -> list[Record]:
        """Return everything on the topic once that is so many messages."""
        return await until_async(lambda: self.all(topic), lambda found: len(found) >= count)


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


@pytest.fixture
async def reader(kafka_url: str) -> AsyncIterator[Reader]:
    read = (topics.ACCOUNT_FLAG, topics.ANALYSIS, topics.FILES, topics.BATCH, topics.ORDERS, topics.HOLDINGS)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False)
    async with consumer:
        consumer.assign([TopicPartition(topic.name, number) for topic in read for number in range(topic.partitions)])
        await consumer.seek_to_end()
        yield Reader(consumer)


async def test_a_flag(harness: Harness, reader: Reader) -> None:
    await a_flagged_account(harness)
    before = await reader.all(topics.ACCOUNT_FLAG)
    harness.at(TUESDAY)
    request = RepublishRequest("flags", accounts=A1, public=True)
    assert await flags.run(harness.analyzer.settings, request) == 0
    assert await reader.all(topics.ACCOUNT_FLAG) == [*before, before[-1]]


async def test_a_finished_analysis(harness: Harness, reader: Reader) -> None:
    await a_flagged_account(harness)
    await harness.daily(MONDAY)
    (ended,) = await reader.all(topics.ANALYSIS)
    harness.at(TUESDAY)
    with harness.analyzer.database.session() as session:  # as if the process had died before it noted this
        session.execute("UPDATE analysis_run SET announced = false")
    await harness.analyzer.sweeper.announce()
    assert await reader.all(topics.ANALYSIS) == [ended, ended]


async def test_a_file_and_its_holdings(harness: Harness, reader: Reader) -> None:
    await a_flagged_account(harness)
    _know_to_taxlot(harness)
    outcome = await harness.load(in_band("2026-01-05", "600"), MONDAY)
    (file,), (holdings,) = await reader.all(topics.FILES), await reader.all(topics.HOLDINGS)
    async with harness.pool.connection() as connection:  # as if the process had died before it noted this
        await connection.execute("UPDATE file SET announced_at = NULL, published_at = NULL, status = 'LOADED'")
    await harness.publish(outcome.file_id, TUESDAY)
    assert await reader.all(topics.FILES) == [file, file]
    assert await reader.all(topics.HOLDINGS) == [holdings, holdings]


async def test_a_decided_batch_and_its_orders(harness: Harness, reader: Reader, kafka_url: str) -> None:
    await a_flagged_account(harness)
    await approve(harness)
    states, orders = await reader.until(topics.BATCH, 3), await reader.until(topics.ORDERS, 1)
    harness.at(TUESDAY)
    await _republish(harness, kafka_url)
    assert await reader.until(topics.BATCH, 4) == [*states, states[-1]]
    # A relay that dies before it marks what it has sent, and whose heir does not find it, sends it again.
    harness.batch.sql("UPDATE outbox SET published_at = NULL WHERE topic = %s RETURNING 1", topics.ORDERS.name)
    assert await reader.until(topics.ORDERS, 2) == orders * 2


async def test_a_batch_whose_counts_have_grown_is_published_as_a_new_version(
    harness: Harness, reader: Reader, kafka_url: str
) -> None:
    """Results are counted without a new version while they come in quickly."""
    await a_flagged_account(harness)
    made = await harness.batch.user().propose("a1")
    (state,) = await reader.until(topics.BATCH, 1)
    harness.batch.sql("UPDATE batch SET accounts = 2, proposed = 1 RETURNING 1")
    await _republish(harness, kafka_url)
    before, after = await reader.until(topics.BATCH, 2)
    assert before == state
    assert dict(before[2])["ce_id"] != dict(after[2])["ce_id"]
    ((version,),) = harness.batch.sql("SELECT version FROM batch WHERE batch_id = %s", made["batch_id"])
    assert version == made["version"] + 1


async def _republish(harness: Harness, kafka_url: str) -> None:
    settings = harness.batch.settings.model_copy(
        update={"kafka_url": kafka_url, "clock_file": harness.analyzer.settings.clock_file}
    )
    assert await batch.run(settings, RepublishRequest("account", accounts=A1)) == 0


def _know_to_taxlot(harness: Harness) -> None:
    harness.batch.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
