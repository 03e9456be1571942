"""A file waits for the accounts and securities published before it, and only for those."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import AsyncConnection

from services.taxlot.intake.catchup import catch_up
from services.taxlot.store import progress
from shared import messages
from shared.contracts import topics
from shared.kafka import Publisher
from shared.messages import Incoming
from tests.taxlot.conftest import Book
from tests.taxlot.test_service import account, ends

pytestmark = pytest.mark.asyncio


def _done_up_to(kafka_url: str) -> list[Incoming]:
    """The last message of every partition that files are judged by."""
    return [
        Incoming(one.topic, one.partition, end - 1, None, None, (), 0)
        for topic in (topics.ACCOUNT, topics.SECURITY)
        for one, end in ends(kafka_url, topic).items()
        if end
    ]


async def _publish_account(kafka_url: str) -> None:
    event: Any = account(uuid.uuid4().hex, "NORTH")
    async with Publisher(kafka_url, "test") as publisher:
        await publisher.send(
            [messages.event(topics.ACCOUNT, event.account_id, event, event_id="x", source="t", at=datetime.now(UTC))]
        )


async def test_what_is_noted_counts_though_the_broker_knows_of_no_commit(kafka_url: str, book: Book) -> None:
    """A commit that a rebalance refused is not repeated before the next message comes: files do not wait for that."""
    group = f"never-committed-{uuid.uuid4().hex}"
    await _publish_account(kafka_url)
    async with await AsyncConnection.connect(book.url, autocommit=True, options="-c search_path=taxlot") as connection:
        assert not await catch_up(kafka_url, group, connection, within_s=0)
        await progress.note(connection, _done_up_to(kafka_url))
        assert await catch_up(kafka_url, group, connection, within_s=0)
        await _publish_account(kafka_url)
        assert not await catch_up(kafka_url, group, connection, within_s=0)


async def test_what_was_noted_is_never_taken_back(book: Book) -> None:
    """After a rebalance older messages come again."""
    topic = topics.ACCOUNT.name
    done = [Incoming(topic, partition, offset, None, None, (), 0) for partition, offset in ((0, 7), (0, 9), (1, 3))]
    async with await AsyncConnection.connect(book.url, autocommit=True, options="-c search_path=taxlot") as connection:
        await progress.note(connection, done)
        await progress.note(connection, done[:1])
        assert await progress.read(connection) == {(topic, 0): 10, (topic, 1): 4}
