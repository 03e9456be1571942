"""Changes to push: which entity changed, never its content; throttled for the sake of the browsers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts.tenancy import Scope

ChangeKind = Literal["batch", "queue", "analysis", "file"]
ChangeTopic = tuple[ChangeKind, str, str]

# Least seconds between two messages about the same topic.
INTERVAL_S: Final = 0.25


@dataclass(frozen=True)
class AnyOwner:
    """Audience: users who may see any of these (enterprise, advisor) pairs, and the user `subject`, if any."""

    owners: frozenset[tuple[str, str]]
    subject: str | None = None

    def includes(self, user: Scope) -> bool:
        """Whether a user with these rights may be notified."""
        return user.subject == self.subject or any(user.covers(*owner) for owner in self.owners)


@dataclass(frozen=True)
class OfEnterprise:
    """Audience: all users of an enterprise, whichever of its advisors they see."""

    enterprise: str

    def includes(self, user: Scope) -> bool:
        """Whether a user with these rights may be notified."""
        return self.enterprise in user.enterprises


@dataclass(frozen=True)
class SomeOfBatch:
    """Audience: users who may see one of a batch's accounts.

    enterprises, advisors: of all its accounts, without which advisor is whose.  Where two enterprises call an advisor
    by one name, a user of one may hear of a batch in which they see nothing: its number and version, and no more.
    """

    enterprises: frozenset[str]
    advisors: frozenset[str]

    def includes(self, user: Scope) -> bool:
        """Whether a user with these rights may be notified."""
        if self.enterprises.isdisjoint(user.enterprises):
            return False
        return user.advisors is None or not self.advisors.isdisjoint(user.advisors)


Audience = AnyOwner | OfEnterprise | SomeOfBatch


@dataclass(frozen=True)
class Change:
    """`entity` has reached `version`. about: which part of it, where parts change separately."""

    kind: ChangeKind
    entity: str
    version: int
    audience: Audience
    about: str = ""

    @property
    def topic(self) -> ChangeTopic:
        """What has changed, whatever its version."""
        return (self.kind, self.entity, self.about)


class Throttle:
    """Passes the first change of a topic on at once and gathers further ones until INTERVAL_S has passed.

    Of gathered changes the highest version stays. Times are seconds of any monotonic clock, given by the caller.
    """

    def __init__(self) -> None:
        self._sent: dict[ChangeTopic, float] = {}
        self._held: dict[ChangeTopic, Change] = {}

    def offer(self, changes: Iterable[Change], now_s: float) -> list[Change]:
        """Add changes and return all that may be sent now, at most one for each topic."""
        for change in changes:
            held = self._held.get(change.topic)
            if held is None or change.version > held.version:
                self._held[change.topic] = change
        ready = [topic for topic in self._held if now_s - self._sent.get(topic, -INTERVAL_S) >= INTERVAL_S]
        self._forget(now_s)
        self._sent.update(dict.fromkeys(ready, now_s))
        return [self._held.pop(topic) for topic in ready]

    def wait_s(self, now_s: float) -> float | None:
        """Return the seconds until a held change may be sent; None if none is held."""
        if not self._held:
            return None
        return max(0.0, min(self._sent[topic] for topic in self._held) + INTERVAL_S - now_s)

    def _forget(self, now_s: float) -> None:
        """Drop times of sending that no longer delay anything."""
        self._sent = {topic: at for topic, at in self._sent.items() if topic in self._held or now_s - at < INTERVAL_S}
