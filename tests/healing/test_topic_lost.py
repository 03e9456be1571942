"""A topic is deleted and made anew: its command fills it, and its readers then have what they would have had."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.topics import create
from services.analyzer.cli import prices as prices_command
from services.analyzer.cli import republish as flags
from services.batch.cli import republish as batch
from services.batch.cli import requests
from services.taxlot.cli import republish as holdings_of
from shared.contracts import topics
from shared.contracts.topics import Topic
from shared.kafka.messages import Chunk, Incoming, decoder
from shared.oncall.republish import RepublishRequest
from tests.analyzer.builders import MONDAY, prices
from tests.commands import run
from tests.healing.harness import (
    CLEAR,
    FLAGGED,
    Harness,
    a_flagged_account,
    approve,
    in_band,
    of,
    opened,
    taxlot_settings,
)
from tests.waiting import until_async

pytestmark = pytest.mark.integration


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


async def lose(harness: Harness, kafka_url: str, topic: Topic) -> None:
    """Delete a topic with all that stands in it and make it anew; its reader begins at its beginning."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await client.start()
    try:
        await client.delete_topics([topic.name])
    finally:
        await client.close()
    assert await until_async(lambda: create(kafka_url, [topic])) == [topic.name]
    carried = [partition for partition in harness.consumer.assignment() if partition.topic == topic.name]
    if carried:
        await harness.consumer.seek_to_beginning(*carried)


async def test_flags(harness: Harness, kafka_url: str) -> None:
    await a_flagged_account(harness)
    read = "SELECT * FROM flag ORDER BY account_id", "SELECT * FROM flag_detail ORDER BY account_id"
    before = [harness.batch.sql(query) for query in read]
    harness.batch.sql("DELETE FROM flag_detail RETURNING 1")
    assert harness.batch.sql("DELETE FROM flag RETURNING 1") == [(1,)]
    await lose(harness, kafka_url, topics.FLAGS)
    assert await flags.run(harness.analyzer.settings, RepublishRequest("flags")) == 0
    await harness.carry()
    assert [harness.batch.sql(query) for query in read] == before


async def test_holdings(harness: Harness, kafka_url: str) -> None:
    await a_flagged_account(harness)
    harness.batch.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
    await harness.load(in_band("2026-01-05", "600"), MONDAY)
    await harness.carry(of(topics.HOLDINGS))
    assert harness.state("a1") == (FLAGGED, 0)
    await lose(harness, kafka_url, topics.HOLDINGS)
    assert await holdings_of.run(taxlot_settings(harness, kafka_url), RepublishRequest("holdings")) == 0
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 0)


async def test_approvals(harness: Harness, kafka_url: str) -> None:
    await a_flagged_account(harness)
    await approve(harness)
    await harness.carry()
    read = [
        "SELECT account_id, epoch, sleeve_id, security_id, quantity_micro FROM taxlot.approved_trade ORDER BY 3, 4, 5",
        "SELECT account_id, epoch FROM taxlot.approval",
    ]
    before = [harness.batch.sql(query) for query in read]
    harness.batch.sql("DELETE FROM taxlot.approval RETURNING 1")
    assert harness.batch.sql("DELETE FROM taxlot.approved_trade RETURNING 1")
    await lose(harness, kafka_url, topics.REBALANCED)
    settings = harness.batch.settings.model_copy(update={"kafka_url": kafka_url})
    assert await batch.run(settings, RepublishRequest("rebalanced")) == 0
    await harness.carry()
    assert [harness.batch.sql(query) for query in read] == before


async def test_returns(harness: Harness, kafka_url: str) -> None:
    """Prices have brought the account into its band while it was in the batch that it left."""
    await a_flagged_account(harness)
    made = await harness.batch.user().propose("a1")
    await harness.analyzer.handlers.on_prices([prices(2, AAA="1", BBB="3.25", CCC="1")])
    await harness.batch.reply(made["batch_id"], failing=["a1"])
    await harness.carry(of(topics.RETURNED))
    assert harness.state("a1") == (FLAGGED, 0)
    await lose(harness, kafka_url, topics.RETURNED)
    settings = harness.batch.settings.model_copy(update={"kafka_url": kafka_url})
    assert await batch.run(settings, RepublishRequest("returned")) == 0
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 0)


async def test_withdrawn_price_sets(harness: Harness, kafka_url: str) -> None:
    await a_flagged_account(harness)
    await harness.analyzer.handlers.on_prices([prices(2, AAA="1.01", BBB="1", CCC="1")])
    by = ("--by", "Pat", "--reason", "a decimal point moved")
    assert run(prices_command.app, harness.analyzer.settings, "withdraw", "2", *by) == 0
    await harness.analyzer.sweeper.publish_withdrawals()
    await harness.carry()
    read = "SELECT price_set, is_withdrawn, reason FROM withdrawn_prices"
    before = harness.batch.sql(read)
    assert harness.batch.sql("DELETE FROM withdrawn_prices RETURNING 1") == [(1,)]
    await lose(harness, kafka_url, topics.PRICE_SETS)
    assert run(prices_command.app, harness.analyzer.settings, "tell") == 0
    await harness.analyzer.sweeper.publish_withdrawals()
    await harness.carry()
    assert harness.batch.sql(read) == before == [(2, True, "a decimal point moved")]


@pytest.mark.parametrize("topic", [topics.WORK_REQUEST, topics.WORK_RESULTS], ids=lambda topic: topic.name)
async def test_requests_and_results(harness: Harness, kafka_url: str, topic: Topic) -> None:
    """Whichever of the two was lost: what the batch waits for is requested again, and its results complete it."""
    await a_flagged_account(harness)
    pat, asked = harness.batch.user(), topics.small(topics.WORK_REQUEST)
    number = int((await pat.propose("a1"))["batch_id"])
    await harness.carry()
    await lose(harness, kafka_url, topics.small(topic))
    await lose(harness, kafka_url, asked)
    assert await requests.run(harness.batch.settings, []) == {number: 1}
    await harness.carry()
    chunk = await last_of(kafka_url, asked)
    rows: Any = chunk.rows
    assert (chunk.meta["batch_id"], chunk.meta["attempt"]) == (str(number), "2")
    await harness.batch.handlers.on_results([harness.batch.results_for(rows.to_pylist(), number, 2)])
    assert (await pat.get(f"/v1/batches/{number}"))["status"] == "PENDING_APPROVAL"
    assert await requests.run(harness.batch.settings, []) == {}
    assert await requests.run(harness.batch.settings, [number]) == {number: None}


def test_the_command_for_requests_says_what_it_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def found(_settings: object, numbers: list[int]) -> dict[int, int | None]:
        return {number: None if number == 9 else 3 for number in numbers}

    monkeypatch.setattr(requests, "run", found)
    for numbers, code in (([], 0), ([7], 0), ([7, 9], 1)):
        with pytest.raises(typer.Exit) as ended:
            requests.send_again(None, numbers)  # type: ignore[arg-type]
        assert ended.value.exit_code == code
    said = capsys.readouterr()
    assert said.out.splitlines() == ["no batch waits for results", *["batch 7: 3 accounts requested again"] * 2]
    assert said.err == "batch 9 waits for no results\n"


async def last_of(kafka_url: str, topic: Topic) -> Chunk:
    """Return the only chunk of a topic, once it is there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        record = await consumer.getone()
    finally:
        await consumer.stop()
    came = Incoming(topic.name, record.partition, record.offset, record.key, record.value, record.headers, 0)
    chunk = decoder(topic)(came)
    assert isinstance(chunk, Chunk)
    return chunk
