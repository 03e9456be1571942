"""Faust's consumers wait for a fetch no longer than ours do."""

from typing import Any

import pytest

from shared.kafka.consumer import FETCH_WAIT_MS
from shared.kafka.faust_worker import build_worker
from shared.runtime.settings import ServiceSettings

pytestmark = pytest.mark.asyncio


async def test_the_client_of_a_worker_asks_the_broker_to_answer_soon(kafka_url: str) -> None:
    settings: Any = ServiceSettings.model_construct(kafka_url=kafka_url)
    app = build_worker("test", settings)

    async def never(*_: Any) -> None:
        raise AssertionError("nothing is consumed")

    callbacks = {"on_partitions_revoked": never, "on_partitions_assigned": never}
    consumer: Any = app.transport.create_consumer(never, **callbacks)
    thread = consumer._thread
    client = thread._create_consumer(loop=None)
    assert client._fetch_max_wait_ms == FETCH_WAIT_MS
    await client.stop()
    thread.thread_loop.close()
