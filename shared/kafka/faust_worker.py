"""Faust workers: raw bytes in, our own decoding, one guard around every handler, and the service's HTTP beside it.

Settings follow measurements: `stream_wait_empty=False` (the default livelocks a group when a retry meets a
rebalance), small stream buffers, frequent commits, short sessions.  Agents never raise, because Faust acknowledges an
event whose agent raised.  Source: architecture "Bulk paths".
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import faust
import uvloop
from fastapi import FastAPI
from mode import Service

from shared.contracts.topics import MIB
from shared.http import app as http
from shared.kafka.faults import Held
from shared.kafka.faust_transport import PromptTransport
from shared.kafka.messages import Incoming
from shared.kafka.processor import EXIT_TRY_AGAIN, MessageProcessor
from shared.runtime import log, runner
from shared.runtime.settings import ServiceSettings

WORK_GROUP: Final = 3  # chunks of large requests in work at once: while one waits for a server another is computed
_GATHER_S: Final = 0.01  # how long an emptied buffer is given to fill again before a group goes
_guards: "WeakKeyDictionary[faust.App, list[MessageProcessor]]" = WeakKeyDictionary()
_log = log.get(__name__)

S = TypeVar("S", bound=ServiceSettings)


def build_worker(service: str, settings: ServiceSettings, *, stream_buffer: int = 16) -> faust.App:
    """Return a Faust app with the house's settings; nothing is started and no topic is declared by it."""
    app = faust.App(
        f"rebalancer-{service}",
        broker=f"aiokafka://{settings.kafka_url}",
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
        datadir=tempfile.mkdtemp(prefix=f"rebalancer-{service}-"),  # Faust insists on one; no table is kept in it
        logging_config=None,
    )
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    return app


def consume(app: faust.App, guard: MessageProcessor, *, group: int = 1) -> None:
    """Add an agent for the guard's topic. group: most messages a handler is given at once.

    A group is what is there when the handler is free.  A large one, of small messages, is waited for a moment: what
    comes alone is handled soon, a stream in few groups.
    """
    usual: int = app.conf.stream_buffer_maxsize
    channel: Any = app.topic(guard.topic.name, key_serializer="raw", value_serializer="raw")
    channel.maxsize = max(usual, group)  # Faust loses the argument of this name
    pause_s = _GATHER_S if group > usual else 0.0

    async def agent(stream: Any) -> None:
        async for events in _groups(stream, group, pause_s):
            await _done(guard, [_incoming(event.message) for event in events])

    app.agent(channel, name=f"{app.conf.id}-{guard.topic.name}", concurrency=1)(agent)
    guards_of(app).append(guard)


def guards_of(app: faust.App) -> list[MessageProcessor]:
    """Return the guards of the worker's agents."""
    return _guards.setdefault(app, [])


async def _done(guard: MessageProcessor, messages: Sequence[Incoming]) -> None:
    """Return when the messages are done; a topic that is held is waited with here, the others go on.

    Faust acknowledges what its agent raised for: a guard that stops, or that raises at all, ends the process.
    """
    while True:
        try:
            await guard.run(messages)
            return
        except Held as held:
            await asyncio.sleep(held.again_s)
        except Exception:  # noqa: BLE001  # whatever it is, what is in work stays unacknowledged
            _log.exception("worker.stops", topic=guard.topic.name, exit=EXIT_TRY_AGAIN)
            os._exit(EXIT_TRY_AGAIN)


async def _groups(stream: Any, most: int, pause_s: float) -> AsyncIterator[list[Any]]:
    """Yield groups of what has come, and acknowledge each when it has been handled.

    Faust's own groups look around many times a second even when nothing comes.  When a rebalance takes away what was
    about to join a group, the group waits for the next message: it is of before the rebalance as well, not
    acknowledged, and comes again.
    """
    manual = stream.noack()
    waiting = manual.channel.queue
    group: list[Any] = []
    async for event in manual.events():
        group.append(event)
        if pause_s and len(group) < most and waiting.empty():
            await asyncio.sleep(pause_s)
        if len(group) == most or waiting.empty():
            yield group
            for one in group:
                await manual.ack(one)
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
    """Open `services` (pools, publishers) before the agents start and serve HTTP for as long as the worker runs."""

    class Beside(Service):
        async def on_start(self) -> None:
            self._stack = contextlib.AsyncExitStack()
            for one in services:
                await self._stack.enter_async_context(one)
            self._http = asyncio.create_task(http.serve(http_app, settings.http_host, settings.http_port))

        async def on_stop(self) -> None:
            self._http.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._http
            await self._stack.aclose()

    app.service(Beside)


def readiness(app: faust.App) -> list[str]:
    """Return why the worker is not ready to work: it is rebalancing, has no partitions, or holds a topic."""
    if not app.started:
        return ["starting"]
    if app.rebalancing:
        return ["rebalancing"]
    if not app.consumer.assignment():
        return ["no partitions assigned"]
    return [guard.held for guard in guards_of(app) if guard.held is not None]


def run_worker(build: Callable[[S], faust.App], settings: S, service: str) -> None:
    """Build the worker and run it until it is told to stop; logs go through the house's renderer."""
    log.configure(service, settings.log_level)
    # Both loops of a worker, Faust's own and its consumer's: a tenth less processor time under load.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.set_event_loop(asyncio.new_event_loop())
    app = build(settings)
    runner.freeze_gc()
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True, loglevel=settings.log_level)
    worker.spinner = None  # it writes a terminal's control characters into the log
    worker.execute_from_commandline()
