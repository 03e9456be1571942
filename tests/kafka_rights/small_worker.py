"""A worker with the proposer's name, topics and rights, which answers each message with its own bytes."""

from collections.abc import Sequence
from datetime import UTC, datetime

import faust

from shared.contracts import topics
from shared.contracts.topics import Topic
from shared.http.app import create_app
from shared.kafka import faust_worker
from shared.kafka.messages import Chunk, Outgoing
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.oncall.command_line import read_settings
from shared.runtime.settings import ServiceSettings

SERVICE = "proposer"
REQUESTS, RESULTS = topics.small(topics.WORK_LOTS), topics.small(topics.WORK_TRADES)


def message(topic: Topic, key: str, value: bytes) -> Outgoing:
    """Return a message with the headers of a chunk."""
    at = datetime.now(UTC).isoformat()
    headers = {"ce_id": key, "ce_specversion": "1.0", "ce_type": topic.name, "ce_source": "/test", "ce_time": at}
    return Outgoing(topic.name, key.encode(), value, headers)


def build(settings: ServiceSettings) -> faust.App:
    """Return the worker."""
    publisher = Publisher(settings.broker, SERVICE)

    async def handle(chunks: Sequence[Chunk]) -> None:
        await publisher.send([message(RESULTS, chunk.meta["key"], chunk.value) for chunk in chunks])

    app = faust_worker.build_worker(SERVICE, settings)
    faust_worker.consume(app, MessageProcessor(SERVICE, REQUESTS, handle, publisher, settings.processor_limits))

    async def ready() -> list[str]:
        return faust_worker.readiness(app)

    faust_worker.attach(app, [publisher], create_app(SERVICE, ready), settings)
    return app


if __name__ == "__main__":
    faust_worker.run_worker(build, read_settings(ServiceSettings), SERVICE)
