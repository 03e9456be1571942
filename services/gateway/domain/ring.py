"""The newest changes, numbered, so that a browser that was away for a moment hears what it missed."""

from collections import deque
from dataclasses import dataclass

from services.gateway.domain.changes import Change


@dataclass(frozen=True)
class Numbered:
    """A change with its place, counted from 1, in the sequence of one run of one replica."""

    number: int
    change: Change


class Ring:
    """The last `size` changes, of everybody: a number says how many there were, so no client is told one."""

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
        """Return what came after the change of this number; None when that can no longer be told, or never could."""
        oldest = self._last - len(self._kept)
        if not oldest <= seen <= self._last:
            return None
        return [one for one in self._kept if one.number > seen]
