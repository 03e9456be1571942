"""Accounts of a batch by state, and what they say about the batch.  Source: product 6."""

from dataclasses import dataclass
from typing import Literal

from services.batch.domain.states import Happening, Status

Result = Literal["Failed", "Complete", "Cancelled"]
_RESULTS: dict[Status, Result] = {
    Status.FAILED: "Failed",
    Status.APPROVED: "Complete",
    Status.CANCELLED: "Cancelled",
}


@dataclass(frozen=True)
class Tally:
    """How many accounts of a batch are in each state; stale ones are proposed ones."""

    working: int = 0
    proposed: int = 0
    failed: int = 0
    removed: int = 0
    approved: int = 0
    cancelled: int = 0
    stale: int = 0

    @property
    def accounts(self) -> int:
        """All accounts of the batch: the states add up to it."""
        return self.working + self.proposed + self.failed + self.removed + self.approved + self.cancelled


def happening_of(tally: Tally) -> Happening | None:
    """Return what the counts of an undecided batch bring about; None while it stays as it is."""
    if tally.working:
        return None
    if tally.proposed:
        return Happening.ANSWERED
    return Happening.ALL_FAILED if tally.failed == tally.accounts else Happening.NONE_LEFT


def result_of(status: Status) -> Result | None:
    """Return the result shown in history: None while the batch is undecided."""
    return _RESULTS.get(status)
