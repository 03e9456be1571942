"""Of each account the newest public flag is the last on its topic, whoever publishes beside whom: it is compacted.

Real database and broker; what a test delays is the sending alone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from aiokafka.errors import KafkaTimeoutError

from services.analyzer.operations.evaluate import RunStamp
from services.analyzer.operations.publish import FlagPublisher
from services.analyzer.operations.send_flags import FlagSender
from services.analyzer.store import run_start, shards
from shared.contracts import topics
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from tests.analyzer.builders import MONDAY, held, holdings, noon
from tests.analyzer.harness import Harness
from tests.waiting import until_async

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}
_WAITERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 73502"
_HOLDERS = "SELECT coalesce(max(pid), 0) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 73502"


class Delayed(Publisher):
    """Sends public flags only when the test says so; `fails`: then it says that they did not arrive."""

    def __init__(self, kafka_url: str, *, fails: bool = False) -> None:
        super().__init__(kafka_url, "test")
        self._fails = fails
        self.held: list[Outgoing] = []
        self.may_go = asyncio.Event()

    async def send(self, messages: Iterable[Outgoing]) -> None:
        """Send at once what is no public flag.  Raises KafkaTimeoutError, once, if it was made to fail."""
        messages = list(messages)
        if all(message.topic != topics.ACCOUNT_FLAG.name for message in messages) or self.held:
            return await super().send(messages)
        self.held = messages
        if self._fails:
            raise KafkaTimeoutError
        await self.may_go.wait()
        return await super().send(messages)

    async def arrive(self) -> None:
        """Send what was held back."""
        await super().send(self.held)


@asynccontextmanager
async def a_late_writer(harness: Harness, *, fails: bool = False) -> AsyncIterator[tuple[Delayed, FlagPublisher]]:
    """A second process that has taken in that a1 has drifted, and has not evaluated it yet."""
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    await harness.published()
    harness.handlers._facts.holdings(holdings(held("a1", 2, cash="130", **DRIFTED)))
    async with Delayed(harness.settings.kafka_url, fails=fails) as publisher:
        yield publisher, FlagPublisher(harness.database, harness.evaluator, publisher)


async def published(harness: Harness) -> list[tuple[int, str]]:
    """Return (version, state) of the public events of a1 since the last call, in the order of the topic."""
    events = (await harness.published())[topics.ACCOUNT_FLAG.name]
    return [(event.version, event.state) for event in events if event.account_id == "a1"]


async def _number(harness: Harness, query: str) -> int:
    return int(harness.row(query)[0])


async def test_who_stores_later_waits_for_who_sends_already(harness: Harness) -> None:
    async with a_late_writer(harness) as (publisher, late):
        earlier = asyncio.create_task(late.evaluate_and_publish(["a1"], "late"))
        await until_async(lambda: _held(publisher), bool)
        later = asyncio.create_task(harness.handlers.on_holdings(holdings(held("a1", 3, **IN_BAND))))
        await until_async(lambda: _number(harness, _WAITERS), bool)
        assert harness.row("SELECT flag_version FROM analyzer.flag") == (4,), "it is stored, and not sent"
        publisher.may_go.set()
        await asyncio.gather(earlier, later)
    assert await published(harness) == [(3, "FLAGGED"), (4, "CLEAR")]


async def test_what_a_sweep_has_stored_is_not_sent_once_somebody_else_has_sent_newer(harness: Harness) -> None:
    harness.at(noon(MONDAY).replace(hour=7))
    async with a_late_writer(harness):
        with harness.database.session() as session:
            assert run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY)) is not None
        with harness.database.session() as session, shards.claim(session) as shard:
            assert shard is not None
            stamp = RunStamp(shard.run_no)
            stored = harness.evaluator.sweep(session, shard.first_id, shard.last_id, stamp, "test")
            found = harness.evaluator.messages_of_sweep(session, stored, stamp)
            assert [len(part.public) for part in found] == [1]
            await harness.handlers.on_holdings(holdings(held("a1", 3, **IN_BAND)))
            sender = FlagSender(harness.publisher, harness.evaluator.events_again)
            await sender.send(harness.database.session, found)
    assert await published(harness) == [(4, "CLEAR")]
    assert await harness.sweeper.step(), "its shard is still to be done"


async def test_what_arrives_after_it_was_given_up_is_followed_by_the_newest(harness: Harness) -> None:
    """A broker that is slow to answer takes the event in the end, after that of another process."""
    async with a_late_writer(harness, fails=True) as (publisher, late):
        with pytest.raises(KafkaTimeoutError):
            await late.evaluate_and_publish(["a1"], "late")
        await harness.handlers.on_holdings(holdings(held("a1", 3, **IN_BAND)))
        await publisher.arrive()
        assert await published(harness) == [(4, "CLEAR"), (3, "FLAGGED")]
        await late.evaluate_and_publish(["a1"], "late")  # as the message processor does: all of it again
    assert await published(harness) == [(5, "CLEAR")]


async def test_who_loses_the_locks_while_sending_sends_the_newest_again(harness: Harness) -> None:
    async with a_late_writer(harness) as (publisher, late):
        earlier = asyncio.create_task(late.evaluate_and_publish(["a1"], "late"))
        await until_async(lambda: _held(publisher), bool)
        with harness.database.session() as other:
            other.execute(f"SELECT pg_terminate_backend(({_HOLDERS}), 20000)".encode())
        await harness.handlers.on_holdings(holdings(held("a1", 3, **IN_BAND)))
        publisher.may_go.set()
        with pytest.raises(psycopg.OperationalError):
            await earlier
        assert await published(harness) == [(4, "CLEAR"), (3, "FLAGGED")]
        await late.evaluate_and_publish(["a1"], "late")
    assert await published(harness) == [(5, "CLEAR")]


async def _held(publisher: Delayed) -> list[Outgoing]:
    return publisher.held
