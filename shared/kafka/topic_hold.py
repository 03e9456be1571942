"""The brake of a topic: a burst of dead letters holds it, somebody on call or a trial lets it go again.

It goes on when somebody on call says so, or by itself after a pause that grows, on trial: then nothing is put aside,
and the first message that would be holds it again.  So a fault of ours that is gone costs a pause, and one that is not
costs no message more.  Source: architecture "Poison is an explicit list".
"""

import time
import uuid
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from shared.kafka.faults import Held
from shared.kafka.notes import LONGEST, Notes
from shared.runtime import log
from shared.runtime.bursts import WINDOW_S, ProcessorLimits, Window

_log = log.get(__name__)


@dataclass(frozen=True)
class Release:
    """Somebody's word that a held topic is to go on.  letters: how many more may be put aside without being counted."""

    number: str
    who: str
    letters: int


class Releases:
    """What somebody on call says of held topics of one service; the broker keeps it (shared.kafka.notes)."""

    def __init__(self, kafka_url: str, service: str) -> None:
        self._notes = Notes(kafka_url, f"rebalancer-{service}-released")

    async def give(self, topic: str, who: str, letters: int) -> None:
        """Have every process of the service go on with the topic.  Raises KafkaError."""
        note = {"number": uuid.uuid4().hex, "who": who[:LONGEST], "letters": letters}
        await self._notes.leave((topic, 0, 0), note)

    async def newest(self, topic: str) -> Release | None:
        """Return the last word about the topic, None when there is none.  Raises KafkaError."""
        note = (await self._notes.read()).get((topic, 0, 0))
        return None if note is None else Release(note["number"], note["who"], note["letters"])


class Brake:
    """Holds one topic at a burst of dead letters, and lets it go again."""

    def __init__(self, limits: ProcessorLimits, releases: Releases, topic: str) -> None:
        self._limits = limits
        self._releases = releases
        self._topic = topic
        self._window = Window(limits)
        self._because: str | None = None
        self._heard: str | None = None  # the number of the last release from before the topic was held
        self._pause_s = limits.pause_s
        self._again_s = 0.0  # when it is tried again
        self._trial_s: float | None = None  # since when it is on trial

    async def let(self, messages: int) -> None:
        """Let messages pass.  Raises Held while the topic is held: nobody has released it, and it is not yet time."""
        if self._because is not None:
            await self._look(self._because)
        self._window.came(messages)

    async def let_letter(self) -> None:
        """Let a message be put aside.  Raises Held, which holds the topic from now on, when that would be too much."""
        now_s = time.monotonic()
        if self._trial_s is not None and now_s - self._trial_s > WINDOW_S:
            self._trial_s, self._pause_s = None, self._limits.pause_s
        if self._trial_s is not None:
            self._pause_s = min(2 * self._pause_s, self._limits.pause_most_s)
            self._because = "it was tried again, and a message would be put aside as well"
        elif (burst := self._window.burst()) is not None:
            self._pause_s, self._because = self._limits.pause_s, burst
        else:
            return
        if self._trial_s is None:
            self._heard = await self._last()
        self._trial_s, self._again_s = None, now_s + self._pause_s
        raise Held(f"{self._because}; it is tried again in {self._pause_s:.0f} s", self._limits.look_s)

    def count_letter(self) -> None:
        """Count a message that was put aside."""
        self._window.put_aside()

    async def _look(self, because: str) -> None:
        given = await self._word()
        if given is not None:
            _log.warning("topic.released", topic=self._topic, who=given.who, letters=given.letters)
            self._window, self._pause_s = Window(self._limits, given.letters), self._limits.pause_s
        elif time.monotonic() >= self._again_s:
            _log.warning("topic.tried_again", topic=self._topic, because=because)
            self._window, self._trial_s = Window(self._limits), time.monotonic()
        else:
            raise Held(because, self._limits.look_s)
        self._because = None

    async def _word(self) -> Release | None:
        """Return a release that was given since the topic was held."""
        try:
            given = await self._releases.newest(self._topic)
        except KafkaError:
            return None  # the next look asks again
        if given is None or given.number == self._heard:
            return None
        self._heard = given.number
        return given

    async def _last(self) -> str | None:
        try:
            given = await self._releases.newest(self._topic)
        except KafkaError:
            return self._heard
        return None if given is None else given.number
