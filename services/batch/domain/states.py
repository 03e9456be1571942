"""States of a batch and of an account in it, as tables. A pair that is not in a table is an error.

Source: product 6.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class IllegalTransition(ValueError):
    """This cannot happen to something in that state."""


class Status(StrEnum):
    """Status of a batch."""

    WORKING = "WORKING"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class Happening(StrEnum):
    """What can happen to a batch."""

    ANSWERED = "ANSWERED"  # no account is being worked on any more, at least one is proposed
    ALL_FAILED = "ALL_FAILED"  # no account is being worked on any more, none was ever proposed
    NONE_LEFT = "NONE_LEFT"  # the last proposed account was removed or failed, others were removed before
    APPROVE = "APPROVE"
    CANCEL = "CANCEL"
    DAY_ENDED = "DAY_ENDED"
    REMOVE = "REMOVE"  # of some accounts
    SWITCH_LOGIC = "SWITCH_LOGIC"
    REPROPOSE = "REPROPOSE"  # of stale accounts


class AccountState(StrEnum):
    """State of an account in a batch."""

    WORKING = "WORKING"
    PROPOSED = "PROPOSED"
    FAILED = "FAILED"
    REMOVED = "REMOVED"
    APPROVED = "APPROVED"
    CANCELLED = "CANCELLED"


class AccountHappening(StrEnum):
    """What can happen to an account in a batch."""

    PROPOSAL = "PROPOSAL"
    FAILURE = "FAILURE"
    REMOVE = "REMOVE"
    REPROPOSE = "REPROPOSE"
    APPROVE = "APPROVE"
    CANCEL = "CANCEL"


BATCH: Final[Mapping[tuple[Status, Happening], Status]] = {
    (Status.WORKING, Happening.ANSWERED): Status.PENDING_APPROVAL,
    (Status.WORKING, Happening.ALL_FAILED): Status.FAILED,
    (Status.WORKING, Happening.NONE_LEFT): Status.CANCELLED,
    (Status.WORKING, Happening.DAY_ENDED): Status.CANCELLED,  # guide: "Incomplete Batches"
    (Status.PENDING_APPROVAL, Happening.APPROVE): Status.APPROVED,
    (Status.PENDING_APPROVAL, Happening.CANCEL): Status.CANCELLED,
    (Status.PENDING_APPROVAL, Happening.DAY_ENDED): Status.CANCELLED,
    (Status.PENDING_APPROVAL, Happening.REMOVE): Status.PENDING_APPROVAL,
    (Status.PENDING_APPROVAL, Happening.NONE_LEFT): Status.CANCELLED,
    (Status.PENDING_APPROVAL, Happening.SWITCH_LOGIC): Status.PENDING_APPROVAL,
    (Status.PENDING_APPROVAL, Happening.REPROPOSE): Status.WORKING,
}

ACCOUNT: Final[Mapping[tuple[AccountState, AccountHappening], AccountState]] = {
    (AccountState.WORKING, AccountHappening.PROPOSAL): AccountState.PROPOSED,
    (AccountState.WORKING, AccountHappening.FAILURE): AccountState.FAILED,
    (AccountState.WORKING, AccountHappening.CANCEL): AccountState.CANCELLED,  # the day ended before it was answered
    (AccountState.PROPOSED, AccountHappening.REMOVE): AccountState.REMOVED,
    (AccountState.PROPOSED, AccountHappening.REPROPOSE): AccountState.WORKING,
    (AccountState.PROPOSED, AccountHappening.APPROVE): AccountState.APPROVED,
    (AccountState.PROPOSED, AccountHappening.CANCEL): AccountState.CANCELLED,
}

OPEN: Final = frozenset({Status.WORKING, Status.PENDING_APPROVAL})
DECIDED: Final = frozenset(Status) - OPEN


def batch_after(status: Status, happening: Happening) -> Status:
    """Return the status of a batch after `happening`.  Raises IllegalTransition when the table has no such pair."""
    try:
        return BATCH[status, happening]
    except KeyError:
        raise IllegalTransition(f"{happening} cannot happen to a batch that is {status}") from None


def account_after(state: AccountState, happening: AccountHappening) -> AccountState:
    """Return the state of an account after `happening`.  Raises IllegalTransition when the table has no such pair."""
    try:
        return ACCOUNT[state, happening]
    except KeyError:
        raise IllegalTransition(f"{happening} cannot happen to an account that is {state}") from None


def accounts_open_to(happening: AccountHappening) -> tuple[str, ...]:
    """Return the states in which `happening` may happen: what statements over many rows are guarded with."""
    return tuple(str(state) for state, what in ACCOUNT if what == happening)
