"""May this be done to this batch, by this person, now?  Source: product 6, api "Roles"."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from services.batch.domain.states import BATCH, DECIDED, Happening, Status
from shared.contracts.principal import RoleName
from shared.contracts.roles import RULES

Why = Literal["VERSION_CHANGED", "DECIDED", "NOT_READY", "DAY_ENDED", "STALE", "SAME_PERSON", "NOTHING_STALE"]


@dataclass(frozen=True)
class Facts:
    """What a decision about a batch rests on. version_seen: the one that was displayed to whoever asks."""

    status: Status
    version: int
    version_seen: int
    cancel_at: datetime
    stale: int
    requested_by: str
    asked_by: str
    four_eyes: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why a command is refused, with the sentence for the user."""

    why: Why
    sentence: str


_DONE: Final = {
    Status.APPROVED: "approved",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "ended, as all its accounts failed",
}


def refusal(happening: Happening, facts: Facts, now: datetime) -> Refusal | None:
    """Return why the command is refused, or None when it may be done.

    A decided batch says so whatever version was seen, because that is what the user must know first.
    """
    if facts.status in DECIDED:
        return Refusal("DECIDED", f"The batch has already been {_DONE[facts.status]}.")
    if facts.version != facts.version_seen:
        return Refusal(
            "VERSION_CHANGED",
            f"The batch has changed since you saw it (version {facts.version_seen}, now {facts.version}): "
            "look at it again, then decide.",
        )
    if facts.cancel_at <= now:
        return Refusal("DAY_ENDED", "The end of its day has come: the batch is being cancelled.")
    if (facts.status, happening) not in BATCH:
        return Refusal("NOT_READY", "Trades are still being proposed: wait until the batch is pending approval.")
    if happening is Happening.APPROVE:
        return _against_approval(facts)
    if happening is Happening.REPROPOSE and not facts.stale:
        return Refusal("NOTHING_STALE", "No proposal of the batch is stale: there is nothing to propose again.")
    return None


def _against_approval(facts: Facts) -> Refusal | None:
    if facts.stale:
        some = "1 account has" if facts.stale == 1 else f"{facts.stale} accounts have"
        return Refusal(
            "STALE", f"{some} a stale proposal: remove what is stale or have it proposed again, then approve."
        )
    if facts.four_eyes and facts.requested_by == facts.asked_by:
        return Refusal("SAME_PERSON", "Somebody else must approve: you requested this batch yourself.")
    return None


ROLES: Final[dict[Happening | None, frozenset[RoleName]]] = {
    None: RULES["propose_batch"],
    Happening.REMOVE: RULES["remove_accounts"],
    Happening.SWITCH_LOGIC: RULES["switch_logic"],
    Happening.REPROPOSE: RULES["repropose_accounts"],
    Happening.APPROVE: RULES["approve_batch"],
    Happening.CANCEL: RULES["cancel_batch"],
}


def may(roles: Collection[str], happening: Happening | None) -> bool:
    """Say whether somebody with these roles may give the command; None means proposing."""
    return not ROLES[happening].isdisjoint(roles)
