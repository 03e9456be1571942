"""Noticing split ratios between what was stored and what a file says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.domain.splits import price_jumps, quantity_jumps
from services.taxlot.store import documents


def of_quantities(
    batch: pa.RecordBatch, first: Any, places: Sequence[int], before: Sequence[bytes | None]
) -> Iterator[tuple[int, str]]:
    """Yield (place, sentence) of accounts with a lot whose units jumped by a split ratio.

    Account `place` has the lots first[place]:first[place + 1] of batch; before: each place's stored document.
    """
    pairs = [(place, document) for place, document in zip(places, before, strict=True) if document is not None]
    if not pairs:
        return
    old, starts = documents.joined([document for _, document in pairs])
    held = np.array([place for place, _ in pairs])
    old_owner = np.repeat(held, np.diff(starts))
    counts = first[held + 1] - first[held]
    rows = np.concatenate([np.arange(first[place], first[place + 1]) for place in held.tolist()])
    joined = _with_owner(batch.take(pa.array(rows)), np.repeat(held, counts)).join(
        _with_owner(old, old_owner),
        ["owner", "security_id", "lot_id", "sleeve_id"],
        join_type="inner",
        right_suffix="_old",
    )
    columns = [
        joined.column(name).to_numpy()
        for name in ("quantity_micro_old", "quantity_micro", "basis_cents_old", "basis_cents")
    ]
    jumped = np.flatnonzero(quantity_jumps(*columns))
    told: set[tuple[int, str]] = set()
    for row in jumped.tolist():
        owner, security = joined.column("owner")[row].as_py(), joined.column("security_id")[row].as_py()
        if (owner, security) not in told:
            told.add((owner, security))
            yield owner, f"{security}: the units of a lot changed by a usual split ratio"


def of_prices(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield (security, sentence) of prices that moved by a split ratio."""
    for security, (numerator, denominator) in price_jumps(before, now):
        yield security, f"the price moved as after a split {numerator} for {denominator}"


def _with_owner(lots: pa.RecordBatch, owner: Any) -> pa.Table:
    return pa.Table.from_batches([lots]).append_column("owner", pa.array(owner, pa.int64()))
