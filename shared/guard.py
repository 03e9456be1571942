"""What happens around every handler: decode, handle a group, retry transient faults, put poison aside. Never skip.

A group that fails for a reason other than a transient fault is handled message by message, so that one bad message
does not take its neighbours with it.  Source: architecture "Bulk paths".
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from shared import log, metrics
from shared.contracts.topics import Topic, dead_letters
from shared.kafka import Publisher
from shared.messages import BadMessage, Incoming, Outgoing, decoder

_log = log.get(__name__)
EXIT_TRY_AGAIN = 75  # the process asks to be started again; what it was handling is not acknowledged

Handler = Callable[[Sequence[Any]], Awaitable[None]]


class TryAgain(Exception):
    """A handler cannot go on just now (another service is behind); the group is handled again after a pause."""


class Stopped(Exception):
    """A group could not be done for too long and is not acknowledged.  What ends with it, its Guard's owner decides."""


def end_process(_reason: Stopped) -> None:
    """End the process at once: what a worker's agent raised would count as done."""
    os._exit(EXIT_TRY_AGAIN)


def end_consumer(reason: Stopped) -> None:
    """Raise the reason: the consumer ends unacknowledged, and its owner begins it again."""
    raise reason


class PartlyBad(Exception):
    """The handler has done the group but for some messages: `problems` gives their places in it, and what is wrong."""

    def __init__(self, problems: Mapping[int, BadMessage]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems.values()))
        self.problems = problems


def refuse(reasons: Mapping[int, str], code: str = "bad_version") -> None:
    """Raise PartlyBad with the reasons by place in the group, if there are any."""
    if reasons:
        raise PartlyBad({place: BadMessage(code, reason) for place, reason in reasons.items()})


def at_once(work: Callable[[Any], Awaitable[None]]) -> Handler:
    """Return the handler that does the work for all messages of a group at once: while one waits, another goes on.

    It returns or raises only when all have ended; the first fault is raised, and the group handled as ever.
    """

    async def handle(group: Sequence[Any]) -> None:
        for ended in await asyncio.gather(*map(work, group), return_exceptions=True):
            if ended is not None:
                raise ended

    return handle


def is_transient(error: BaseException) -> bool:
    """Say whether the same work may succeed a little later."""
    if isinstance(error, DBAPIError) and not isinstance(error, OperationalError | InterfaceError):
        return isinstance(error.orig, psycopg.OperationalError | psycopg.errors.SerializationFailure)
    return isinstance(
        error,
        TryAgain
        | psycopg.OperationalError
        | psycopg.errors.SerializationFailure
        | psycopg.errors.DeadlockDetected
        | OperationalError
        | InterfaceError
        | KafkaError
        | OSError
        | TimeoutError,
    )


@dataclass
class Guard:
    """Runs one handler over groups of messages of one topic. It raises nothing but Stopped, if `stop` does."""

    service: str
    topic: Topic
    handler: Handler
    publisher: Publisher
    retry_s: float = 30.0
    done: Callable[[Sequence[Incoming]], Awaitable[None]] | None = None  # told of every group that is done
    stop: Callable[[Stopped], None] = end_process
    wanted: frozenset[str] | None = None  # the columns of a chunk that the handler reads, None: all

    def __post_init__(self) -> None:
        self._decode = decoder(self.topic, self.wanted)

    async def run(self, messages: Sequence[Incoming]) -> None:
        """Handle the group; on return every message is done or among the dead letters, and may be acknowledged."""
        started = time.monotonic()
        good: list[tuple[Incoming, Any]] = []
        for message in messages:
            try:
                good.append((message, self._decode(message)))
            except BadMessage as error:
                await self._put_aside(message, error)
        if good:
            await self._handle(good)
        if self.done is not None:
            done = self.done
            await self._patiently(lambda: done(messages), messages[0])
        metrics.EVENT_SECONDS.labels(self.service, self.topic.name).observe(time.monotonic() - started)

    async def _handle(self, group: Sequence[tuple[Incoming, Any]]) -> None:
        try:
            await self._patiently(lambda: self.handler([item for _, item in group]), group[0][0])
        except PartlyBad as error:
            for place, problem in error.problems.items():
                await self._put_aside(group[place][0], problem)
            group = [one for place, one in enumerate(group) if place not in error.problems]
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the handler raised, the agent must not
            if len(group) > 1 and not is_transient(error):
                for one in group:
                    await self._handle([one])
                return
            _log.exception("handler.failed", topic=self.topic.name, offset=group[0][0].offset)
            reason = error if isinstance(error, BadMessage) else BadMessage("handler_failed", repr(error)[:500])
            await self._put_aside(group[0][0], reason)
            return
        now_ms = time.time() * 1000
        for message, _ in group:
            metrics.EVENTS.labels(self.service, self.topic.name, "ok").inc()
            metrics.EVENT_AGE.labels(self.service, self.topic.name).observe(
                max(0.0, now_ms - message.appended_ms) / 1000
            )

    async def _patiently(self, work: Callable[[], Awaitable[None]], first: Incoming) -> None:
        """Do the work, again and again while it fails transiently; after retry_s it is stopped unacknowledged."""
        deadline = time.monotonic() + self.retry_s
        delay_s = 0.05
        while True:
            try:
                await work()
                return
            except Exception as error:
                if not is_transient(error):
                    raise
                metrics.RETRIES.labels(self.service, self.topic.name).inc()
                if time.monotonic() > deadline:
                    _log.exception("handler.gives_up", topic=first.topic, offset=first.offset, retry_s=self.retry_s)
                    self.stop(Stopped(f"{first.topic}, from offset {first.offset} on: {error!r}"))
                _log.warning("handler.retries", topic=first.topic, offset=first.offset, error=repr(error)[:300])
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 2.0)

    async def _put_aside(self, message: Incoming, error: BadMessage) -> None:
        """Publish the message to the dead letters with reason and origin."""
        _log.error(
            "message.put_aside", topic=message.topic, offset=message.offset, code=error.code, detail=error.detail
        )
        headers = {name: value.decode(errors="replace") for name, value in message.headers} | {
            "dlq-code": error.code,
            "dlq-reason": error.detail[:1000],
            "dlq-topic": message.topic,
            "dlq-partition": str(message.partition),
            "dlq-offset": str(message.offset),
        }
        letter = Outgoing(dead_letters(self.service).name, message.key or b"", message.value or b"", headers)
        await self._patiently(lambda: self.publisher.send([letter]), message)
        metrics.DEAD_LETTERS.labels(self.service, message.topic, error.code).inc()
        metrics.EVENTS.labels(self.service, message.topic, "dead_letter").inc()
