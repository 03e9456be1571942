"""`deploy.topics` on a real broker: what is there becomes what the table and the settings say, and then stays."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy import topics
from deploy.topic_plan import TopicSettings
from shared.contracts.topics import DAY_MS, FLAGS, ORDERS, STATE_MS, TOPICS, Topic
from tests.waiting import until_async

pytestmark = pytest.mark.integration


async def layout(kafka_url: str, name: str) -> tuple[int, dict[str, str]]:
    """Return the number of partitions of a topic and its values in force."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await client.start()
    try:
        (found,) = await client.describe_topics([name])
        (reply,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    finally:
        await client.close()
    ((_, _, _, _, entries),) = reply.resources
    return len(found["partitions"]), {key: value for key, value, *_ in entries}


async def created(settings: TopicSettings, topic: Topic) -> None:
    """Create a topic and wait until the broker describes it."""
    assert await topics.create(settings.kafka_url, [topic], settings=settings) == [topic.name]
    await until_async(lambda: layout(settings.kafka_url, topic.name), lambda found: found[0] > 0)


async def set_by_hand(kafka_url: str, name: str, **values: str) -> None:
    """Have somebody set values of a topic."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
    await client.start()
    try:
        configuration: dict[str, Any] = {key.replace("_", "."): value for key, value in values.items()}
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configuration)])
    finally:
        await client.close()


async def test_what_is_there_is_altered_once(kafka_url: str) -> None:
    """An internal topic of before: a short retention, two partitions, and something that somebody set by hand."""
    topic = replace(FLAGS, name=f"test.flags.{uuid.uuid4().hex[:8]}")
    older = TopicSettings(kafka_url=kafka_url, partitions=2)
    await created(older, replace(topic, retention_ms=DAY_MS))
    await set_by_hand(kafka_url, topic.name, retention_ms=str(DAY_MS), retention_bytes="123456789")

    wanted = TopicSettings(kafka_url=kafka_url, partitions=6)
    report = await topics.alter(wanted, [topic])
    assert f"{topic.name}: retention.ms {DAY_MS} is now {STATE_MS}" in report.changed
    assert f"{topic.name}: 2 partitions are now 6" in report.changed
    assert report.refused == []
    partitions, values = await until_async(lambda: layout(kafka_url, topic.name), lambda found: found[0] == 6)
    assert (values["retention.ms"], values["retention.bytes"]) == (str(STATE_MS), "123456789")
    assert (values["cleanup.policy"], values["compression.type"]) == ("delete", "producer")
    assert await topics.alter(wanted, [topic]) == topics.TopicReport()

    fewer = await topics.alter(older, [topic])
    assert (fewer.changed, len(fewer.refused), partitions) == ([], 1, 6)


async def test_partitions_of_what_others_read_are_raised_only_when_allowed(kafka_url: str) -> None:
    topic = replace(ORDERS, name=f"test.orders.{uuid.uuid4().hex[:8]}")
    await created(TopicSettings(kafka_url=kafka_url), topic)
    wanted = TopicSettings(kafka_url=kafka_url, partitions=8)
    refused = await topics.alter(wanted, [topic])
    assert refused.changed == []
    assert refused.refused[0].startswith(f"{topic.name}: 4 partitions, wanted are 8: keys would move")
    assert (await layout(kafka_url, topic.name))[0] == 4
    report = await topics.alter(wanted, [topic], allowed=[topic.name])
    assert (report.changed, report.refused) == ([f"{topic.name}: 4 partitions are now 8"], [])
    await until_async(lambda: layout(kafka_url, topic.name), lambda found: found[0] == 8)


async def test_a_compacted_topic_becomes_one_and_copies_that_cannot_be_had_are_told_of(kafka_url: str) -> None:
    topic = replace(ORDERS, name=f"test.state.{uuid.uuid4().hex[:8]}")
    await created(TopicSettings(kafka_url=kafka_url), topic)
    wanted = TopicSettings(kafka_url=kafka_url, replication=3, min_isr=2)
    report = await topics.alter(wanted, [replace(topic, compacted=True)])
    assert report.changed == [
        f"{topic.name}: cleanup.policy delete is now compact",
        f"{topic.name}: min.compaction.lag.ms 0 is now {wanted.event_log_days * DAY_MS}",
    ]
    assert len(report.refused) == 2
    assert (await layout(kafka_url, topic.name))[1]["min.insync.replicas"] == "1"


async def test_a_second_run_over_the_whole_table_changes_nothing(kafka_url: str) -> None:
    settings = TopicSettings(kafka_url=kafka_url)
    await topics.bring(settings)
    made, report = await topics.bring(settings)
    assert (made, report) == ([], topics.TopicReport())
    assert len(TOPICS) > 20
