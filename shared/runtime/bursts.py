"""A burst of dead letters: more likely a fault of ours, or a sender gone wrong, than so many bad messages.

Source: architecture "Rules of the house".
"""

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 60.0
_FEW: Final = 20  # letters in the window up to which their share says nothing


@dataclass(frozen=True)
class ProcessorLimits:
    """How long a guard is patient, and when it holds its topic.

    retry_s: seconds in which a failing group is handled again in place before the process stops.
    starts: new starts that one message may cost before the guard no longer stops the process for it.
    letters: dead letters of a topic in a minute, and share: of its messages of that minute, beyond which it is held.
    pause_s: seconds until a topic so held is tried again, twice as many each time it fails, up to pause_most_s.
    look_s: seconds between looks whether somebody on call has released it.
    """

    retry_s: float = 30.0
    starts: int = 3
    letters: int = 100
    share: float = 0.2
    pause_s: float = 300.0
    pause_most_s: float = 3600.0
    look_s: float = 10.0


class Window:
    """Counts the messages and the dead letters of one topic in the last minute.  free: letters that do not count."""

    def __init__(self, limits: ProcessorLimits, free: int = 0) -> None:
        self._limits = limits
        self._free = free
        self._came: deque[tuple[float, int]] = deque()
        self._letters: deque[float] = deque()

    def came(self, messages: int) -> None:
        """Count messages that were given to the guard."""
        self._came.append((time.monotonic(), messages))

    def put_aside(self) -> None:
        """Count a dead letter."""
        if self._free:
            self._free -= 1
        else:
            self._letters.append(time.monotonic())

    def burst(self) -> str | None:
        """Return why one more dead letter would be too many, None while it would not."""
        if self._free:
            return None
        since = time.monotonic() - WINDOW_S
        while self._letters and self._letters[0] < since:
            self._letters.popleft()
        while self._came and self._came[0][0] < since:
            self._came.popleft()
        letters, messages = len(self._letters), max(1, sum(count for _, count in self._came))
        if letters >= self._limits.letters or (letters >= _FEW and letters > self._limits.share * messages):
            return f"{letters} of the {messages} messages of the last minute were put aside"
        return None
