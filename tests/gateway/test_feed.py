"""From the real topics to a browser's stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime

import pytest

from services.gateway.push.hub import Hub
from shared.contracts import topics
from shared.contracts.events import (
    AdvisorCounts,
    AnalysisCompleted,
    BatchChanged,
    FilePart,
    FileProcessed,
    QueueChanged,
)
from shared.contracts.principal import Principal
from shared.kafka.messages import Outgoing, event
from shared.kafka.publisher import Publisher
from tests.gateway.streams import feeding
from tests.waiting import until_so

pytestmark = pytest.mark.integration
PAT = Principal(subject="pat", name="Pat", roles=["viewer"], enterprises=["E1"])
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def _still() -> Principal:
    return PAT


def batch_changed(batch_id: int, version: int, enterprise: str, advisors: Sequence[str] = ("V1",)) -> Outgoing:
    body = BatchChanged(
        batch_id=batch_id,
        enterprise_id=enterprise,
        enterprise_ids=[enterprise],
        advisor_ids=list(advisors),
        version=version,
        status="WORKING",
        logic="BEST_FIT",
        accounts=1,
        working=1,
        proposed=0,
        failed=0,
        removed=0,
        requested_by="pat",
        trade_date=date(2026, 3, 2),
    )
    return event(topics.BATCH, str(batch_id), body, event_id=f"{batch_id}-{version}", source="test", at=NOW)


def queue_changed(version: int, enterprise: str) -> Outgoing:
    body = QueueChanged(enterprise_id=enterprise, version=version)
    return event(topics.QUEUE, enterprise, body, event_id=f"{enterprise}-{version}", source="test", at=NOW)


async def _until(stream: AsyncIterator[bytes], wanted: set[str]) -> list[str]:
    """Read until every wanted piece was seen; return all events."""
    seen: list[str] = []
    async with asyncio.timeout(20):
        while not all(any(piece in event_text for event_text in seen) for piece in wanted):
            seen += (await anext(stream)).decode().split("\n\n")
    return [event_text for event_text in seen if "event:" in event_text]


async def test_from_topic_to_stream(kafka_url: str) -> None:
    hub = Hub(heartbeat_s=60, check_s=60)
    completed, others = (
        AnalysisCompleted(
            run_id=run, enterprise_id=enterprise, business_date=date(2026, 3, 2), version=1, price_set=4, accounts=9,
            flagged=2, held=0, advisors=[AdvisorCounts(advisor_id="V1", accounts=9, flagged=2, held=0)],
        )
        for run, enterprise in (("run-9", "E1"), ("run-8", "E2"))
    )  # fmt: skip
    processed, of_others = (
        FileProcessed(
            file_id=number, version=2, file_name="lots.psv", custodian="C1", as_of=date(2026, 3, 2), outcome="LOADED",
            at=NOW, parts=[FilePart(enterprise_id=enterprise, advisor_id="V1", accounts=1, held=0)],
        )
        for number, enterprise in (("F9", "E1"), ("F8", "E2"))
    )  # fmt: skip
    async with Publisher(kafka_url, "test") as publisher:
        await publisher.send([batch_changed(1, 1, "E1")])
        async with feeding(kafka_url, hub):
            await until_so(lambda: hub.is_open, within_s=30)
            stream = hub.listen(b"s", PAT, None, _still)
            await anext(stream)
            garbage = Outgoing(topics.BATCH.name, b"x", b"not json")
            await publisher.send([garbage, batch_changed(2, 7, "E1"), batch_changed(3, 1, "E2")])
            for run in (others, completed):
                key = run.run_id
                await publisher.send([event(topics.ANALYSIS, key, run, event_id=key, source="test", at=NOW)])
            for file in (of_others, processed):
                key = file.file_id
                await publisher.send([event(topics.FILES, key, file, event_id=key, source="test", at=NOW)])
            await publisher.send([queue_changed(number, "E1") for number in range(1, 2001)])
            await publisher.send([queue_changed(9000, "E2")])
            wanted = {'"id":"2"', '"id":"run-9"', '"id":"F9"', '"version":2000'}
            seen = await _until(stream, wanted)
    pushed = "\n".join(line for event_text in seen for line in event_text.split("\n") if not line.startswith("id:"))
    assert '"id":"1"' not in pushed, "what was there before the start is not news"
    assert "E2" not in pushed and '"id":"3"' not in pushed
    assert "run-8" not in pushed and "F8" not in pushed, "what concerns others is not there"
    assert sum("event: queue" in event_text for event_text in seen) <= 8, "2,000 flags are a few messages"


async def test_without_a_broker_nobody_believes_to_be_live() -> None:
    hub = Hub(heartbeat_s=60, check_s=60)
    beats: list[bool] = []
    async with feeding("127.0.0.1:1", hub, lambda: beats.append(hub.is_open)):
        await until_so(lambda: len(beats), lambda many: many > 2)
    assert not any(beats)
