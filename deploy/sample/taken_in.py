"""Waiting, outside the system, until it has taken a sample book in."""

from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer

from shared.contracts.events import FileProcessed
from shared.contracts.topics import ACCOUNT_FLAG, FILES
from shared.kafka.connection import client_options
from shared.runtime.broker import Broker

LOOK_MS = 1000


class Refused(RuntimeError):
    """A file of the book was refused."""


async def _nothing() -> None:
    """Look at nothing while nothing comes."""


async def taken_in(broker: Broker, files: set[str], idle: Callable[[], Awaitable[None]] = _nothing) -> None:
    """Wait for the events that say the outcome of every file, and for a first flag; `files` keeps what is waited for.

    idle: called after each second in which nothing came; what it raises ends the waiting.  Raises Refused.
    """
    consumer = AIOKafkaConsumer(
        FILES.name,
        ACCOUNT_FLAG.name,
        **client_options(broker),
        auto_offset_reset="earliest",
        group_id=None,
    )
    flagged = False
    await consumer.start()
    try:
        while files or not flagged:
            came = await consumer.getmany(timeout_ms=LOOK_MS)
            for record in (record for records in came.values() for record in records):
                if record.topic == ACCOUNT_FLAG.name:
                    flagged = True
                    continue
                outcome = FileProcessed.model_validate_json(record.value)
                if outcome.outcome == "REFUSED":
                    raise Refused(f"taxlot refused {outcome.file_name}: {outcome.reason}")
                files.discard(outcome.file_name)
            if not came:
                await idle()
    finally:
        await consumer.stop()
