"""What happens around every handler: decode, handle a group, retry, put poison aside.  Never skip.

Poison is an explicit list (`faults`).  A group with any other fault is handled message by message, so that one message
does not take its neighbours with it; what still fails is retried, and then the process stops with it unacknowledged and
is started again.  A message that alone has cost `starts` new starts while others of its topic are done goes to the dead
letters under a code of its own, with an alarm: one message never stops all.  (Where it cannot be done because our code
raises at too many of its accounts, it is done all the same, and each of those fails alone.)  Where no other is done
either the fault is not the message's: the topic is held and the message tried again and again.
Source: architecture "Bulk paths".
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.errors import KafkaError

from shared.contracts.topics import Topic
from shared.kafka.dead_letters import letter
from shared.kafka.failure_limit import TooMany, at_any_number
from shared.kafka.faults import Blame, Held, PartialFailure, Stopped, blame
from shared.kafka.messages import BadMessage, Incoming, decoder
from shared.kafka.notes import Place
from shared.kafka.publisher import Publisher
from shared.kafka.suspects import Suspect, Suspects
from shared.kafka.topic_hold import Brake, Releases
from shared.runtime import log, metrics
from shared.runtime.bursts import ProcessorLimits

_log = log.get(__name__)
EXIT_TRY_AGAIN: Final = 75  # the process asks to be started again; what it was handling is not acknowledged
_HELD_S: Final = 30.0  # between attempts at a message that new starts did not help
_OTHERS: Final = 20  # messages beside a suspect that are tried to tell whether it is the message or all of them

Handler = Callable[[Sequence[Any]], Awaitable[None]]
_Decoded = tuple[Incoming, Any]


def concurrently(work: Callable[[Any], Awaitable[None]]) -> Handler:
    """Return the handler that does the work for all messages of a group at once: while one waits, another goes on.

    It returns or raises only when all have ended; the first fault is raised, and the group handled as ever.
    """

    async def handle(group: Sequence[Any]) -> None:
        for ended in await asyncio.gather(*map(work, group), return_exceptions=True):
            if ended is not None:
                raise ended

    return handle


@dataclass
class MessageProcessor:
    """Runs one handler over groups of messages of one topic."""

    service: str
    topic: Topic
    handler: Handler
    publisher: Publisher
    limits: ProcessorLimits = field(default_factory=ProcessorLimits)
    done: Callable[[Sequence[Incoming]], Awaitable[None]] | None = None  # told of every group that is done
    wanted: frozenset[str] | None = None  # the columns of a chunk that the handler reads, None: all

    def __post_init__(self) -> None:
        self.held: str | None = None  # why the topic is not consumed any further just now
        self._decode = decoder(self.topic, self.wanted)
        self._brake = Brake(self.limits, Releases(self.publisher.url, self.service), self.topic.name)
        self._suspects = Suspects(self.publisher.url, self.service)
        self._handled = 0  # messages that this process has done

    async def run(self, messages: Sequence[Incoming]) -> None:
        """Handle the group; on return every message is done or among the dead letters, and may be acknowledged.

        Raises Stopped when the process, Held when this topic cannot go on: nothing of the group is acknowledged then.
        """
        started = time.monotonic()
        await self._brake.let(len(messages))
        good: list[_Decoded] = []
        for message in messages:
            try:
                if message.value is None and self.topic.compacted:
                    metrics.EVENTS.labels(self.service, self.topic.name, "deleted").inc()  # a key's end says no more
                    continue
                good.append((message, self._decode(message)))
            except BadMessage as error:
                await self._put_aside(message, error)
        if good:
            await self._handle(good)
        if self.done is not None:
            done = self.done
            await self._patiently(lambda: done(messages), messages[0])
        self._hold(None)
        metrics.EVENT_SECONDS.labels(self.service, self.topic.name).observe(time.monotonic() - started)

    async def _handle(self, group: Sequence[_Decoded]) -> None:
        try:
            if len(group) > 1:
                await self._together(group)
            else:
                await self._singly(group)
        except Stopped:
            asked = await self._known()
            skipped = [one for one in group if asked.get(_place(one[0]), Suspect()).skip is not None]
            if not skipped:
                raise
            for message, _ in skipped:
                await self._skip(message, asked[_place(message)])
            if rest := [one for one in group if one not in skipped]:
                await self._handle(rest)

    async def _together(self, group: Sequence[_Decoded]) -> None:
        try:
            await self._patiently(lambda: self.handler([item for _, item in group]), group[0][0])
        except PartialFailure as error:
            for place, problem in error.problems.items():
                await self._put_aside(group[place][0], problem)
            self._count([message for place, (message, _) in enumerate(group) if place not in error.problems])
        except (Stopped, Held):
            raise
        except Exception:  # noqa: BLE001  # whatever the handler raised: one of them may be the cause
            await self._singly(group)
        else:
            self._count([message for message, _ in group])

    async def _singly(self, group: Sequence[_Decoded]) -> None:
        """Handle each alone; those that fail through no fault of their own wait until all the others are done."""
        failed: list[tuple[_Decoded, Exception]] = []
        for one in group:
            if (error := await self._alone(one)) is not None:
                failed.append((one, error))
        for one, error in failed:
            await self._insist(one, error)

    async def _alone(self, one: _Decoded) -> Exception | None:
        """Handle one message; put it aside if it is poison, return any other fault of it."""
        message, item = one
        try:
            await self._patiently(lambda: self.handler([item]), message)
        except (Stopped, Held):
            raise
        except PartialFailure as error:
            await self._put_aside(message, next(iter(error.problems.values())))
        except BadMessage as error:
            await self._put_aside(message, error)
        except Exception as error:  # noqa: BLE001  # the list says whose fault it is
            if blame(error) is not Blame.MESSAGE:
                return error
            await self._put_aside(message, BadMessage("refused_by_database", str(error)))
        else:
            self._count([message])
        return None

    async def _insist(self, one: _Decoded, error: Exception) -> None:
        """Handle the message again until it is done; else stop, or hold the topic, or put it aside: see above."""
        message = one[0]
        deadline, delay_s = time.monotonic() + self.limits.retry_s, 0.05
        while time.monotonic() < deadline:
            self._tell_retry(message, error)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, 2.0)
            again = await self._alone(one)
            if again is None:
                return
            error = again
        _log.error("handler.cannot", topic=message.topic, offset=message.offset, exc_info=error)
        known = (await self._known()).get(_place(message), Suspect())
        if known.skip is not None:
            await self._skip(message, known)
            return
        try:
            await self._suspects.note(_place(message), Suspect(known.starts + 1), repr(error))
        except KafkaError as away:
            raise Stopped(f"the broker does not answer: {away!r}") from error
        where = f"{message.topic}-{message.partition} offset {message.offset}"
        if known.starts < self.limits.starts:
            raise Stopped(f"{where}: {error!r}") from error
        if self._handled or await self._others_pass(message):
            if isinstance(error, TooMany) and await self._each_account_alone(one):
                return
            text = f"{known.starts} new starts did not help, and others of its topic are done: {error!r}"
            await self._put_aside(message, BadMessage("our_fault", text))
            return
        because = f"{where} cannot be handled, nor anything behind it: {error!r}"
        self._hold(because)
        raise Held(because, _HELD_S) from error

    async def _each_account_alone(self, one: _Decoded) -> bool:
        """Handle the message so that each account at which our code raises fails alone; say whether that went."""
        _log.error("message.accounts_apart", topic=one[0].topic, offset=one[0].offset)
        with at_any_number():
            return await self._alone(one) is None

    async def _others_pass(self, message: Incoming) -> bool:
        """Say whether our code can handle more of the topic's other messages than not.

        Whichever they are, handling them again is harmless.  One alone would say little: there may be nothing in it.
        """
        passed = failed = 0
        try:
            for other in await self._suspects.others(message, _OTHERS):
                try:
                    await self.handler([self._decode(other)])
                except Exception as error:  # noqa: BLE001, PERF203  # it says no more than that this one does not pass
                    _log.warning("handler.cannot_either", offset=other.offset, error=repr(error)[:300])
                    failed += blame(error) is Blame.OURS
                else:
                    passed += 1
        except KafkaError as error:
            raise Stopped(f"the broker does not answer: {error!r}") from error
        return passed > failed

    async def _patiently(self, work: Callable[[], Awaitable[None]], first: Incoming) -> None:
        """Do the work, again and again while the world is at fault.  Raises Stopped after retry_s."""
        deadline = time.monotonic() + self.limits.retry_s
        delay_s = 0.05
        while True:
            try:
                await work()
                return
            except Exception as error:
                if blame(error) is not Blame.WORLD:
                    raise
                if time.monotonic() > deadline:
                    _log.exception("handler.gives_up", topic=first.topic, offset=first.offset)
                    raise Stopped(f"{first.topic}-{first.partition} offset {first.offset}: {error!r}") from error
                self._tell_retry(first, error)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 2.0)

    async def _known(self) -> Mapping[Place, Suspect]:
        try:
            return await self._suspects.known()
        except KafkaError as error:
            raise Stopped(f"the broker does not answer: {error!r}") from error

    async def _skip(self, message: Incoming, asked: Suspect) -> None:
        await self._put_aside(message, BadMessage("skipped", f"skipped by hand: {asked.skip}"))

    async def _put_aside(self, message: Incoming, error: BadMessage) -> None:
        """Publish the message to the dead letters with reason and origin.  Raises Held when there are too many."""
        try:
            await self._brake.let_letter()
        except Held as held:
            self._hold(str(held))
            raise
        _log.error(
            "message.put_aside", topic=message.topic, offset=message.offset, code=error.code, detail=error.detail[:1000]
        )
        dead = letter(self.service, message, error)
        await self._patiently(lambda: self.publisher.send([dead]), message)
        self._brake.count_letter()
        metrics.DEAD_LETTERS.labels(self.service, self.topic.name, error.code).inc()
        metrics.EVENTS.labels(self.service, self.topic.name, "dead_letter").inc()

    def _hold(self, because: str | None) -> None:
        if because is not None:
            _log.error("topic.held", topic=self.topic.name, because=because)
        self.held = None if because is None else f"{self.topic.name} is held: {because}"[:500]
        metrics.TOPIC_HELD.labels(self.service, self.topic.name).set(because is not None)

    def _tell_retry(self, message: Incoming, error: Exception) -> None:
        metrics.RETRIES.labels(self.service, self.topic.name).inc()
        _log.warning("handler.retries", topic=message.topic, offset=message.offset, error=repr(error)[:300])

    def _count(self, messages: Sequence[Incoming]) -> None:
        self._handled += len(messages)
        now_ms = time.time() * 1000
        for message in messages:
            metrics.EVENTS.labels(self.service, self.topic.name, "ok").inc()
            metrics.EVENT_AGE.labels(self.service, self.topic.name).observe(
                max(0.0, now_ms - message.appended_ms) / 1000
            )


def _place(message: Incoming) -> Place:
    return message.topic, message.partition, message.offset
