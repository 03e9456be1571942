"""Clients that miss something in the metadata ask again, with pauses."""

import asyncio
import itertools
import uuid
from typing import Any

import pytest

from shared.contracts import topics
from shared.kafka.consumer import GroupConsumer
from shared.kafka.metadata_backoff import PAUSE_S, MetadataBackoff

pytestmark = pytest.mark.asyncio


async def test_metadata_is_asked_for_with_pauses_however_often_somebody_wants_it() -> None:
    """aiokafka's sender wants it again as soon as it is answered: three answers take two pauses."""
    loop = asyncio.get_running_loop()
    asked_at: list[float] = []

    async def ask() -> bool:
        asked_at.append(loop.time())
        return False

    backoff = MetadataBackoff(ask)
    while len(asked_at) < 3:
        assert await backoff() is False
    gaps = [later - sooner for sooner, later in itertools.pairwise(asked_at)]
    assert min(gaps) >= PAUSE_S * 0.99, gaps


async def test_who_asks_meanwhile_gets_the_same_answer_and_giving_up_does_not_take_it_from_others() -> None:
    reply = asyncio.get_running_loop().create_future()
    asked: list[int] = []

    async def ask() -> bool:
        asked.append(1)
        return bool(await reply)

    backoff = MetadataBackoff(ask)
    first, second = backoff(), backoff()
    first.cancel()
    reply.set_result(True)
    assert await second is True
    assert len(asked) == 1


async def test_a_consumer_whose_partition_has_no_leader_asks_with_pauses(kafka_url: str) -> None:
    """A broker that shuts down in order says that no partition has a leader, and is then away."""
    consumer = GroupConsumer(kafka_url, f"test-{uuid.uuid4().hex}", []).client()
    consumer.subscribe([topics.PRICE.name])
    await consumer.start()
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=100)
    loop, below = asyncio.get_running_loop(), consumer._client
    asked_at: list[float] = []
    enough = asyncio.Event()

    async def away(_cluster: Any, _topics: Any) -> bool:
        asked_at.append(loop.time())
        if len(asked_at) == 4:
            enough.set()
        return False

    below._metadata_update = away
    partitions = below.cluster._partitions[topics.PRICE.name]
    for number, known in partitions.items():
        partitions[number] = known._replace(leader=-1)
    async with asyncio.timeout(60):
        await enough.wait()
    await consumer.stop()
    gaps = [later - sooner for sooner, later in itertools.pairwise(asked_at)]
    assert min(gaps) >= PAUSE_S * 0.99, gaps
