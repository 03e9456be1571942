"""Faust workers: raw bytes in, our own decoding, a message processor around every handler, HTTP in the same process.

Settings follow measurements: `stream_wait_empty=False` (the default livelocks a group if a retry coincides with a
rebalance), small stream buffers, frequent commits, short sessions.  Agents never raise, because Faust acknowledges an
event whose agent raised.  Source: architecture "Bulk paths".
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import faust
import uvloop
from fastapi import FastAPI
from mode import Service

from shared.contracts.topics import MIB
from shared.http import app as http
from shared.kafka.access import AccessWatch
from shared.kafka.faults import TopicHeld
from shared.kafka.faust_transport import PromptTransport, worker_options
from shared.kafka.lag import worker_group
from shared.kafka.messages import Incoming
from shared.kafka.processor import EXIT_TRY_AGAIN, MessageProcessor
from shared.runtime import log, metrics, runner
from shared.runtime.pause import pause
from shared.runtime.settings import ServiceSettings

WORK_GROUP: Final = 3  # chunks of large requests handled concurrently: one computes while another waits for I/O
_GATHER_S: Final = 0.01  # seconds an empty buffer gets to refill before a group that is not full is handled
_processors: "WeakKeyDictionary[faust.App, list[MessageProcessor]]" = WeakKeyDictionary()
_access: "WeakKeyDictionary[faust.App, AccessWatch]" = WeakKeyDictionary()
_log = log.get(__name__)

S = TypeVar("S", bound=ServiceSettings)


class _TablelessApp(faust.App):
    """An app without tables, which needs no directory: one made at each start would outlive a worker that is killed."""

    def _create_directories(self) -> None:
        """Make none; Faust makes three for tables, and wants to write there even if there are none."""


def build_worker(service: str, settings: ServiceSettings, *, stream_buffer: int = 16) -> faust.App:
    """Return a Faust app with our settings; it starts nothing, declares no topic and writes no file."""
    app = _TablelessApp(
        worker_group(service),
        **worker_options(settings.broker),
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        stream_wait_empty=False,
        stream_buffer_maxsize=stream_buffer,
        broker_commit_interval=0.5,
        broker_session_timeout=10,
        broker_heartbeat_interval=2,
        broker_rebalance_timeout=30,
        broker_max_poll_records=500,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=MIB,
        producer_max_request_size=4 * MIB,
        producer_acks=-1,
        logging_config=None,
    )
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    _access[app] = AccessWatch(service, settings.broker)
    _count_partitions(app)
    return app


def _count_partitions(app: faust.App) -> None:
    """Keep the metrics of the worker's share of its group's partitions; Faust gives and takes all of them at once."""
    group = app.conf.id

    async def assigned(_app: Any, /, *given: Any, **_more: Any) -> None:
        (partitions,) = given
        metrics.GROUP_REBALANCES.labels(group).inc()
        metrics.GROUP_PARTITIONS.labels(group).set(len(partitions))

    async def revoked(_app: Any, /, *_taken: Any, **_more: Any) -> None:
        metrics.GROUP_PARTITIONS.labels(group).set(0)

    metrics.GROUP_PARTITIONS.labels(group).set(0)
    app.on_partitions_assigned.connect(assigned)
    app.on_partitions_revoked.connect(revoked)


def consume(app: faust.App, processor: MessageProcessor, *, group: int = 1) -> None:
    """Add an agent for the processor's topic.  group: largest number of messages given to the handler at once.

    A group holds the messages that are there when the handler is free.  If `group` exceeds the buffer size of the app
    (small messages), it waits a moment for more, so that a stream is handled in few groups.
    """
    usual: int = app.conf.stream_buffer_maxsize
    channel: Any = app.topic(processor.topic.name, key_serializer="raw", value_serializer="raw")
    channel.maxsize = max(usual, group)  # Faust ignores the argument of this name
    pause_s = _GATHER_S if group > usual else 0.0

    async def agent(stream: Any) -> None:
        async for events in _groups(stream, group, pause_s):
            await _handle(processor, [_incoming(event.message) for event in events])

    app.agent(channel, name=f"{app.conf.id}-{processor.topic.name}", concurrency=1)(agent)
    processors_of(app).append(processor)


def processors_of(app: faust.App) -> list[MessageProcessor]:
    """Return the processors of the worker's agents."""
    return _processors.setdefault(app, [])


async def _handle(processor: MessageProcessor, messages: Sequence[Incoming]) -> None:
    """Return when the messages are done; wait here while the topic is held, without blocking other topics.

    Any exception of the processor ends the process, because Faust acknowledges an event whose agent raised.
    """
    while True:
        try:
            await processor.run(messages)
            return
        except TopicHeld as held:
            await pause(held.again_s)
        except Exception:  # noqa: BLE001  # the messages stay unacknowledged
            _log.exception("worker.stops", topic=processor.topic.name, exit=EXIT_TRY_AGAIN)
            os._exit(EXIT_TRY_AGAIN)


async def _groups(stream: Any, most: int, pause_s: float) -> AsyncIterator[list[Any]]:
    """Yield groups of the events that have arrived, and acknowledge each group after it was handled.

    Faust's own grouping polls many times a second even without events.  If a rebalance removes events that were about
    to join a group, the group waits for the next event; it is from before the rebalance too, and is delivered again.
    """
    manual = stream.noack()
    waiting = manual.channel.queue
    group: list[Any] = []
    async for event in manual.events():
        group.append(event)
        if pause_s and len(group) < most and waiting.empty():
            await pause(pause_s)
        if len(group) == most or waiting.empty():
            yield group
            for event in group:
                await manual.ack(event)
            group = []


def _incoming(message: Any) -> Incoming:
    headers = message.headers or ()
    return Incoming(
        message.topic,
        message.partition,
        message.offset,
        message.key,
        message.value,
        tuple(headers.items()) if isinstance(headers, dict) else tuple(headers),
        int((message.timestamp or 0) * 1000),
    )


def attach(
    app: faust.App,
    services: Sequence[contextlib.AbstractAsyncContextManager[Any]],
    http_app: FastAPI,
    settings: ServiceSettings,
) -> None:
    """Open `services` (pools, publishers) before the agents start, and serve HTTP while the worker runs."""

    class Companions(Service):
        async def on_start(self) -> None:
            self._stack = contextlib.AsyncExitStack()
            await self._stack.enter_async_context(_access[app].running())
            for service in services:
                await self._stack.enter_async_context(service)
            self._http = asyncio.create_task(http.serve(http_app, settings.http_host, settings.http_port))

        async def on_stop(self) -> None:
            self._http.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._http
            await self._stack.aclose()

    app.service(Companions)


def readiness(app: faust.App) -> list[str]:
    """Return why the worker is not ready: the broker refuses something, or it rebalances, has no partitions, or holds
    a topic; empty if it is ready."""
    if not app.started:
        return ["starting"]
    refused = _access[app].troubles()
    if app.rebalancing:
        return [*refused, "rebalancing"]
    if not app.consumer.assignment():
        return [*refused, "no partitions assigned"]
    return [*refused, *(processor.held for processor in processors_of(app) if processor.held is not None)]


def run_worker(build: Callable[[S], faust.App], settings: S, service: str) -> None:
    """Build the worker and run it until it is told to stop, with logs in our format."""
    log.configure(service, settings.log_level)
    # For both loops, Faust's own and that of its consumer thread: 10 % less processor time under load.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_until_allowed(settings, service))
    asyncio.set_event_loop(asyncio.new_event_loop())
    app = build(settings)
    runner.freeze_gc()
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True, loglevel=settings.log_level)
    worker.spinner = None  # it writes terminal control characters into the log
    worker.execute_from_commandline()


async def _until_allowed(settings: ServiceSettings, service: str) -> None:
    """Wait as long as the broker refuses what the worker needs, and say so at /readyz.

    Faust would end, be started again and fail again, each time with a traceback that does not name the reason.
    """
    access = AccessWatch(service, settings.broker)
    if not (found := await access.look()).connection and not found.forbidden:
        return

    async def ready() -> list[str]:
        return access.troubles()

    probes = http.create_app(service, ready)
    serving = asyncio.create_task(http.serve(probes, settings.http_host, settings.http_port))
    await access.until_allowed()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
