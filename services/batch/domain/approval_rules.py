"""What an enterprise asks of decisions beside a role: another person, a second one, a note.  Source: product 6."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class ApprovalRules:
    """approver_differs: nobody approves what they requested; note_required: a user's decision carries a note.

    Two people must approve a batch whose market buys and sells come to more than two_above_cents, or that has more than
    two_above_accounts proposed accounts; None: no such limit.
    """

    approver_differs: bool = False
    note_required: bool = False
    two_above_cents: int | None = None
    two_above_accounts: int | None = None

    @property
    def has_limits(self) -> bool:
        """Whether some batches need two approvers."""
        return self.two_above_cents is not None or self.two_above_accounts is not None

    def approvers(self, turnover_cents: int, accounts: int) -> int:
        """Return how many people must approve: 1 or 2.  What is exactly at a limit is not above it."""
        over_dollars = self.two_above_cents is not None and turnover_cents > self.two_above_cents
        over_accounts = self.two_above_accounts is not None and accounts > self.two_above_accounts
        return 2 if over_dollars or over_accounts else 1


NO_RULES: Final = ApprovalRules()


def strictest(rules: Iterable[ApprovalRules]) -> ApprovalRules:
    """Return the rules of a batch of several enterprises: whatever one of them asks for holds."""
    found = list(rules)
    return ApprovalRules(
        approver_differs=any(of.approver_differs for of in found),
        note_required=any(of.note_required for of in found),
        two_above_cents=_least(of.two_above_cents for of in found),
        two_above_accounts=_least(of.two_above_accounts for of in found),
    )


def first_stands(batch: Any) -> bool:
    """Return whether the first of two approvals counts: nothing of the batch has changed since.

    batch: a row with version, first_by and first_version, the version that this approval made.
    """
    return batch.first_by is not None and batch.first_version == batch.version


def _least(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
