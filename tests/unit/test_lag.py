"""How far groups are behind, and since when: from committed offsets and ends of partitions alone."""

from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from shared.contracts import topics
from shared.kafka.lag import LagWatch, Sightings, worker_groups

pytestmark = pytest.mark.fast
FIRST, SECOND = TopicPartition("lag.topic", 0), TopicPartition("lag.topic", 1)


def test_a_message_is_as_old_as_the_first_end_beyond_it() -> None:
    seen = Sightings()
    for end, now_s in ((10, 1.0), (10, 2.0), (15, 3.0), (20, 4.0)):
        seen.note(end, now_s)
    assert [seen.first_seen_s(offset) for offset in (0, 9, 10, 14, 15, 19, 20)] == [1.0, 1.0, 3.0, 3.0, 4.0, 4.0, None]


def test_what_every_group_has_done_is_forgotten_and_the_last_end_is_kept() -> None:
    seen = Sightings()
    for end, now_s in ((10, 1.0), (15, 3.0), (20, 4.0)):
        seen.note(end, now_s)
    seen.forget(15)
    assert [seen.first_seen_s(offset) for offset in (15, 20)] == [4.0, None]
    seen.forget(20)
    seen.note(20, 9.0)
    assert seen.first_seen_s(19) == 4.0


def test_memory_is_bounded_and_the_oldest_sighting_survives() -> None:
    seen = Sightings(most=10)
    for number in range(1, 1000):
        seen.note(number, float(number))
        assert len(seen._ends) <= 11
    assert seen.first_seen_s(0) == 1.0
    assert seen.first_seen_s(998) == 999.0


def test_a_topic_that_was_made_anew_starts_anew() -> None:
    seen = Sightings()
    seen.note(100, 1.0)
    seen.note(3, 2.0)
    assert seen.first_seen_s(2) == 2.0


def _lag(group: str) -> tuple[float | None, float | None]:
    names = ("rebalancer_consumer_lag_records", "rebalancer_consumer_lag_seconds")
    records, age_s = (REGISTRY.get_sample_value(name, {"group": group, "topic": "lag.topic"}) for name in names)
    return records, age_s


def test_a_group_without_a_commit_is_behind_by_all_there_is_and_another_by_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = {"s": 1000.0}
    monkeypatch.setattr("shared.kafka.lag.time.monotonic", lambda: clock["s"])
    watch = LagWatch("127.0.0.1:1", {"new": ["lag.topic"], "old": ["lag.topic"]})

    def compare(committed: Mapping[TopicPartition, int], ends: tuple[int, int]) -> None:
        found = {"new": {}, "old": committed}
        watch.compare(found, {FIRST: 2, SECOND: 0}, {FIRST: ends[0], SECOND: ends[1]}, clock["s"])

    compare({FIRST: 10, SECOND: 5}, (10, 5))
    assert (_lag("new"), _lag("old")) == ((13.0, 0.0), (0.0, 0.0))
    clock["s"] += 60
    compare({FIRST: 10, SECOND: 5}, (12, 5))
    assert (_lag("new"), _lag("old")) == ((15.0, 60.0), (2.0, 0.0))
    clock["s"] += 30
    assert _lag("old") == (2.0, 30.0), "while the broker is away the age grows from scrape to scrape"
    compare({FIRST: 11, SECOND: 5}, (12, 9))
    assert _lag("old") == (5.0, 30.0), "the oldest of its partitions counts"
    compare({FIRST: 12, SECOND: 9}, (12, 9))
    assert _lag("old") == (0.0, 0.0)


def test_every_topic_with_a_worker_is_watched() -> None:
    watched = {(group, topic) for group, names in worker_groups().items() for topic in names}
    assert ("rebalancer-analyzer", topics.PRICE.name) in watched
    assert ("rebalancer-taxlot", topics.small(topics.WORK_FACTS).name) in watched
    assert ("rebalancer-proposer", topics.WORK_LOTS.name) in watched
