"""The message processor around every handler: decode, handle a group, retry, publish poison as dead letters.

A group ends in one of these ways; no message is ever skipped silently:

1. The handler returns: all messages are done.
2. Poison (an explicit list, `faults`) becomes a dead letter; the rest of the group is done.
3. Any other fault: the messages are handled one by one, so that only the faulty ones remain.  These are retried for
   `retry_s` seconds; then the process exits without acknowledging them and is restarted.
4. A message that has caused `starts` restarts while other messages of its topic succeed becomes a dead letter with the
   code `our_fault`, so that one message cannot stop a topic.  If it failed because our code raised at too many of its
   accounts (`failure_limit`), it is handled once more with each of those accounts failing alone.
5. If no other message of the topic succeeds either, the message is not the cause: the topic is held, and the message is
   tried again periodically.

Source: architecture "Bulk paths".
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.errors import KafkaError

from shared.contracts.topics import Topic
from shared.kafka.dead_letters import dead_letter
from shared.kafka.failure_limit import TooMany, isolate_every_fault
from shared.kafka.faults import Blame, PartialFailure, Stopped, TopicHeld, blame
from shared.kafka.message_log import MessageLog
from shared.kafka.messages import BadMessage, Incoming, decoder
from shared.kafka.notes import Position
from shared.kafka.publisher import Publisher
from shared.kafka.suspects import Suspect, Suspects
from shared.kafka.topic_hold import Releases, TopicHold
from shared.runtime import log, metrics, trace
from shared.runtime.pause import pause
from shared.runtime.settings import ProcessorLimits

_log = log.get(__name__)
EXIT_TRY_AGAIN: Final = 75  # asks the supervisor for a restart; unacknowledged messages are delivered again
_HELD_S: Final = 30.0  # seconds between attempts at a message that holds its topic
_OTHERS: Final = 20  # other messages tried to find out whether only the suspect fails or all do

Handler = Callable[[Sequence[Any]], Awaitable[None]]
_Decoded = tuple[Incoming, Any]


def concurrently(work: Callable[[Any], Awaitable[None]]) -> Handler:
    """Return a handler that works on all messages of a group concurrently.

    The handler waits for all of them and then raises the first exception, if any.
    """

    async def handle(group: Sequence[Any]) -> None:
        for ended in await asyncio.gather(*map(work, group), return_exceptions=True):
            if ended is not None:
                raise ended

    return handle


@dataclass
class MessageProcessor:
    """Runs one handler over groups of messages of one topic.

    done: called with every group that is finished.  wanted: the columns of a chunk that the handler reads, None: all.
    held: why the topic is not consumed at present, None while it is consumed.
    """

    service: str
    topic: Topic
    handler: Handler
    publisher: Publisher
    limits: ProcessorLimits = field(default_factory=ProcessorLimits)
    done: Callable[[Sequence[Incoming]], Awaitable[None]] | None = None
    wanted: frozenset[str] | None = None

    def __post_init__(self) -> None:
        self.held: str | None = None
        self._decode = decoder(self.topic, self.wanted)
        self._topic_hold = TopicHold(self.limits, Releases(self.publisher.broker, self.service), self.topic.name)
        self._suspects = Suspects(self.publisher.broker, self.service)
        self._handled = 0  # messages this process has finished
        self._lines = MessageLog(self.topic, (), trace.started())

    async def run(self, messages: Sequence[Incoming]) -> None:
        """Handle the group; on return every message is done or a dead letter, and may be acknowledged.

        Raises Stopped if the process must restart, TopicHeld if only this topic must wait: in both cases nothing of
        the group may be acknowledged.
        """
        span = trace.of_group([message.span for message in messages])
        self._lines = MessageLog(self.topic, messages, span)
        try:
            with trace.within(span):
                await self._run(messages)
        finally:
            self._lines.write()

    async def _run(self, messages: Sequence[Incoming]) -> None:
        started = time.monotonic()
        await self._topic_hold.admit(len(messages))
        good: list[_Decoded] = []
        for message in messages:
            try:
                if message.value is None and self.topic.compacted:
                    metrics.EVENTS.labels(self.service, self.topic.name, "deleted").inc()  # a tombstone has no content
                    self._lines.ended(message, "deleted")
                    continue
                good.append((message, self._decode(message)))
                self._lines.decoded(*good[-1])
            except BadMessage as error:
                await self._publish_dead_letter(message, error)
        if good:
            await self._handle(good)
        if self.done is not None:
            done = self.done
            await self._with_retries(lambda: done(messages), messages[0])
        self._hold(None)
        metrics.EVENT_SECONDS.labels(self.service, self.topic.name).observe(time.monotonic() - started)

    async def _handle(self, group: Sequence[_Decoded]) -> None:
        """Handle the group, without messages that an operator skips.  Raises Stopped and TopicHeld as `run`."""
        try:
            if len(group) > 1:
                await self._handle_group(group)
            else:
                await self._handle_each(group)
        except Stopped:
            requests = await self._known()
            skipped = [pair for pair in group if requests.get(_position(pair[0]), Suspect()).skip is not None]
            if not skipped:
                raise
            for message, _ in skipped:
                await self._skip(message, requests[_position(message)])
            if rest := [pair for pair in group if pair not in skipped]:
                await self._handle(rest)

    async def _handle_group(self, group: Sequence[_Decoded]) -> None:
        """Handle the group in one call, or each message alone if that fails.  Raises Stopped and TopicHeld as `run`."""
        try:
            await self._with_retries(lambda: self.handler([item for _, item in group]), group[0][0])
        except PartialFailure as error:
            for index, problem in error.problems.items():
                await self._publish_dead_letter(group[index][0], problem)
            self._count([message for index, (message, _) in enumerate(group) if index not in error.problems])
        except (Stopped, TopicHeld):
            raise
        except Exception:  # noqa: BLE001  # one message may be the cause: handle them one by one
            await self._handle_each(group)
        else:
            self._count([message for message, _ in group])

    async def _handle_each(self, group: Sequence[_Decoded]) -> None:
        """Handle each message alone; retry those that failed without being poison after all others are done."""
        failed: list[tuple[_Decoded, Exception]] = []
        for pair in group:
            if (error := await self._handle_one(pair)) is not None:
                failed.append((pair, error))
        for pair, error in failed:
            await self._retry(pair, error)

    async def _handle_one(self, pair: _Decoded) -> Exception | None:
        """Handle one message; make it a dead letter if it is poison; return any other exception.

        Raises Stopped and TopicHeld as `run`.
        """
        message, item = pair
        try:
            with trace.within(message.span):
                await self._with_retries(lambda: self.handler([item]), message)
        except (Stopped, TopicHeld):
            raise
        except PartialFailure as error:
            await self._publish_dead_letter(message, next(iter(error.problems.values())))
        except BadMessage as error:
            await self._publish_dead_letter(message, error)
        except Exception as error:  # noqa: BLE001  # `blame` says whose fault it is
            if blame(error) is not Blame.MESSAGE:
                return error
            await self._publish_dead_letter(message, BadMessage("refused_by_database", str(error)))
        else:
            self._count([message])
        return None

    async def _retry(self, pair: _Decoded, error: Exception) -> None:
        """Retry the message; if that does not help, stop, hold the topic or make it a dead letter (points 3 to 5).

        Raises Stopped or TopicHeld accordingly; Stopped also if the broker does not answer.
        """
        message = pair[0]
        deadline, delay_s = time.monotonic() + self.limits.retry_s, 0.05
        while time.monotonic() < deadline:
            self._report_retry(message, error)
            await pause(delay_s)
            delay_s = min(delay_s * 2, 2.0)
            again = await self._handle_one(pair)
            if again is None:
                return
            error = again
        _log.error("handler.cannot", topic=message.topic, offset=message.offset, exc_info=error)
        known = (await self._known()).get(_position(message), Suspect())
        if known.skip is not None:
            await self._skip(message, known)
            return
        try:
            await self._suspects.note(_position(message), Suspect(known.starts + 1), repr(error))
        except KafkaError as away:
            raise Stopped(f"the broker does not answer: {away!r}") from error
        where = f"{message.topic}-{message.partition} offset {message.offset}"
        if known.starts < self.limits.starts:
            raise Stopped(f"{where}: {error!r}") from error
        if self._handled or await self._most_others_pass(message):
            if isinstance(error, TooMany) and await self._isolate_accounts(pair):
                return
            text = f"{known.starts} new starts did not help, and others of its topic are done: {error!r}"
            await self._publish_dead_letter(message, BadMessage("our_fault", text))
            return
        because = f"{where} cannot be handled, nor anything behind it: {error!r}"
        self._hold(because, "cannot_be_handled")
        raise TopicHeld(because, _HELD_S) from error

    async def _isolate_accounts(self, pair: _Decoded) -> bool:
        """Handle the message with every account at which our code raises failing alone; say whether it is done."""
        _log.error("message.accounts_apart", topic=pair[0].topic, offset=pair[0].offset)
        with isolate_every_fault():
            return await self._handle_one(pair) is None

    async def _most_others_pass(self, message: Incoming) -> bool:
        """Say whether most of the topic's other messages can be handled.

        Handling them again is harmless.  A single one would prove little, because it may contain no rows.
        Raises Stopped if the broker does not answer.
        """
        passed = failed = 0
        try:
            for other in await self._suspects.others(message, _OTHERS):
                try:
                    await self.handler([self._decode(other)])
                except Exception as error:  # noqa: BLE001, PERF203  # only counted
                    _log.warning("handler.cannot_either", offset=other.offset, error=error)
                    failed += blame(error) is Blame.OURS
                else:
                    passed += 1
        except KafkaError as error:
            raise Stopped(f"the broker does not answer: {error!r}") from error
        return passed > failed

    async def _with_retries(self, work: Callable[[], Awaitable[None]], first: Incoming) -> None:
        """Repeat the work while its failures come from outside (Blame.OUTSIDE).  Raises Stopped after `retry_s`."""
        deadline = time.monotonic() + self.limits.retry_s
        delay_s = 0.05
        while True:
            try:
                await work()
                return
            except Exception as error:
                if blame(error) is not Blame.OUTSIDE:
                    raise
                if time.monotonic() > deadline:
                    _log.exception("handler.gives_up", topic=first.topic, offset=first.offset)
                    raise Stopped(f"{first.topic}-{first.partition} offset {first.offset}: {error!r}") from error
                self._report_retry(first, error)
                await pause(delay_s)
                delay_s = min(delay_s * 2, 2.0)

    async def _known(self) -> Mapping[Position, Suspect]:
        """Return the suspects on record, by position.  Raises Stopped if the broker does not reply."""
        try:
            return await self._suspects.known()
        except KafkaError as error:
            raise Stopped(f"the broker does not answer: {error!r}") from error

    async def _skip(self, message: Incoming, request: Suspect) -> None:
        await self._publish_dead_letter(message, BadMessage("skipped", f"skipped by hand: {request.skip}"))

    async def _publish_dead_letter(self, message: Incoming, error: BadMessage) -> None:
        """Publish the message as a dead letter.  Raises TopicHeld if there have been too many of them."""
        try:
            await self._topic_hold.admit_dead_letter()
        except TopicHeld as held:
            self._hold(str(held), "dead_letters")
            raise
        at = {"partition": message.partition, "offset": message.offset}
        _log.error("message.put_aside", topic=message.topic, **at, code=error.code)
        published = dead_letter(self.service, message, error)
        await self._with_retries(lambda: self.publisher.send([published]), message)
        self._topic_hold.count_dead_letter()
        metrics.DEAD_LETTERS.labels(self.service, self.topic.name, error.code).inc()
        metrics.EVENTS.labels(self.service, self.topic.name, "dead_letter").inc()
        self._lines.ended(message, "dead_letter", error.code)

    def _hold(self, because: str | None, reason: str = "") -> None:
        """Note why the topic is held, None: it is not.  reason: a word for the log."""
        if because is not None:
            _log.error("topic.held", topic=self.topic.name, reason=reason)
        self.held = None if because is None else f"{self.topic.name} is held: {because}"[:500]
        metrics.TOPIC_HELD.labels(self.service, self.topic.name).set(because is not None)

    def _report_retry(self, message: Incoming, error: Exception) -> None:
        metrics.RETRIES.labels(self.service, self.topic.name).inc()
        self._lines.retried()
        _log.warning("handler.retries", topic=message.topic, offset=message.offset, error=error)

    def _count(self, messages: Sequence[Incoming]) -> None:
        self._handled += len(messages)
        now_ms = time.time() * 1000
        for message in messages:
            self._lines.ended(message, "ok")
            metrics.EVENTS.labels(self.service, self.topic.name, "ok").inc()
            metrics.EVENT_AGE.labels(self.service, self.topic.name).observe(
                max(0.0, now_ms - message.appended_ms) / 1000
            )


def _position(message: Incoming) -> Position:
    return message.topic, message.partition, message.offset
