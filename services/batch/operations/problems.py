"""Problems of commands on batches, besides the common ones of shared.contracts.problems."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from services.batch.domain.refusals import Refusal, RefusalReason
from shared.contracts.problems import Conflict, Forbidden, Problem, VersionChanged


class LiquidationNotConfirmed(Conflict):
    code, title = "liquidation_not_confirmed", "Accounts without a target would be liquidated"


class NothingToPropose(Conflict):
    code, title = "nothing_to_propose", "No account is selected"


class BatchDecided(Conflict):
    code, title = "batch_decided", "The request has been decided"


class BatchNotReady(Conflict):
    code, title = "batch_not_pending", "The request is not pending approval"


class DayEnded(Conflict):
    code, title = "day_ended", "The day of the request has ended"


class StaleProposals(Conflict):
    code, title = "stale_proposals", "Some proposals are stale"


class FoundStale(StaleProposals):
    """Found at approval and not marked yet: accounts that moved, or that were proposed on prices that were withdrawn.

    moved: how many of the accounts moved; proposing these again does not help.
    """

    def __init__(self, batch_id: int, accounts: int, moved: int, version: int) -> None:
        some = "1 account has" if accounts == 1 else f"{accounts:,} accounts have"
        remedy = "remove what is stale" if moved else "remove what is stale or have it proposed again"
        super().__init__(f"{some} a stale proposal: {remedy}, then approve.", version=version)
        self.batch_id = batch_id


class TermsDiffer(StaleProposals):
    """Found at approval and not marked yet: accounts that show a term which is another on the day of their trades."""

    def __init__(self, batch_id: int, accounts: Sequence[str], session: date, version: int) -> None:
        some = "1 account shows" if len(accounts) == 1 else f"{len(accounts):,} accounts show"
        super().__init__(
            f"The exchange has closed since the proposal: orders approved now are traded on {session}, and {some} a"
            " term that is another on that day. Have what is stale proposed again or remove it, then approve.",
            version=version,
        )
        self.batch_id = batch_id
        self.accounts = list(accounts)
        self.session = session


class WashSalesMoved(Conflict):
    """Another approval, or a later trade date, may have changed a batch's wash-sale warnings since they were made."""

    code, title = "wash_sales_changed", "The wash-sale warnings have changed"

    def __init__(self, batch_id: int, version: int) -> None:
        super().__init__(
            "The wash-sale warnings of this request have changed: meanwhile another request with accounts of the same"
            " tax households was approved, or the exchange closed, so that the orders would be traded on its next day."
            " Look again, then approve.",
            version=version,
        )
        self.batch_id = batch_id


class SamePerson(Forbidden):
    code, title = "same_person", "Somebody else must approve"


class PartOnly(Forbidden):
    code, title = "part_only", "You see only a part of the request"


class UndoBarred(Conflict):
    code, title = "undo_barred", "The removal cannot be undone"


class NoneRemain(Conflict):
    code, title = "none_remain", "No account would be left to approve"


class RestChanges(Conflict):
    code, title = "rest_changes", "The accounts that remain would look different"


class ApprovedAlready(Forbidden):
    code, title = "approved_already", "A second person must approve"


class NoteMissing(Problem):
    status, code, title = 422, "note_missing", "A note is required"


class NothingStale(Conflict):
    code, title = "nothing_stale", "No proposal is stale"


class NotEditable(Conflict):
    code, title = "not_editable", "The account cannot be edited now"


class EditRefused(Problem):
    status, code, title = 422, "edit_refused", "The trades cannot be edited so"


class EditsDropped(Conflict):
    code, title = "edits_dropped", "Edited trades would be dropped"


class LogicUnavailable(Conflict):
    code, title = "logic_unavailable", "This trade logic was not computed"


class NoOrders(Conflict):
    code, title = "no_orders", "There is no order file of this request"


_CLASSES: Final[dict[RefusalReason, type[Problem]]] = {
    "VERSION_CHANGED": VersionChanged,
    "DECIDED": BatchDecided,
    "NOT_READY": BatchNotReady,
    "DAY_ENDED": DayEnded,
    "STALE": StaleProposals,
    "SAME_PERSON": SamePerson,
    "NOTHING_STALE": NothingStale,
    "NOTE_MISSING": NoteMissing,
    "APPROVED_ALREADY": ApprovedAlready,
}


def problem_of(refusal: Refusal, version: int) -> Problem:
    """Return the problem that reports a refusal. version: the batch's present one."""
    return _CLASSES[refusal.why](refusal.sentence, version=version)
