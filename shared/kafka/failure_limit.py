"""The limit of accounts that may fail alone: beyond it the fault is in our code, not in the accounts.

If our code raises at more than FEW accounts of a message, and at more than one in ONE_IN, no account of it is held or
failed: the message fails as a whole, its processor retries it, and then the process stops with it unacknowledged.
A message with too few accounts for that share is judged together with the messages before it, so that a faulty release
does not fail all accounts in small messages.
Source: docs/decisions/0023-too-many-accounts-fail.md.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

FEW: Final = 20  # accounts up to which their share is not significant, as of dead letters
ONE_IN: Final = 5
_ENOUGH: Final = FEW * ONE_IN  # accounts of which FEW are one in ONE_IN
_KEPT_S: Final = 3600.0
_EVERY_FAULT: Final[ContextVar[bool]] = ContextVar("isolate_every_fault", default=False)


class TooMany(Exception):
    """Our code raises at too many accounts.  passed: number of accounts of the same message that succeeded."""

    is_text_plain = True  # for the log: it names the kind of work and counts

    def __init__(self, what: str, faults: int, accounts: int, passed: int) -> None:
        super().__init__(
            f"{what}: our code raises at {faults} or more of {accounts} accounts; so many are not at fault themselves"
        )
        self.passed = passed


class RecentFaults:
    """Outcomes of the last messages of one kind of work in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # chunks are worked on in several threads
        self._seen: deque[tuple[float, int, int]] = deque()

    def are_too_many(self, faults: int, accounts: int) -> bool:
        """Say whether the faults of a message, together with those of the messages before it, are too many."""
        with self._lock:
            while self._seen and self._seen[0][0] < time.monotonic() - _KEPT_S:
                self._seen.popleft()
            for _, more, faulty in reversed(self._seen):
                if accounts >= _ENOUGH:
                    break
                accounts, faults = accounts + more, faults + faulty
        return faults > FEW and faults * ONE_IN > accounts

    def note(self, faults: int, accounts: int) -> None:
        """Count a finished message; a large one is scaled down to its share, so that it does not outweigh others."""
        if not accounts:
            return
        kept = min(accounts, _ENOUGH)
        with self._lock:
            self._seen.append((time.monotonic(), kept, faults * kept // accounts))
            while sum(more for _, more, _ in self._seen) - self._seen[0][1] >= _ENOUGH:
                self._seen.popleft()

    def forget(self) -> None:
        """Start counting anew, after it was found that the accounts were the cause."""
        with self._lock:
            self._seen.clear()


@contextmanager
def isolate_every_fault() -> Iterator[None]:
    """Within the block let every faulty account fail alone: other messages succeed, and restarts did not help."""
    before = _EVERY_FAULT.set(True)
    try:
        yield
    finally:
        _EVERY_FAULT.reset(before)


def is_every_fault_isolated() -> bool:
    """Say whether the caller is within `isolate_every_fault`."""
    return _EVERY_FAULT.get()
