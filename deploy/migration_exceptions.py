"""Migrations that break a rule of `migration_rules`, each with why it may: (service, revision, rule) -> reason."""

from collections.abc import Mapping
from typing import Final

_FIRST: Final = "part of 0.1.0, the first release: nothing of before it ran beside it"

EXCEPTIONS: Final[Mapping[tuple[str, str, str], str]] = {
    ("analyzer", "0003", "rewritten_rows"): _FIRST,
    ("analyzer", "price_sets_in_force", "validated_constraint"): _FIRST,
    ("analyzer", "price_sets_in_force", "taken_away"): _FIRST,
    ("analyzer", "parts_of_runs", "validated_constraint"): _FIRST,
    ("analyzer", "withdrawals_told", "blocking_index"): _FIRST,
    ("batch", "batch_0003", "blocking_index"): _FIRST,
    ("batch", "batch_0006", "taken_away"): _FIRST,
    ("taxlot", "0002", "blocking_index"): _FIRST,
    ("taxlot", "senders", "blocking_index"): _FIRST,
    (
        "taxlot",
        "read_again",
        "blocking_index",
    ): "the ledger has one row a file: its index is made well within the time-outs",
}
