"""The newest changes, numbered, so that a browser that was disconnected for a moment gets what it missed."""

from collections import deque
from dataclasses import dataclass

from services.gateway.domain.changes import Change


@dataclass(frozen=True)
class Numbered:
    """A change with its number, counted from 1 in one run of one replica."""

    number: int
    change: Change


class ChangeLog:
    """The last `size` changes of all enterprises. Their numbers reveal how many there were: clients get sealed ids."""

    def __init__(self, size: int) -> None:
        self._kept: deque[Numbered] = deque(maxlen=size)
        self._last = 0

    def add(self, change: Change) -> Numbered:
        """Number a change and keep it, forgetting the oldest when full."""
        self._last += 1
        numbered = Numbered(self._last, change)
        self._kept.append(numbered)
        return numbered

    @property
    def last(self) -> int:
        """Return the number of the newest change; 0 before the first."""
        return self._last

    def since(self, seen: int) -> list[Numbered] | None:
        """Return the changes after this number; None if they are no longer kept, or the number is unknown."""
        oldest = self._last - len(self._kept)
        if not oldest <= seen <= self._last:
            return None
        return [numbered for numbered in self._kept if numbered.number > seen]
