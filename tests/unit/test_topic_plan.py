"""What differs between the table of topics and a broker, and what may be done about it."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.topic_plan import (
    PresentTopic,
    TopicSettings,
    compare,
    configuration_of,
    key_order_matters,
    partitions_of,
)
from shared.contracts import topics
from shared.contracts.topics import DAY_MS, STATE_MS, TOPICS, Topic

pytestmark = pytest.mark.fast
ON_CALL = Path(__file__).parents[2] / "docs" / "on-call.md"
THREE = TopicSettings(kafka_url="k:1", partitions=12, replication=3, min_isr=2)
ONE = TopicSettings(kafka_url="k:1")


def present(topic: Topic, settings: TopicSettings, partitions: int | None = None) -> PresentTopic:
    """Return a topic that is as the settings want it, or has another number of partitions."""
    configuration = configuration_of(topic, settings)
    return PresentTopic(
        partitions or partitions_of(topic, settings), settings.replication, configuration | {"x": "1"}, configuration
    )


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
@pytest.mark.parametrize("settings", [ONE, THREE], ids=["defaults", "three brokers"])
def test_what_is_as_it_should_be_is_left_alone(topic: Topic, settings: TopicSettings) -> None:
    found = compare(topic, settings, present(topic, settings))
    assert (found.configuration, found.partitions, found.problems) == ({}, None, ())


def test_topics_of_one_partition_keep_it_whatever_the_setting() -> None:
    assert {topic.name for topic in TOPICS if partitions_of(topic, THREE) == 1} == {
        topic.name for topic in TOPICS if topic.partitions == 1
    }
    assert partitions_of(topics.WORK_LOTS, THREE) == 12
    assert partitions_of(topics.WORK_LOTS, ONE) == topics.WORK_LOTS.partitions


def test_only_what_differs_is_set_and_what_others_set_is_kept() -> None:
    there = present(topics.HOLDINGS, ONE)
    older = replace(
        there,
        configuration={**there.configuration, "retention.ms": "1"},
        own={"retention.ms": "1", "retention.bytes": "7"},
    )
    found = compare(topics.HOLDINGS, ONE, older)
    assert found.configuration == {"retention.ms": ("1", str(STATE_MS))}
    assert found.own_configuration == {"retention.ms": str(STATE_MS), "retention.bytes": "7"}


def test_the_event_log_keeps_every_event_for_as_long_as_an_installation_says() -> None:
    year = TopicSettings(kafka_url="k:1", event_log_days=365)
    for topic in TOPICS:
        of_default, of_year = configuration_of(topic, ONE), configuration_of(topic, year)
        name = "min.compaction.lag.ms" if topic.compacted else "retention.ms"
        if topic.logged:
            assert (of_default[name], of_year[name]) == (str(90 * DAY_MS), str(365 * DAY_MS)), topic.name
        else:
            assert of_default == of_year and "min.compaction.lag.ms" not in of_default, topic.name
    before = {name: value for name, value in configuration_of(topics.BATCH, ONE).items() if name[:4] != "min."}
    there = replace(present(topics.BATCH, ONE), configuration=before | {"min.compaction.lag.ms": "0"})
    assert compare(topics.BATCH, ONE, there).configuration["min.compaction.lag.ms"] == ("0", str(90 * DAY_MS))


@pytest.mark.parametrize(
    ("topic", "moves"),
    [(topics.WORK_REQUEST, False), (topics.FLAGS, False), (topics.ORDERS, True), (topics.ACCOUNT, True)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_partitions_are_raised_and_it_is_said_where_the_order_of_a_key_goes(topic: Topic, moves: bool) -> None:
    found = compare(topic, THREE, present(topic, THREE, 4))
    assert (found.partitions, found.moves_keys, found.problems) == (12, moves, ())


def test_no_internal_topic_whose_keys_may_move_is_compacted() -> None:
    assert [topic.name for topic in TOPICS if topic.compacted and not key_order_matters(topic)] == []


def test_fewer_partitions_and_other_copies_are_told_of() -> None:
    found = compare(topics.FLAGS, ONE, present(topics.FLAGS, THREE))
    assert found.partitions is None
    assert [problem.split(",")[0] for problem in found.problems] == ["has 12 partitions", "has 3 copies"]
    assert "raise REBALANCER_PARTITIONS" in found.problems[0]
    single = compare(topics.PRICE, ONE, present(topics.PRICE, ONE, 3))
    assert "delete and fill it anew" in single.problems[0]


def test_more_copies_in_step_than_there_are_would_refuse_every_message() -> None:
    found = compare(topics.FLAGS, THREE, replace(present(topics.FLAGS, ONE), partitions=12))
    assert found.configuration == {}
    assert "min.insync.replicas 1 until it has enough copies" in found.problems[1]
    with pytest.raises(ValidationError, match="min_isr 2 is above replication 1"):
        TopicSettings(kafka_url="k:1", min_isr=2)


def carries_state(topic: Topic) -> bool:
    """Return whether an internal topic keeps what it carries for longer than it takes to be read."""
    return topic.audience == "internal" and (topic.compacted or topic.retention_ms >= STATE_MS)


def test_what_carries_state_is_kept_and_can_be_republished_and_the_rest_is_known() -> None:
    """An internal topic that is new must say which of the two it is."""
    state = {topic.name for topic in TOPICS if carries_state(topic)}
    assert state == {topic.name for topic in TOPICS if topic.audience == "internal" and topic.republished_by}
    passing = {"analyzer.standing", "batch.recall", "taxlot.unbooked", "batch.queue"}
    hops = {f"work.{hop}{small}" for hop in ("facts", "lots", "trades") for small in ("", ".small")}
    assert {topic.name for topic in TOPICS if topic.audience == "internal"} - state == passing | hops


def test_every_command_that_republishes_a_topic_is_on_the_page_for_people_on_call() -> None:
    page = ON_CALL.read_text()
    for topic in TOPICS:
        if topic.republished_by:
            command = topic.republished_by.removesuffix(" --every")
            row = next((line for line in page.splitlines() if f"| `{topic.name}` |" in line), "")
            assert f"python -m {command}" in row, f"{topic.name}: say in docs/on-call.md how it is filled again"
