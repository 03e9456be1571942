"""Told to end in the middle of a transaction, a service ends, whatever the interrupted statement leaves behind."""

import asyncio
import random
import uuid
from collections.abc import Callable

from shared.contracts import topics
from shared.kafka.messages import Incoming
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from tests.batch import build
from tests.batch.harness import Harness

TRIALS = 40
LONGEST_S = 0.03  # a group takes about so long


async def test_a_group_that_is_cancelled_at_any_moment_ends(make_harness: Callable[..., Harness]) -> None:
    harness = make_harness()
    publisher = Publisher("127.0.0.1:1", "batch")
    processor = MessageProcessor("batch", topics.ACCOUNT, harness.handlers.on_accounts, publisher)
    value = build.an_account(uuid.uuid4().hex).model_dump_json().encode()
    message = Incoming(topics.ACCOUNT.name, 0, 1, b"key", value, (("ce_id", b"x"),), 0)
    chance = random.Random(1)

    async def without_end() -> None:
        while True:
            await processor.run([message])

    await processor.run([message])
    for _ in range(TRIALS):
        task = asyncio.ensure_future(without_end())
        asyncio.get_running_loop().call_later(chance.uniform(0, LONGEST_S), task.cancel)
        await asyncio.wait([task], timeout=30)
        assert task.cancelled()
