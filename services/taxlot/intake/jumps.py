"""Compare a file with what is stored and report jumps by a split ratio."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.taxlot.columns import documents
from services.taxlot.domain.splits import price_jumps, quantity_jumps
from shared.rules.relief.lots import NO_BASIS

_KEY: Final = ("owner", "security_id", "lot_id", "sleeve_id")


class Reported(NamedTuple):
    """The lots of n accounts as their rows say: account k has first[k]:first[k + 1].

    shown: how many decimals each quantity is written with.
    """

    lots: pa.RecordBatch
    first: Any
    shown: Any


def of_quantities(
    reported: Reported, indices: Sequence[int], before: Sequence[bytes | None]
) -> Iterator[tuple[int, str]]:
    """Yield (index, sentence) of accounts with a lot whose units jumped by a split ratio, once per security.

    before: the stored document of each account in `indices`.  A lot that is reported without a sleeve is compared with
    all of it that was stored, whatever sleeves share it.
    """
    pairs = [(index, document) for index, document in zip(indices, before, strict=True) if document is not None]
    if not pairs:
        return
    stored, starts = documents.joined([document for _, document in pairs])
    accounts = np.array([index for index, _ in pairs])
    old = _lots_of(stored, np.repeat(accounts, np.diff(starts)))
    first = reported.first
    counts = first[accounts + 1] - first[accounts]
    rows = np.concatenate([np.arange(first[account], first[account + 1]) for account in accounts.tolist()])
    new = _lots_of(reported.lots.take(pa.array(rows)), np.repeat(accounts, counts))
    new = new.append_column("shown", pa.array(reported.shown[rows].astype(np.int64)))
    jumped = _jumped(new, old, _KEY)
    without = new.filter(pc.field("sleeve_id") == "")
    if without.num_rows:
        jumped = pa.concat_tables([jumped, _jumped(without, _whole(old), _KEY[:-1])])
    seen = dict.fromkeys(zip(*(jumped.column(name).to_pylist() for name in ("owner", "security_id")), strict=True))
    for owner, security in seen:
        yield owner, f"{security}: the units of a lot changed by a usual split ratio"


def of_prices(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield (security, sentence) of prices that moved by a split ratio; prices in micro-dollars by security."""
    for security, (numerator, denominator) in price_jumps(before, now):
        yield security, f"the price moved as after a split {numerator} for {denominator}"


def _lots_of(lots: pa.RecordBatch, owner: Any) -> pa.Table:
    """Return the lots with their owner; an unknown basis is null."""
    basis = documents.bases(lots)
    columns = {name: lots.column(name) for name in (*_KEY[1:], "quantity_micro")}
    known = pa.array(basis, pa.int64(), mask=basis == NO_BASIS)
    return pa.table(columns | {"owner": pa.array(owner, pa.int64()), "basis_cents": known})


def _whole(lots: pa.Table) -> pa.Table:
    """Return each lot once, whatever sleeves share it; of parts of unknown basis the whole basis is unknown."""
    every = pc.ScalarAggregateOptions(skip_nulls=False)
    sums: list[Any] = [("quantity_micro", "sum", every), ("basis_cents", "sum", every)]
    added = lots.group_by(list(_KEY[:-1])).aggregate(sums)
    return added.rename_columns({"quantity_micro_sum": "quantity_micro", "basis_cents_sum": "basis_cents"})


def _jumped(new: pa.Table, old: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return owner and security of the lots of both tables whose units jumped."""
    joined = new.join(old, list(key), join_type="inner", right_suffix="_old")
    names = ("quantity_micro_old", "quantity_micro", "basis_cents_old", "basis_cents", "shown")
    chosen: list[Any] = [joined.column(name) for name in names]
    columns = [column.fill_null(NO_BASIS).to_numpy() for column in chosen]
    return joined.select(["owner", "security_id"]).filter(pa.array(quantity_jumps(*columns)))
