"""Messages of an earlier release that still stand on the topics: all are handled by their readers, none put aside."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.analyzer.app import build_handlers
from services.gateway.push.changes_from_topics import TOPICS as PUSHED
from services.gateway.push.changes_from_topics import changes_of
from services.proposer.handlers import Handlers as Proposer
from services.taxlot.handlers import Handlers as Taxlot
from shared.contracts import topics
from shared.contracts.events import AnalysisCompleted
from shared.contracts.tenancy import Scope
from shared.contracts.topics import TOPICS
from shared.kafka.messages import BadMessage, Incoming, decoder
from shared.kafka.processor import Handler, MessageProcessor
from shared.kafka.publisher import Publisher
from shared.postgres import pool as db
from shared.runtime import metrics
from shared.runtime.clock import FileClock, set_instant
from shared.runtime.settings import ProcessorLimits
from tests.analyzer.harness import OpenDependencies, settings_for
from tests.batch.harness import Harness as BatchHarness
from tests.stackfix.infrastructure import as_role
from tests.upgrade.before import MORNING, Upgraded, messages

pytestmark = pytest.mark.integration


@pytest.fixture
async def readers(
    upgraded: Upgraded, kafka_url: str, tmp_path: Path
) -> AsyncIterator[dict[tuple[str, str], MessageProcessor]]:
    """Return the processor of each service and topic, around the real handlers on the upgraded database."""
    settings = settings_for(upgraded.url, kafka_url, tmp_path / "clock.json")
    set_instant(tmp_path / "clock.json", MORNING)
    clock, batch = FileClock(tmp_path / "clock.json"), BatchHarness(upgraded.url)
    batch.clock.instant = MORNING
    async with (
        OpenDependencies(settings) as dependencies,
        Publisher(kafka_url, "taxlot") as publisher,
        db.pool(as_role(upgraded.url, "taxlot"), "taxlot") as pool,
    ):
        rules, lots, proposer = (
            build_handlers(dependencies, settings),
            Taxlot(pool, publisher, clock),
            Proposer(publisher, clock),
        )
        by_service: dict[str, dict[topics.Topic, Any]] = {
            "analyzer": {
                topics.SECURITY: rules.on_securities,
                topics.PRICE: rules.on_prices,
                topics.MODEL: rules.on_models,
                topics.PORTFOLIO: rules.on_portfolios,
                topics.ACCOUNT: rules.on_accounts,
                topics.HOLDINGS: rules.on_holdings,
                topics.REBALANCED: rules.on_rebalanced,
                topics.RETURNED: rules.on_returned,
                topics.WORK_REQUEST: rules.on_request(topics.WORK_FACTS),
            },
            "taxlot": {
                topics.SECURITY: lots.on_securities,
                topics.ACCOUNT: lots.on_accounts,
                topics.REBALANCED: lots.on_rebalanced,
                topics.WORK_FACTS: lots.on_facts(topics.WORK_LOTS),
                topics.WORK_TRADES: lots.on_trades(topics.WORK_RESULTS),
            },
            "proposer": {topics.WORK_LOTS: proposer.on_lots(topics.WORK_TRADES)},
            "batch": {
                topics.ACCOUNT: batch.handlers.on_accounts,
                topics.FLAGS: batch.handlers.on_flags,
                topics.ANALYSIS: batch.handlers.on_analysis,
                topics.WORK_RESULTS: batch.handlers.on_results,
            },
        }

        def processor(service: str, topic: topics.Topic, handler: Handler) -> MessageProcessor:
            return MessageProcessor(service, topic, handler, publisher, ProcessorLimits(retry_s=1.0))

        made = {}
        for service, taken in by_service.items():
            for topic, handler in taken.items():
                made[service, topic.name] = processor(service, topic, handler)
                if topic in topics.WORK:
                    small = topics.small(topic)
                    made[service, small.name] = processor(service, small, handler)
        yield made
        await batch.database.close()


def _came() -> dict[str, list[Incoming]]:
    """Return the messages by topic."""
    by_topic: dict[str, list[Incoming]] = defaultdict(list)
    for message in messages():
        by_topic[message.topic].append(message)
    for topic in topics.WORK:  # the same chunks; so few accounts go the way of small requests
        by_topic[topic.name] = by_topic[topics.small(topic).name]
    return by_topic


def _letters(service: str, topic: str) -> float:
    return sum(
        sample.value
        for family in metrics.DEAD_LETTERS.collect()
        for sample in family.samples
        if (sample.labels["service"], sample.labels["topic"]) == (service, topic) and sample.name.endswith("_total")
    )


async def test_every_message_from_before_is_handled(readers: dict[tuple[str, str], MessageProcessor]) -> None:
    came = _came()
    read = {(service, topic.name) for topic in TOPICS if topic.name in came for service in topic.consumers}
    assert set(readers) == {(service, topic) for service, topic in read if service != "gateway"}
    for (service, topic), processor in sorted(readers.items()):
        before = _letters(service, topic)
        async with asyncio.timeout(60):
            await processor.run(came[topic])
        assert _letters(service, topic) == before, f"{service} put messages of {topic} aside"


def test_an_analysis_of_the_whole_book_is_told_to_nobody() -> None:
    """Of the former form: it names no enterprise, and its counts are of all of them."""
    decode = decoder(topics.ANALYSIS)
    for message in _came()[topics.ANALYSIS.name]:
        event: AnalysisCompleted = decode(message)
        assert (event.enterprise_id, event.advisors) == (None, [])
        assert event.accounts > 0
        mixed = orjson.loads(message.value or b"") | {
            "advisors": [{"advisor_id": "V1", "accounts": 1, "flagged": 0, "held": 0}]
        }
        with pytest.raises(BadMessage, match="must name their enterprise_id"):
            decode(Incoming(message.topic, 0, 0, message.key, orjson.dumps(mixed), (), 0))


@pytest.mark.parametrize("topic", PUSHED, ids=lambda topic: topic.name)
def test_a_browser_hears_of_nothing_that_may_not_be_its_own(topic: topics.Topic) -> None:
    changes, unreadable = changes_of(topic.name, _came()[topic.name])
    assert changes and unreadable == 0
    everybody = Scope("sample-ops", ("E1", "E2", "E3"), None)
    for change in changes:
        assert change.audience.includes(everybody) == (topic is topics.QUEUE)
