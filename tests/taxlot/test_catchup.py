"""A file waits for the accounts, securities and approvals published before it, and only for those."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pyarrow as pa
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.intake.catchup import catch_up
from services.taxlot.store import offsets
from shared.contracts import chunks, topics
from shared.kafka import messages
from shared.kafka.messages import Incoming
from tests.taxlot.harness import NOW, Book, end_offsets, publish, publish_accounts, run, unique_numbers

Asked = Callable[[AsyncConnection[TupleRow]], Awaitable[Any]]


def _done_up_to(kafka_url: str) -> list[Incoming]:
    """The last message of every partition that files are judged by."""
    return [
        Incoming(partition.topic, partition.partition, end - 1, None, None, (), 0)
        for topic in (topics.ACCOUNT, topics.SECURITY, topics.REBALANCED)
        for partition, end in end_offsets(kafka_url, topic).items()
        if end
    ]


def _publish_account(kafka_url: str) -> None:
    custodian, numbers = unique_numbers(1)
    publish_accounts(kafka_url, numbers, custodian)


def _publish_approval(kafka_url: str) -> None:
    row = {"account_id": "A1", "enterprise_id": "E1", "advisor_id": "V1", "epoch": 1, "trade_date": NOW.date()}
    rows = pa.RecordBatch.from_pylist([row], schema=chunks.REBALANCED)
    publish(kafka_url, [messages.chunk(topics.REBALANCED, "1", rows, {}, event_id="1", source="t", at=NOW)])


def _asked(book: Book, ask: Asked) -> Any:
    """What is answered on a connection that sees taxlot's schema."""

    async def connected() -> Any:
        async with await AsyncConnection.connect(
            book.url, autocommit=True, options="-c search_path=taxlot"
        ) as connection:
            return await ask(connection)

    return run(connected())


@pytest.mark.parametrize("publish_one", [_publish_account, _publish_approval])
def test_what_is_noted_counts_though_the_broker_knows_of_no_commit(
    kafka_url: str, book: Book, publish_one: Callable[[str], None]
) -> None:
    """A commit that a rebalance refused is not repeated before the next message comes: files do not wait for that."""
    group = f"never-committed-{uuid.uuid4().hex}"

    def caught_up() -> Any:
        return _asked(book, lambda connection: catch_up(kafka_url, group, connection, within_s=0))

    publish_one(kafka_url)
    assert not caught_up()
    done = _done_up_to(kafka_url)
    _asked(book, lambda connection: offsets.note(connection, done))
    assert caught_up()
    publish_one(kafka_url)
    assert not caught_up()


def test_what_was_noted_is_never_taken_back(book: Book) -> None:
    """After a rebalance older messages come again."""
    topic = topics.ACCOUNT.name
    done = [Incoming(topic, partition, offset, None, None, (), 0) for partition, offset in ((0, 7), (0, 9), (1, 3))]
    _asked(book, lambda connection: offsets.note(connection, done))
    _asked(book, lambda connection: offsets.note(connection, done[:1]))
    assert _asked(book, offsets.read) == {(topic, 0): 10, (topic, 1): 4}
