"""What must hold whatever fails, and a difference from it: the closed list that metrics, alerts and runbooks name.

Source: decision 28; docs/runbooks/InvariantBroken.md has a section for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Invariant(StrEnum):
    """Names of the invariants, as the label `invariant` has them."""

    ORDERS_PUBLISHED = "orders_published"
    HISTORY_FROZEN = "history_frozen"
    HISTORY_WHOLE = "history_whole"
    AUDIT_LOG_WHOLE = "audit_log_whole"
    FIGURES_ADD_UP = "figures_add_up"
    BATCHES_COUNTED = "batches_counted"
    BATCHES_END = "batches_end"
    ACCOUNTS_CONSERVED = "accounts_conserved"
    EPOCHS_AGREE = "epochs_agree"
    FLAGS_AGREE = "flags_agree"
    NOTHING_UNPUBLISHED = "nothing_unpublished"


MEANINGS: Final[Mapping[Invariant, str]] = {
    Invariant.ORDERS_PUBLISHED: "The orders on the topic are those of the frozen history, by account, count, units and"
    " amount: none is missing, altered or added.",
    Invariant.HISTORY_FROZEN: "Every decided batch has one manifest, the digests of manifest and results fit, and no"
    " account of it is open or can be changed.",
    Invariant.HISTORY_WHOLE: "The decisions of each enterprise are the chain that they were appended to: no link and no"
    " decision was changed, taken away or added, and none is missing at the end.",
    Invariant.AUDIT_LOG_WHOLE: "The audit log is the chain of records that were appended to it: none was changed, taken"
    " away or added, and none is missing at the end.",
    Invariant.FIGURES_ADD_UP: "For every approved account: cash before, sells and buys give cash after; sleeve trades"
    " give orders; what is crossed adds up to nothing; lots give units, proceeds and gains of security and account.",
    Invariant.BATCHES_COUNTED: "The counts of a batch are those of its accounts by state.",
    Invariant.BATCHES_END: "No batch is open past its cut-off, and none works without getting any result.",
    Invariant.ACCOUNTS_CONSERVED: "Queue, open batches, settling, held, off, clear and not yet evaluated add up to all"
    " accounts of an enterprise: none is counted twice, none is nowhere.",
    Invariant.EPOCHS_AGREE: "Batch and analyzer know the same accounts, each at the same epoch, and taxlot has"
    " booked the newest approval of each.",
    Invariant.FLAGS_AGREE: "Batch has the newest flag of the analyzer for every account.",
    Invariant.NOTHING_UNPUBLISHED: "No message, file or analysis waits long to be published, and none is refused.",
}


@dataclass(frozen=True)
class Difference:
    """Something that differs from an invariant, as a pass found it.

    subject: what it is about, e.g. "batch 12" or "account A1".  values: what was compared; while they move, things are
    in flight.  says: a sentence with ids and figures, never a name of a person or account.
    """

    invariant: Invariant
    subject: str
    values: tuple[object, ...]
    says: str
