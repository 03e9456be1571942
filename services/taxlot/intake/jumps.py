"""Compare a file with what is stored and report jumps by a split ratio."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.domain.splits import price_jumps, quantity_jumps


def of_quantities(
    batch: pa.RecordBatch, first: Any, indices: Sequence[int], before: Sequence[bytes | None]
) -> Iterator[tuple[int, str]]:
    """Yield (index, sentence) of accounts with a lot whose units jumped by a split ratio, once per security.

    Account k has the lots first[k]:first[k + 1] of batch.  before: the stored document of each account in `indices`.
    """
    pairs = [(index, document) for index, document in zip(indices, before, strict=True) if document is not None]
    if not pairs:
        return
    old, starts = documents.joined([document for _, document in pairs])
    accounts = np.array([index for index, _ in pairs])
    old_owner = np.repeat(accounts, np.diff(starts))
    counts = first[accounts + 1] - first[accounts]
    rows = np.concatenate([np.arange(first[account], first[account + 1]) for account in accounts.tolist()])
    joined = _with_owner(batch.take(pa.array(rows)), np.repeat(accounts, counts)).join(
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
    reported: set[tuple[int, str]] = set()
    for row in jumped.tolist():
        owner, security = joined.column("owner")[row].as_py(), joined.column("security_id")[row].as_py()
        if (owner, security) not in reported:
            reported.add((owner, security))
            yield owner, f"{security}: the units of a lot changed by a usual split ratio"


def of_prices(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield (security, sentence) of prices that moved by a split ratio; prices in micro-dollars by security."""
    for security, (numerator, denominator) in price_jumps(before, now):
        yield security, f"the price moved as after a split {numerator} for {denominator}"


def _with_owner(lots: pa.RecordBatch, owner: Any) -> pa.Table:
    return pa.Table.from_batches([lots]).append_column("owner", pa.array(owner, pa.int64()))
