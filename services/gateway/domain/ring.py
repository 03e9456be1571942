"""The newest changes, numbered, so that a browser that was away for a moment hears what it missed."""

from collections import deque
from dataclasses import dataclass

from services.gateway.domain.changes import Change


@dataclass(frozen=True)
class Numbered:
    """A change with its place in the sequence of one run of one replica. event_id: what a client sends back."""

    number: int
    event_id: str
    change: Change


class Ring:
    """The last `size` changes. Ids are "<run>-<number>": an id of another run or replica is recognised as foreign."""

    def __init__(self, run: str, size: int) -> None:
        self._run = run
        self._kept: deque[Numbered] = deque(maxlen=size)
        self._last = 0

    def add(self, change: Change) -> Numbered:
        """Number a change and keep it, forgetting the oldest when full."""
        self._last += 1
        numbered = Numbered(self._last, self._id_of(self._last), change)
        self._kept.append(numbered)
        return numbered

    @property
    def last_id(self) -> str:
        """Return the id of the newest change (number 0 before the first)."""
        return self._id_of(self._last)

    def since(self, last_id: str) -> list[Numbered] | None:
        """Return what came after `last_id`; None when that can no longer be told (too old, foreign, or no id)."""
        run, _, number = last_id.rpartition("-")
        if run != self._run or not (number.isascii() and number.isdigit()):
            return None
        seen = int(number)
        oldest = self._last - len(self._kept)
        if not oldest <= seen <= self._last:
            return None
        return [one for one in self._kept if one.number > seen]

    def _id_of(self, number: int) -> str:
        return f"{self._run}-{number}"
