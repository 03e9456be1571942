"""Holding a topic after a burst of dead letters, and resuming it.

A held topic is resumed by a command of somebody on call, or on trial after a pause that grows.  During a trial no
message becomes a dead letter: the first one that would holds the topic again.  If the cause of the burst is gone, the
hold has cost one pause; if it is not, no further message is put aside.
Source: architecture "Poison is an explicit list".
"""

import time
import uuid
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from shared.kafka.dead_letter_window import WINDOW_S, Window
from shared.kafka.faults import TopicHeld
from shared.kafka.notes import LONGEST, Notes
from shared.runtime import log
from shared.runtime.broker import Broker
from shared.runtime.settings import ProcessorLimits

_log = log.get(__name__)


@dataclass(frozen=True)
class Release:
    """A command to resume a held topic.  letters: number of further dead letters that do not count as a burst."""

    number: str
    who: str
    letters: int


class Releases:
    """The commands to resume held topics of one service, stored by the broker (shared.kafka.notes)."""

    def __init__(self, broker: Broker, service: str) -> None:
        self._notes = Notes(broker, f"rebalancer-{service}-released")

    async def give(self, topic: str, who: str, letters: int) -> None:
        """Command every process of the service to resume the topic.  Raises KafkaError if the broker is away."""
        note = {"number": uuid.uuid4().hex, "who": who[:LONGEST], "letters": letters}
        await self._notes.leave((topic, 0, 0), note)

    async def newest(self, topic: str) -> Release | None:
        """Return the newest command for the topic, None if there is none.  Raises KafkaError if the broker is away."""
        note = (await self._notes.read()).get((topic, 0, 0))
        return None if note is None else Release(note["number"], note["who"], note["letters"])


class TopicHold:
    """Holds one topic after a burst of dead letters and resumes it."""

    def __init__(self, limits: ProcessorLimits, releases: Releases, topic: str) -> None:
        self._limits = limits
        self._releases = releases
        self._topic = topic
        self._window = Window(limits)
        self._reason: str | None = None  # why the topic is held
        self._last_seen: str | None = None  # number of the newest release from before the hold
        self._pause_s = limits.pause_s
        self._trial_due_s = 0.0  # monotonic time of the next trial
        self._trial_s: float | None = None  # monotonic time at which the current trial began

    async def admit(self, messages: int) -> None:
        """Count messages that are about to be handled.  Raises TopicHeld while the topic is held."""
        if self._reason is not None:
            await self._try_resume(self._reason)
        self._window.count_messages(messages)

    async def admit_dead_letter(self) -> None:
        """Allow one more dead letter.  Raises TopicHeld, and holds the topic, if it would complete a burst."""
        now_s = time.monotonic()
        if self._trial_s is not None and now_s - self._trial_s > WINDOW_S:
            self._trial_s, self._pause_s = None, self._limits.pause_s
        if self._trial_s is not None:
            self._pause_s = min(2 * self._pause_s, self._limits.pause_most_s)
            self._reason = "it was tried again, and a message would be put aside as well"
        elif (burst := self._window.burst()) is not None:
            self._pause_s, self._reason = self._limits.pause_s, burst
        else:
            return
        if self._trial_s is None:
            self._last_seen = await self._newest_number()
        self._trial_s, self._trial_due_s = None, now_s + self._pause_s
        raise TopicHeld(f"{self._reason}; it is tried again in {self._pause_s:.0f} s", self._limits.look_s)

    def count_dead_letter(self) -> None:
        """Count a published dead letter."""
        self._window.count_dead_letter()

    async def _try_resume(self, reason: str) -> None:
        """Open the topic if it was released or its next trial is due.  Raises TopicHeld otherwise."""
        given = await self._new_release()
        if given is not None:
            _log.warning("topic.released", topic=self._topic, letters=given.letters)
            self._window, self._pause_s = Window(self._limits, given.letters), self._limits.pause_s
        elif time.monotonic() >= self._trial_due_s:
            _log.warning("topic.tried_again", topic=self._topic)
            self._window, self._trial_s = Window(self._limits), time.monotonic()
        else:
            raise TopicHeld(reason, self._limits.look_s)
        self._reason = None

    async def _new_release(self) -> Release | None:
        """Return a release given since the topic was held."""
        try:
            given = await self._releases.newest(self._topic)
        except KafkaError:
            return None  # asked again at the next attempt
        if given is None or given.number == self._last_seen:
            return None
        self._last_seen = given.number
        return given

    async def _newest_number(self) -> str | None:
        try:
            given = await self._releases.newest(self._topic)
        except KafkaError:
            return self._last_seen
        return None if given is None else given.number
