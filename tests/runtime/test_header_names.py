"""Odd headers on a real broker, through both kinds of consumers: nothing is lost beside them, nothing ends for them."""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from shared.contracts import topics
from shared.contracts.platform import ModelChanged
from shared.kafka.consumer import GroupConsumer
from shared.kafka.faust_worker import build_worker, consume
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.runtime.settings import ServiceSettings
from tests.waiting import until_async

pytestmark = pytest.mark.asyncio


class Raw(str):
    """A name of a header that goes over the wire as bytes that are no text."""

    def encode(self, *_: Any) -> bytes:
        """Return what is sent."""
        return b"\xff\xfename"


ODD: list[list[tuple[str, bytes | None]]] = [
    [(Raw("x"), b"1")],
    [("ce_id", None), ("raw", b"\xff\x00")],
    [("", b""), ("", None), ("dlq-code", b"?")],
]


@pytest.mark.parametrize("kind", ["consumer", "worker"])
async def test_messages_beside_odd_headers_are_all_done(kafka_url: str, kind: str) -> None:
    """One batch: good, odd and good, odd and bad, good; its readers meet all of it in one fetch."""
    name = uuid.uuid4().hex
    heard: list[str] = []

    async def handle(items: Sequence[ModelChanged]) -> None:
        heard.extend(item.model_id for item in items if item.enterprise_id == name)

    def value(number: int) -> bytes:
        model = ModelChanged(
            model_id=f"M{number}", version=1, enterprise_id=name, name="M", cash_weight="1", holdings=[]
        )
        return model.model_dump_json().encode()

    messages: list[tuple[bytes, list[tuple[str, bytes | None]]]] = [(value(0), [])]
    for number, headers in enumerate(ODD):
        messages += [(value(10 + number), headers), (b"{not json", headers)]
    await _send(kafka_url, name.encode(), [*messages, (value(99), [])])
    async with Publisher(kafka_url, "gateway") as publisher, contextlib.AsyncExitStack() as ends:
        processor = MessageProcessor("gateway", topics.MODEL, handle, publisher)
        if kind == "consumer":
            running = asyncio.create_task(GroupConsumer(kafka_url, f"test-{name}", [processor]).run())
            ends.push_async_callback(_end, running)
        else:
            settings: Any = ServiceSettings.model_construct(kafka_url=kafka_url)
            app = build_worker(f"test-{name}", settings)
            consume(app, processor, group=8)
            await app.start()
            ends.push_async_callback(app.stop)
        await until_async(lambda: _copy(heard), lambda seen: "M99" in seen)
    assert heard == ["M0", "M10", "M11", "M12", "M99"]


async def _send(kafka_url: str, key: bytes, messages: Sequence[tuple[bytes, list[tuple[str, bytes | None]]]]) -> None:
    """Send the messages as one batch.  The client's compiled code lets nobody send such names; its Python does."""
    async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer:
        batch: Any = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 1 << 20)
        for value, headers in messages:
            batch.append(timestamp=None, key=key, value=value, headers=headers)
        await (await producer.send_batch(batch, topics.MODEL.name, partition=0))


async def _end(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _copy(heard: list[str]) -> list[str]:
    return list(heard)
