"""Problems of commands on batches, besides the common ones of shared.contracts.problems."""

from typing import Final

from services.batch.domain.refusals import Refusal, RefusalReason
from shared.contracts.problems import Conflict, Forbidden, Problem, VersionChanged


class LiquidationNotConfirmed(Conflict):
    code, title = "liquidation_not_confirmed", "Accounts without a target would be liquidated"


class NothingToPropose(Conflict):
    code, title = "nothing_to_propose", "No account is selected"


class BatchDecided(Conflict):
    code, title = "batch_decided", "The batch has been decided"


class BatchNotReady(Conflict):
    code, title = "batch_not_pending", "The batch is not pending approval"


class DayEnded(Conflict):
    code, title = "day_ended", "The day of the batch has ended"


class StaleProposals(Conflict):
    code, title = "stale_proposals", "Some proposals are stale"


class FoundStale(StaleProposals):
    """Found at approval and not marked yet: accounts that moved, or that were proposed on prices that were withdrawn.

    moved: how many of the accounts moved; proposing these again does not help.
    """

    def __init__(self, batch_id: int, accounts: int, moved: int, version: int) -> None:
        some = "1 account has" if accounts == 1 else f"{accounts} accounts have"
        remedy = "remove what is stale" if moved else "remove what is stale or have it proposed again"
        super().__init__(f"{some} a stale proposal: {remedy}, then approve.", version=version)
        self.batch_id = batch_id


class SamePerson(Forbidden):
    code, title = "same_person", "Somebody else must approve"


class NothingStale(Conflict):
    code, title = "nothing_stale", "No proposal is stale"


class LogicUnavailable(Conflict):
    code, title = "logic_unavailable", "This trade logic was not computed"


_CLASSES: Final[dict[RefusalReason, type[Problem]]] = {
    "VERSION_CHANGED": VersionChanged,
    "DECIDED": BatchDecided,
    "NOT_READY": BatchNotReady,
    "DAY_ENDED": DayEnded,
    "STALE": StaleProposals,
    "SAME_PERSON": SamePerson,
    "NOTHING_STALE": NothingStale,
}


def problem_of(refusal: Refusal, version: int) -> Problem:
    """Return the problem that reports a refusal. version: the batch's present one."""
    return _CLASSES[refusal.why](refusal.sentence, version=version)
