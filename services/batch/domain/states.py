"""States of a batch and of an account in it, as tables: a pair that is not in a table is an error.

Source: product 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Result = Literal["Failed", "Complete", "Cancelled"]


class IllegalTransition(ValueError):
    """The state table has no such transition."""


class Status(StrEnum):
    """Status of a batch."""

    WORKING = "WORKING"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class Transition(StrEnum):
    """What changes the status of a batch, or keeps it and changes the batch."""

    COLLECTED = "COLLECTED"  # every result is in, at least one account is proposed
    ALL_FAILED = "ALL_FAILED"  # every result is in, and every account failed
    NONE_LEFT = "NONE_LEFT"  # the last proposed account was removed or failed, others were removed before
    FIRST_APPROVAL = "FIRST_APPROVAL"  # of two that its enterprise asks for
    APPROVE = "APPROVE"
    CANCEL = "CANCEL"
    DAY_ENDED = "DAY_ENDED"
    REMOVE = "REMOVE"  # of some accounts
    UNDO_REMOVAL = "UNDO_REMOVAL"  # of some removed accounts
    SWITCH_LOGIC = "SWITCH_LOGIC"
    REPROPOSE = "REPROPOSE"  # of stale accounts
    EDIT_TRADES = "EDIT_TRADES"  # of an account; also where edits are dropped


class AccountState(StrEnum):
    """State of an account in a batch."""

    WORKING = "WORKING"
    PROPOSED = "PROPOSED"
    FAILED = "FAILED"
    REMOVED = "REMOVED"
    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"


class AccountTransition(StrEnum):
    """What changes the state of an account in a batch."""

    PROPOSAL = "PROPOSAL"
    FAILURE = "FAILURE"
    REMOVE = "REMOVE"
    UNDO_REMOVAL = "UNDO_REMOVAL"
    REPROPOSE = "REPROPOSE"
    EDIT = "EDIT"  # its trades were edited, or an edit was dropped
    APPROVE = "APPROVE"
    CANCEL = "CANCEL"


BATCH: Final[Mapping[tuple[Status, Transition], Status]] = {
    (Status.WORKING, Transition.COLLECTED): Status.PENDING_APPROVAL,
    (Status.WORKING, Transition.ALL_FAILED): Status.FAILED,
    (Status.WORKING, Transition.NONE_LEFT): Status.CANCELLED,
    (Status.WORKING, Transition.DAY_ENDED): Status.CANCELLED,  # guide: "Incomplete Batches"
    (Status.PENDING_APPROVAL, Transition.FIRST_APPROVAL): Status.PENDING_APPROVAL,
    (Status.PENDING_APPROVAL, Transition.APPROVE): Status.APPROVED,
    (Status.PENDING_APPROVAL, Transition.CANCEL): Status.CANCELLED,
    (Status.PENDING_APPROVAL, Transition.DAY_ENDED): Status.CANCELLED,
    (Status.PENDING_APPROVAL, Transition.REMOVE): Status.PENDING_APPROVAL,
    (Status.PENDING_APPROVAL, Transition.UNDO_REMOVAL): Status.PENDING_APPROVAL,
    (Status.PENDING_APPROVAL, Transition.NONE_LEFT): Status.CANCELLED,
    (Status.PENDING_APPROVAL, Transition.SWITCH_LOGIC): Status.PENDING_APPROVAL,
    (Status.PENDING_APPROVAL, Transition.REPROPOSE): Status.WORKING,
    (Status.PENDING_APPROVAL, Transition.EDIT_TRADES): Status.WORKING,
}

ACCOUNT: Final[Mapping[tuple[AccountState, AccountTransition], AccountState]] = {
    (AccountState.WORKING, AccountTransition.PROPOSAL): AccountState.PROPOSED,
    (AccountState.WORKING, AccountTransition.FAILURE): AccountState.FAILED,
    (AccountState.WORKING, AccountTransition.CANCEL): AccountState.CANCELLED,  # the day ended before its result came
    (AccountState.PROPOSED, AccountTransition.REMOVE): AccountState.REMOVED,
    (AccountState.REMOVED, AccountTransition.UNDO_REMOVAL): AccountState.PROPOSED,
    (AccountState.PROPOSED, AccountTransition.REPROPOSE): AccountState.WORKING,
    (AccountState.PROPOSED, AccountTransition.EDIT): AccountState.WORKING,
    (AccountState.PROPOSED, AccountTransition.APPROVE): AccountState.APPROVED,
    (AccountState.PROPOSED, AccountTransition.CANCEL): AccountState.CANCELLED,
}

OPEN: Final = frozenset({Status.WORKING, Status.PENDING_APPROVAL})
DECIDED: Final = frozenset(Status) - OPEN
_RESULTS: Final[Mapping[Status, Result]] = {
    Status.FAILED: "Failed",
    Status.APPROVED: "Complete",
    Status.CANCELLED: "Cancelled",
}


def batch_after(status: Status, transition: Transition) -> Status:
    """Return the status of a batch after `transition`.  Raises IllegalTransition if the table has no such pair."""
    try:
        return BATCH[status, transition]
    except KeyError:
        raise IllegalTransition(f"{transition} cannot happen to a batch that is {status}") from None


def account_after(state: AccountState, transition: AccountTransition) -> AccountState:
    """Return the state of an account after `transition`.  Raises IllegalTransition if the table has no such pair."""
    try:
        return ACCOUNT[state, transition]
    except KeyError:
        raise IllegalTransition(f"{transition} cannot happen to an account that is {state}") from None


def states_allowing(transition: AccountTransition) -> tuple[str, ...]:
    """Return the account states that allow `transition`: the guard of statements over many rows."""
    return tuple(str(state) for state, allowed in ACCOUNT if allowed == transition)


@dataclass(frozen=True)
class Tally:
    """Number of accounts of a batch in each state; stale ones are a part of the proposed ones."""

    working: int = 0
    proposed: int = 0
    failed: int = 0
    removed: int = 0
    approved: int = 0
    cancelled: int = 0
    stale: int = 0

    @property
    def accounts(self) -> int:
        """All accounts of the batch: the sum over the states."""
        return self.working + self.proposed + self.failed + self.removed + self.approved + self.cancelled


def transition_of(tally: Tally) -> Transition | None:
    """Return the transition that the counts of an undecided batch cause; None while accounts are being worked on."""
    if tally.working:
        return None
    if tally.proposed:
        return Transition.COLLECTED
    return Transition.ALL_FAILED if tally.failed == tally.accounts else Transition.NONE_LEFT


def result_of(status: Status) -> Result | None:
    """Return the result that history shows; None while the batch is undecided."""
    return _RESULTS.get(status)
