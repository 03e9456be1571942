"""May this person give this command to this batch now?  Source: product 6, api "Roles"."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from services.batch.domain.states import BATCH, DECIDED, Status, Transition
from shared.contracts.principal import RoleName
from shared.contracts.roles import RULES

RefusalReason = Literal[
    "VERSION_CHANGED",
    "DECIDED",
    "NOT_READY",
    "DAY_ENDED",
    "STALE",
    "SAME_PERSON",
    "NOTHING_STALE",
    "NOTE_MISSING",
    "APPROVED_ALREADY",
]


@dataclass(frozen=True)
class CommandFacts:
    """The batch and the command that a refusal is decided from.

    version_seen: the version that was displayed to the person; stale: number of stale proposals; cancel_at: end of its
    day (UTC); note_missing: a note is required and none was given.
    """

    status: Status
    version: int
    version_seen: int
    cancel_at: datetime
    stale: int
    requested_by: str
    asked_by: str
    four_eyes: bool = False
    note_missing: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why a command is refused, with the sentence for the user."""

    why: RefusalReason
    sentence: str


_DONE: Final = {
    Status.APPROVED: "approved",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "ended, as all its accounts failed",
}


def refusal(transition: Transition, facts: CommandFacts, now: datetime) -> Refusal | None:
    """Return why the command is refused, or None if it is allowed.

    A decided batch is reported first, whatever version was seen: that is what the user must know.
    """
    if facts.status in DECIDED:
        return Refusal("DECIDED", f"The request has already been {_DONE[facts.status]}.")
    if facts.version != facts.version_seen:
        return Refusal(
            "VERSION_CHANGED",
            f"The request has changed since you saw it (version {facts.version_seen}, now {facts.version}): "
            "look at it again, then decide.",
        )
    if facts.cancel_at <= now:
        return Refusal("DAY_ENDED", "The end of its day has come: the request is being cancelled.")
    if (facts.status, transition) not in BATCH:
        return Refusal("NOT_READY", "Trades are still being proposed: wait until the request is pending approval.")
    if transition is Transition.APPROVE:
        return _approval_refusal(facts)
    if transition is Transition.CANCEL and facts.note_missing:
        return note_missing()
    if transition is Transition.REPROPOSE and not facts.stale:
        return Refusal("NOTHING_STALE", "No proposal of the request is stale: there is nothing to propose again.")
    return None


def _approval_refusal(facts: CommandFacts) -> Refusal | None:
    if facts.stale:
        accounts = "1 account has" if facts.stale == 1 else f"{facts.stale:,} accounts have"
        return Refusal(
            "STALE", f"{accounts} a stale proposal: remove what is stale or have it proposed again, then approve."
        )
    if facts.four_eyes and facts.requested_by == facts.asked_by:
        return same_person()
    return note_missing() if facts.note_missing else None


def same_person() -> Refusal:
    """Return the refusal of an approval by the person who requested the batch."""
    return Refusal("SAME_PERSON", "Somebody else must approve: this request is yours.")


def approved_already() -> Refusal:
    """Return the refusal of a second approval by the person who gave the first one."""
    return Refusal("APPROVED_ALREADY", "You have approved this request already: a second person must approve it too.")


def part_only(requested_by: str) -> str:
    """Return why somebody who sees only a part of a batch's accounts cannot decide about it, nor change it."""
    return (
        "You see only a part of this request's accounts: only somebody who sees all of them can change or decide it."
        f" Ask {requested_by}, who requested it."
    )


def note_missing(remedy: str = "Write a note, then decide.") -> Refusal:
    """Return the refusal of a decision that needs a note and has none."""
    return Refusal("NOTE_MISSING", f"Your enterprise asks for a note with every decision. {remedy}")


_UNDO_BARRED: Final = {
    "CHANGED": ("its facts have changed since its proposal", "their facts have changed since their proposal"),
    "IN_BATCH": ("it is in another open request", "they are in another open request"),
    "LOGIC": (
        "the trade logic in force could not propose for it",
        "the trade logic in force could not propose for them",
    ),
    "EDITED": (
        "its trades were edited under another trade logic",
        "their trades were edited under another trade logic",
    ),
    "GONE": ("it was not removed, or was put back already", "they were not removed, or were put back already"),
}


def undo_refusal(barred: Mapping[str, int], gone: int, allowed: int) -> str:
    """Return why not all removed accounts can be put back, and what can be done.

    barred: number of accounts by reason, as `removals.judge` has them; gone: how many are not removed any more;
    allowed: how many can be put back.
    """
    counts = dict(barred) | ({"GONE": gone} if gone else {})
    causes = [
        f"{count:,} {'account' if count == 1 else 'accounts'}: {_UNDO_BARRED[reason][count > 1]}"
        for reason, count in sorted(counts.items())
    ]
    remedy = (
        f"The other {allowed:,} can be put back."
        if allowed
        else "What is in the queue can be proposed in a new request."
    )
    return f"Not every account can be put back ({'; '.join(causes)}). {remedy}"


ROLES: Final[dict[Transition | None, frozenset[RoleName]]] = {
    None: RULES["propose_batch"],
    Transition.REMOVE: RULES["remove_accounts"],
    Transition.UNDO_REMOVAL: RULES["undo_removal"],
    Transition.SWITCH_LOGIC: RULES["switch_logic"],
    Transition.REPROPOSE: RULES["repropose_accounts"],
    Transition.EDIT_TRADES: RULES["edit_trades"],
    Transition.APPROVE: RULES["approve_batch"],
    Transition.CANCEL: RULES["cancel_batch"],
}


def is_allowed(roles: Collection[str], transition: Transition | None) -> bool:
    """Return whether a person with these roles may give the command; None means proposing."""
    return not ROLES[transition].isdisjoint(roles)
