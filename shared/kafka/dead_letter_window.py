"""Counting dead letters: a burst of them is more likely a fault of ours, or of one sender, than so many bad messages.

Source: architecture "Rules of the house".
"""

import time
from collections import deque
from typing import Final

from shared.runtime.settings import ProcessorLimits

WINDOW_S: Final = 60.0
_FEW: Final = 20  # dead letters in the window up to which their share is not significant


class Window:
    """Counts the messages and the dead letters of one topic in the last minute.

    free: number of dead letters that are not counted.
    """

    def __init__(self, limits: ProcessorLimits, free: int = 0) -> None:
        self._limits = limits
        self._free = free
        self._messages: deque[tuple[float, int]] = deque()
        self._dead_letters: deque[float] = deque()

    def count_messages(self, messages: int) -> None:
        """Count messages given to the processor."""
        self._forget()  # here, because a topic without dead letters asks for nothing else
        self._messages.append((time.monotonic(), messages))

    def count_dead_letter(self) -> None:
        """Count a dead letter."""
        if self._free:
            self._free -= 1
        else:
            self._dead_letters.append(time.monotonic())

    def burst(self) -> str | None:
        """Return why one more dead letter would be too many, None if it would not be."""
        if self._free:
            return None
        self._forget()
        dead, messages = len(self._dead_letters), max(1, sum(count for _, count in self._messages))
        if dead >= self._limits.letters or (dead >= _FEW and dead > self._limits.share * messages):
            return f"{dead} of the {messages} messages of the last minute were put aside"
        return None

    def _forget(self) -> None:
        """Drop what is older than the window."""
        since = time.monotonic() - WINDOW_S
        while self._dead_letters and self._dead_letters[0] < since:
            self._dead_letters.popleft()
        while self._messages and self._messages[0][0] < since:
            self._messages.popleft()
