"""How the example subscriber reaches the broker, ends, and says what is wrong with the connection.

Environment: KAFKA_URL (host:port), GROUP, TOPIC_PREFIX (for tests); where the broker wants users, KAFKA_CA_FILE (who
signed its certificate), KAFKA_USER and KAFKA_PASSWORD.
"""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

Follow = Callable[[AIOKafkaConsumer], Awaitable[None]]


def run(follow: Follow, topics: Sequence[str], **options: Any) -> None:
    """Give `follow` a consumer of these topics until SIGINT or SIGTERM; end with a sentence if the broker refuses it.

    options: of AIOKafkaConsumer.
    """
    try:
        asyncio.run(_until_signalled(follow, topics, options))
    except KafkaConnectionError as error:  # the line before it says why, from aiokafka's own log
        sys.exit(f"no connection: are KAFKA_URL, KAFKA_CA_FILE, KAFKA_USER and KAFKA_PASSWORD right? {error}")
    except TopicAuthorizationFailedError as error:
        sys.exit(f"this user may not read all of the topics; ask whoever gave it to you: {error}")
    except GroupAuthorizationFailedError as error:
        sys.exit(f"GROUP must be the user's name, or begin with it and a dot: {error}")


async def _until_signalled(follow: Follow, topics: Sequence[str], options: dict[str, Any]) -> None:
    task = asyncio.ensure_future(_followed(follow, topics, options))
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _followed(follow: Follow, topics: Sequence[str], options: dict[str, Any]) -> None:
    prefix = os.environ.get("TOPIC_PREFIX", "")
    consumer = AIOKafkaConsumer(
        *(prefix + topic for topic in topics),
        bootstrap_servers=os.environ.get("KAFKA_URL", "127.0.0.1:9392"),
        group_id=os.environ.get("GROUP", os.environ.get("KAFKA_USER", "example-subscriber")),
        session_timeout_ms=6_000,
        **security(),
        **options,
    )
    try:
        await consumer.start()
        await follow(consumer)
    finally:
        await consumer.stop()


def security() -> dict[str, Any]:
    """Return how to speak to the broker: as a user over TLS, or in the clear to one on this machine."""
    if "KAFKA_USER" not in os.environ:
        return {}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=os.environ["KAFKA_CA_FILE"]),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": os.environ["KAFKA_USER"],
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }
