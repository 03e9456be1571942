"""Too many accounts at which our code raises: then it is not the accounts' fault, and none of them is held or failed.

More than FEW accounts, and more than one in ONE_IN, of a message: the message as a whole is our fault, its guard
retries it and then the process stops with it unacknowledged.  A message of fewer accounts than make that share is
judged together with those before it, so that a release that is wrong for every account does not fail them one by one.
Source: docs/decisions/0023-too-many-accounts-fail.md.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

FEW: Final = 20  # as of dead letters (bursts): up to so many their share says nothing
ONE_IN: Final = 5
_ENOUGH: Final = FEW * ONE_IN  # accounts of which FEW are that share
_KEPT_S: Final = 3600.0
_AT_ANY_NUMBER: Final[ContextVar[bool]] = ContextVar("at_any_number", default=False)


class TooMany(Exception):
    """Our code raises at too many accounts.  passed: at how many of the same message it certainly does not."""

    def __init__(self, what: str, faults: int, accounts: int, passed: int) -> None:
        super().__init__(
            f"{what}: our code raises at {faults} or more of {accounts} accounts; so many are not at fault themselves"
        )
        self.passed = passed


class Recent:
    """How the last accounts of one kind of work in this process ended, as far as they were answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # chunks are worked on in several threads
        self._seen: deque[tuple[float, int, int]] = deque()

    def are_too_many(self, faults: int, accounts: int) -> bool:
        """Say whether so many faults of a message's accounts are too many: alone, or with the messages before it."""
        with self._lock:
            while self._seen and self._seen[0][0] < time.monotonic() - _KEPT_S:
                self._seen.popleft()
            for _, more, faulty in reversed(self._seen):
                if accounts >= _ENOUGH:
                    break
                accounts, faults = accounts + more, faults + faulty
        return faults > FEW and faults * ONE_IN > accounts

    def note(self, faults: int, accounts: int) -> None:
        """Count a message that was answered.  A large one says no more than its share."""
        if not accounts:
            return
        kept = min(accounts, _ENOUGH)
        with self._lock:
            self._seen.append((time.monotonic(), kept, faults * kept // accounts))
            while sum(more for _, more, _ in self._seen) - self._seen[0][1] >= _ENOUGH:
                self._seen.popleft()

    def forget(self) -> None:
        """Count anew: somebody has found that it was the accounts."""
        with self._lock:
            self._seen.clear()


@contextmanager
def at_any_number() -> Iterator[None]:
    """Let each account fail alone in here, however many: others pass, and new starts have not helped."""
    before = _AT_ANY_NUMBER.set(True)
    try:
        yield
    finally:
        _AT_ANY_NUMBER.reset(before)


def is_any_number_allowed() -> bool:
    """Say whether we are inside of `at_any_number`."""
    return _AT_ANY_NUMBER.get()
