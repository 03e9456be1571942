"""Chains of hashes: how far they were followed, and what of their ends and links is not as it was."""

from collections.abc import Iterable
from typing import Final, Generic, TypeVar

from services.auditor.domain.invariants import Difference, Invariant
from shared.rules.history_chain import End, Link, beginning, fault_of_end, faults_of_link

Start = TypeVar("Start")
_AGAIN: Final = 20
"""Most parts with a fault that each pass looks at again."""

_WHAT_TO_DO: Final = (
    ". Keep the database as it is and inform whoever is responsible for the records; after a restore that was meant,"
    " set REBALANCER_AUDIT_ORDERS_FROM to now and start the auditor again"
)


class Walk(Generic[Start]):
    """The parts of a chain, one in each pass, and again those in which something was found.

    A part is what follows its start, which the last of the part before is.
    """

    def __init__(self, beginning: Start) -> None:
        self._beginning = beginning
        self._next = beginning
        self._again: list[Start] = []

    def turn(self) -> list[Start]:
        """Return behind which places to look in this pass; the last of them is new."""
        return [*(start for start in self._again if start != self._next), self._next]

    def done(self, faulty: Iterable[Start], last: Start | None) -> None:
        """Note in which parts something was found, and where the new part ends; None: the chain ends in it."""
        self._again = list(faulty)[:_AGAIN]
        self._next = self._beginning if last is None else last


def link_faults(enterprise_id: str, link: Link, before: End, kept_sha256: bytes | None) -> Difference | None:
    """Return what is wrong with a link and its decision, None if nothing is.

    before: the link that stands before it; kept_sha256: digest of the decision as it is kept, None if it is not.
    """
    faults = list(faults_of_link(link, before[0] + 1, before[1]))
    if kept_sha256 is None:
        faults.append("its decision is missing")
    elif kept_sha256 != link.decision_sha256:
        faults.append("its decision was changed")
    if not faults:
        return None
    says = f"history of {enterprise_id}, batch {link.batch_id}: {'; '.join(faults)}"
    return Difference(Invariant.HISTORY_WHOLE, f"link {link.position} of {enterprise_id}", tuple(faults), says)


def before_first(enterprise_id: str) -> End:
    """Return what stands before the first link of an enterprise."""
    return 0, beginning(enterprise_id)


def history_end(enterprise_id: str, head: End | None, last: End) -> Difference | None:
    """Return what is wrong with the end of an enterprise's chain, None if nothing is."""
    fault = fault_of_end(head, last)
    if fault is None:
        return None
    says = f"history of {enterprise_id}: {fault}"
    return Difference(Invariant.HISTORY_WHOLE, f"end of {enterprise_id}", (fault,), says)


def history_seen(enterprise_id: str, seen: End, hash_now: bytes | None) -> Difference | None:
    """Return how a link that was the last of its chain before is not as it was; None if it is.

    hash_now: of the link at this position, None if there is none.
    """
    if hash_now == seen[1]:
        return None
    what = "is missing" if hash_now is None else "is another one"
    lost = f"link {seen[0]}, which was its last, {what}; its hash was {seen[1].hex()}"
    says = f"history of {enterprise_id}: {lost}{_WHAT_TO_DO}"
    return Difference(Invariant.HISTORY_WHOLE, f"head of {enterprise_id}", (seen[0], what), says)


def decision_beside(batch_id: int) -> Difference:
    """Return that a decision was added to history beside its chain."""
    says = f"batch {batch_id}: its decision was added: a chain has no link of it"
    return Difference(Invariant.HISTORY_WHOLE, f"batch {batch_id}", (), says)


def record_broken(seq: int) -> Difference:
    """Return that a record of the audit log does not fit the one before it."""
    says = f"record {seq} of the audit log does not fit: it, or one before it, was changed, taken away or added"
    return Difference(Invariant.AUDIT_LOG_WHOLE, f"record {seq}", (), says)


def audit_end(head: End | None, last: End) -> Difference | None:
    """Return what is wrong with the end of the audit log, None if nothing is."""
    fault = fault_of_end(head, last)
    return None if fault is None else Difference(Invariant.AUDIT_LOG_WHOLE, "end", (fault,), f"audit log: {fault}")


def audit_seen(seen: End, hash_now: bytes | None) -> Difference | None:
    """Return how a record that was the last before is not as it was; as `history_seen`."""
    if hash_now == seen[1]:
        return None
    what = "is missing" if hash_now is None else "is another one"
    lost = f"record {seen[0]}, which was its last, {what}; its hash was {seen[1].hex()}"
    says = f"audit log: {lost}{_WHAT_TO_DO}"
    return Difference(Invariant.AUDIT_LOG_WHOLE, "head", (seen[0], what), says)
