"""What is pushed: which entity changed, never its content; gathered so that a busy queue does not flood a browser."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts.tenancy import Scope

Kind = Literal["batch", "queue", "analysis", "file"]
Topic = tuple[Kind, str, str]

# Seconds between two messages about the same thing: at most four a second.
INTERVAL_S: Final = 0.25


@dataclass(frozen=True)
class Part:
    """Heard of by whoever may see any of these (enterprise, advisor), and by the person who caused it, if any."""

    owners: frozenset[tuple[str, str]]
    subject: str | None = None

    def hears(self, who: Scope) -> bool:
        """Say whether the change concerns somebody with these rights."""
        return who.subject == self.subject or any(who.covers(*owner) for owner in self.owners)


@dataclass(frozen=True)
class Whole:
    """Heard of by whoever may see all of these enterprises and advisors. advisors None: a word to whole enterprises."""

    enterprises: frozenset[str]
    advisors: frozenset[str] | None = None

    def hears(self, who: Scope) -> bool:
        """Say whether the change concerns somebody with these rights."""
        if not self.enterprises or not self.enterprises.issubset(who.enterprises):
            return False
        return self.advisors is None or who.advisors is None or self.advisors.issubset(who.advisors)


@dataclass(frozen=True)
class Change:
    """`entity` has reached `version`. about: what of it, where several may be told apart."""

    kind: Kind
    entity: str
    version: int
    audience: Part | Whole
    about: str = ""

    @property
    def topic(self) -> Topic:
        """What it is about, whatever its version."""
        return (self.kind, self.entity, self.about)


class Gatherer:
    """Lets the first change of a thing through at once and gathers what follows until INTERVAL_S has passed.

    Times are seconds of any steady clock, given by the caller. Of gathered changes the highest version stays.
    """

    def __init__(self) -> None:
        self._sent: dict[Topic, float] = {}
        self._held: dict[Topic, Change] = {}

    def offer(self, changes: Iterable[Change], now_s: float) -> list[Change]:
        """Take changes in and return all that may be sent now, at most one for each thing."""
        for change in changes:
            held = self._held.get(change.topic)
            if held is None or change.version > held.version:
                self._held[change.topic] = change
        ready = [topic for topic in self._held if now_s - self._sent.get(topic, -INTERVAL_S) >= INTERVAL_S]
        self._forget(now_s)
        self._sent.update(dict.fromkeys(ready, now_s))
        return [self._held.pop(topic) for topic in ready]

    def wait_s(self, now_s: float) -> float | None:
        """Return the seconds until something held may be sent; None when nothing is held."""
        if not self._held:
            return None
        return max(0.0, min(self._sent[topic] for topic in self._held) + INTERVAL_S - now_s)

    def _forget(self, now_s: float) -> None:
        """Drop what was sent long enough ago to say nothing any more."""
        self._sent = {topic: at for topic, at in self._sent.items() if topic in self._held or now_s - at < INTERVAL_S}
