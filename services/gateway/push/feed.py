"""Reads the public topics from their ends and publishes changes to the hub.

Every replica reads all partitions, outside of any consumer group: there is nothing to share and nothing to commit.
While the broker is away the hub is closed, so that browsers poll instead of showing stale pages as live.
"""

import asyncio
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from services.gateway.domain.changes import Throttle
from services.gateway.push.changes_from_topics import TOPICS, changes_of
from services.gateway.push.hub import Hub
from services.gateway.settings import SERVICE
from shared.kafka.connection import client_options
from shared.runtime import log, metrics
from shared.runtime.broker import Broker
from shared.runtime.components import Heartbeat, no_heartbeat
from shared.runtime.pause import pause

_log = log.get(__name__)
_MAX_RECORDS = 5000
_IDLE_S = 0.5
_PROBE_EVERY_S = 4.0
_PROBE_PATIENCE_S = 3.0
_AGAIN_S = 1.0
_CONNECT_S = 60.0


class Feed:
    """The consumer of the four topics."""

    def __init__(self, broker: Broker, hub: Hub) -> None:
        self._broker = broker
        self._hub = hub

    async def run(self, beat: Heartbeat = no_heartbeat) -> None:
        """Feed the hub until cancelled. beat: called in every round."""
        try:
            while True:
                beat()
                try:
                    await self._session(beat)
                except (KafkaError, TimeoutError) as error:
                    _log.warning("push.away", error=error)
                self._hub.close()
                await pause(_AGAIN_S)
        finally:
            self._hub.close()

    async def _session(self, beat: Heartbeat) -> None:
        """Consume until the client library fails.  Raises KafkaError, or TimeoutError if it cannot connect."""
        consumer = AIOKafkaConsumer(
            *(topic.name for topic in TOPICS),
            **client_options(self._broker),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        try:
            async with asyncio.timeout(_CONNECT_S):
                await consumer.start()
                for partition in consumer.assignment():
                    await consumer.position(partition)
            self._hub.open()
            _log.info("push.connected", partitions=len(consumer.assignment()))
            await self._loop(consumer, beat)
        finally:
            await consumer.stop()

    async def _loop(self, consumer: AIOKafkaConsumer, beat: Heartbeat) -> None:
        throttle = Throttle()
        probed_s = time.monotonic()
        while True:
            beat()
            wait_s = throttle.wait_s(time.monotonic())
            patience_s = _IDLE_S if wait_s is None else min(wait_s, _IDLE_S)
            fetched = await consumer.getmany(timeout_ms=max(1, int(patience_s * 1000)), max_records=_MAX_RECORDS)
            changes = []
            for partition, records in fetched.items():
                found, unreadable = changes_of(partition.topic, records)
                changes.extend(found)
                _count(partition.topic, len(records) - unreadable, unreadable, records[-1].timestamp)
            if fetched or time.monotonic() - probed_s >= _PROBE_EVERY_S:
                self._set_connected(bool(fetched) or await _is_reachable(consumer))
                probed_s = time.monotonic()
            self._hub.publish(throttle.offer(changes, time.monotonic()))

    def _set_connected(self, is_connected: bool) -> None:
        """Open or close the hub as the broker comes and goes; the consumer keeps its position."""
        if is_connected and not self._hub.is_open:
            _log.info("push.connected")
            self._hub.open()
        elif not is_connected and self._hub.is_open:
            _log.warning("push.away", reason="no_response")
            self._hub.close()


async def _is_reachable(consumer: AIOKafkaConsumer) -> bool:
    """Whether the broker responds to a request: while it is lost, fetches do not fail, they return nothing."""
    try:
        async with asyncio.timeout(_PROBE_PATIENCE_S):
            await consumer.end_offsets(list(consumer.assignment()))
    except (KafkaError, TimeoutError):
        return False
    return True


def _count(topic: str, read: int, unreadable: int, newest_ms: int) -> None:
    metrics.EVENTS.labels(SERVICE, topic, "ok").inc(read)
    metrics.EVENT_AGE.labels(SERVICE, topic).observe(max(0.0, time.time() - newest_ms / 1000))
    if unreadable:
        metrics.EVENTS.labels(SERVICE, topic, "unreadable").inc(unreadable)
        _log.warning("push.unreadable", topic=topic, messages=unreadable)
