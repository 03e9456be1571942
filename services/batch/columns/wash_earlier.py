"""What approved batches left to the wash-sale check of a later one: losses, units used up by them, bought, sold again.

A unit that disallows an approved loss disallows no other.  As a lot it is known by the lot's id; bought by a batch, and
no lot yet, by account, security and day: that is how the custodian's lot of it is found again.
Source: product 5, "Wash-sale check".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from shared.columnar import Ints
from shared.contracts.codes import Bought
from shared.rules.relief.wash import Purchases

_LOSSES: Final[dict[str, pa.DataType]] = {
    "household": pa.string(), "security": pa.string(), "batch_id": pa.int64(), "day": pa.int64(),
    "turn": pa.int64(), "account_id": pa.string(), "account_number": pa.string(), "lot_id": pa.string(),
    "sleeve_id": pa.string(), "units": pa.int64(), "cents": pa.int64(),
}  # fmt: skip
_USED: Final[dict[str, pa.DataType]] = {
    "household": pa.string(), "security": pa.string(), "account_id": pa.string(), "kind": pa.int64(),
    "lot_id": pa.string(), "day": pa.int64(), "units": pa.int64(),
}  # fmt: skip
_BOUGHT: Final[dict[str, pa.DataType]] = {
    "household": pa.string(), "security": pa.string(), "account_id": pa.string(), "account_number": pa.string(),
    "taxable": pa.bool_(), "day": pa.int64(), "units": pa.int64(),
}  # fmt: skip
_SOLD: Final[dict[str, pa.DataType]] = {
    "security": pa.string(), "account_id": pa.string(), "lot_id": pa.string(), "sleeve_id": pa.string(),
    "epoch": pa.int64(), "units": pa.int64(),
}  # fmt: skip


class Earlier(NamedTuple):
    """Of some households; days since 1970-01-01, micro-units, cents.

    losses: what no purchase has disallowed yet of approved losses, turn: their order of approval.  used: units that
    disallow an approved loss.  bought: approved buys that the results of the batch may not know yet.  Their days are
    those of lots, or the sessions on which orders were traded.  sold: units of lots that an approval sold; epoch: of
    the account after it.
    """

    losses: pa.Table
    used: pa.Table
    bought: pa.Table
    sold: pa.Table


class Used(NamedTuple):
    """Used units as ranks, one per index; `account`, `security` and `lot` as those of the purchases."""

    account: Ints
    security: Ints
    lot: Ints
    kind: Ints
    day: Ints
    units: Ints


def earlier_of(losses: Sequence[Any], used: Sequence[Any], bought: Sequence[Any], sold: Sequence[Any]) -> Earlier:
    """Return rows of the database, with columns in the order of the tables, as tables."""
    return Earlier(_table(losses, _LOSSES), _table(used, _USED), _table(bought, _BOUGHT), _table(sold, _SOLD))


def not_sold(lots: Ints, units: Ints, epoch: Ints, sold: Ints, sold_units: Ints, sold_epoch: Ints) -> Ints:
    """Return the micro-units of each listed lot that no approval has sold since the newest one that its listing shows.

    lots, sold: rows of ranks that name a lot in a sleeve; epoch: of the newest approval that each listed lot shows.
    """
    names = np.unique(np.concatenate((lots, sold)), axis=0, return_inverse=True)[1].reshape(-1)
    listed, width = names[: len(lots)], int(sold_epoch.max(initial=0)) + 1
    keys = names[len(lots) :] * width + sold_epoch
    order = np.argsort(keys)
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(sold_units[order])))
    shown = np.searchsorted(keys[order], listed * width + np.minimum(epoch, width - 1), side="right")
    all_of_lot = np.searchsorted(keys[order], (listed + 1) * width)
    return np.asarray(np.maximum(units - (sums[all_of_lot] - sums[shown]), 0), np.int64)


def unused(purchases: Purchases, used: Used) -> Ints:
    """Return the micro-units of each purchase that disallow no approved loss.  purchases: under one trade logic.

    Lots by their ids first; then what was bought by a batch, as the lots of its day, else as the approved buy.
    """
    left: Ints = purchases.units.copy()
    is_lot, is_approved = purchases.kind == Bought.LOT, purchases.kind == Bought.APPROVED
    use_is_lot = used.kind == Bought.LOT
    by_lot = np.column_stack((purchases.account, purchases.security, purchases.lot))
    by_day = np.column_stack((purchases.account, purchases.security, purchases.day))
    order = np.lexsort((purchases.sleeve, purchases.lot, purchases.kind, purchases.day))
    remaining: Ints = np.asarray(used.units, np.int64).copy()
    for purchase_keys, chosen, use_keys, uses in (
        (by_lot, is_lot, (used.account, used.security, used.lot), use_is_lot),
        (by_day, is_lot, (used.account, used.security, used.day), ~use_is_lot),
        (by_day, is_approved, (used.account, used.security, used.day), ~use_is_lot),
    ):
        at, use = order[chosen[order]], np.flatnonzero(uses)
        taken, rest = _taken(purchase_keys[at], left[at], np.column_stack(use_keys)[use], remaining[use])
        left[at] -= taken
        remaining[use] = rest
    return left


def _taken(keys: Ints, units: Ints, use_keys: Ints, use_units: Ints) -> tuple[Ints, Ints]:
    """Return what of each purchase is used, in their order, and what is left of each use, by equal keys."""
    code = np.unique(np.concatenate((keys, use_keys)), axis=0, return_inverse=True)[1].reshape(-1)
    purchase, use = code[: len(keys)], code[len(keys) :]
    taken = _filled(purchase, units, _sums(use, use_units, len(code)))
    return taken, use_units - _filled(use, use_units, _sums(purchase, taken, len(code)))


def _filled(code: Ints, room: Ints, total: Ints) -> Ints:
    """Return total[code] spread over the elements of each code, each up to its room, first ones first."""
    order = np.argsort(code, kind="stable")
    before = np.cumsum(room[order]) - room[order]
    first = np.searchsorted(code[order], code[order])
    filled = np.zeros(len(code), np.int64)
    filled[order] = np.clip(total[code[order]] - (before - before[first]), 0, room[order])
    return filled


def _sums(code: Ints, values: Ints, count: int) -> Ints:
    sums = np.zeros(count, np.int64)
    np.add.at(sums, code, values)
    return sums


def _table(rows: Sequence[Any], types: Mapping[str, pa.DataType]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    of_types = zip(types.items(), columns, strict=True)
    return pa.table({name: pa.array(column, kind) for (name, kind), column in of_types})
