"""Where a consumer group reads on after a restore, on a real broker."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import typer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownMemberIdError

from shared.oncall import command_line, positions
from shared.runtime import log

pytestmark = pytest.mark.integration


@pytest.fixture
async def names(kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Two topics of the test's own, what comes in and what our services send, each with two events an hour apart."""
    names = tuple(f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("inbound", "internal"))
    monkeypatch.setattr(positions, "_INBOUND", {names[0]})
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=2, replication_factor=1) for name in names])
    finally:
        await admin.close()
    now_ms = int(time.time() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        for name in names:
            for at_ms in (now_ms - 3_600_000, now_ms):
                await producer.send_and_wait(name, b"event", partition=0, timestamp_ms=at_ms)
    return names[0], names[1]


async def test_what_comes_in_is_read_again_and_what_our_services_sent_is_passed_over(
    kafka_url: str, names: tuple[str, str]
) -> None:
    inbound, internal = names
    group = f"test-{uuid.uuid4().hex[:8]}"
    since = datetime.now(UTC) - timedelta(minutes=10)
    moved = await positions.set_positions(kafka_url, group, names, since)
    assert moved == {inbound: {0: 1, 1: 0}, internal: {0: 2, 1: 0}}
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False) as consumer:
        for name, expected in ((inbound, 1), (internal, 2)):
            assert await consumer.committed(TopicPartition(name, 0)) == expected
    earlier = since - timedelta(hours=2)
    assert (await positions.set_positions(kafka_url, group, names, earlier))[inbound] == {0: 0, 1: 0}


async def test_a_group_that_is_in_use_is_left_as_it_is(
    kafka_url: str, names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "_PATIENCE_S", 0.0)
    group = f"test-{uuid.uuid4().hex[:8]}"
    async with AIOKafkaConsumer(
        names[1], bootstrap_servers=kafka_url, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    ) as member:
        assert await member.getone()
        with pytest.raises(positions._HAS_MEMBERS):
            await positions.set_positions(kafka_url, group, names, datetime.now(UTC))
        assert await member.committed(TopicPartition(names[1], 0)) is None


def test_the_command_names_a_group_in_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def refused(*_given: object) -> None:
        raise UnknownMemberIdError

    monkeypatch.setattr(positions, "set_positions", refused)
    monkeypatch.setattr(log, "configure", lambda *_given: None)  # it would make the log of later tests quiet
    monkeypatch.setenv("REBALANCER_KAFKA_URL", "127.0.0.1:1")
    with pytest.raises(typer.Exit):
        positions.of_worker("taxlot", datetime.now(UTC))
    assert "rebalancer-taxlot still has members" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["yesterday", "2026-01-02T15:04:05"])
def test_an_instant_needs_a_date_and_a_zone(given: str) -> None:
    with pytest.raises(typer.BadParameter):
        command_line._instant(given)
