"""Figures of approved accounts: that each sum is that of its parts."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.auditor.domain.invariants import Difference, Invariant

_NAMED: Final = 10
"""Most accounts that a sentence names."""


def add_up(batch_id: int, odd: Mapping[str, Sequence[str]]) -> Difference | None:
    """Return which accounts of a batch have figures that do not add up, and which; None if all do."""
    if not odd:
        return None
    named = [f"{account} ({', '.join(odd[account])})" for account in sorted(odd)]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    says = f"batch {batch_id}: figures do not add up of {'; '.join(named[:_NAMED])}{more}"
    values = tuple((account, tuple(odd[account])) for account in sorted(odd))
    return Difference(Invariant.FIGURES_ADD_UP, f"batch {batch_id}", values, says)
