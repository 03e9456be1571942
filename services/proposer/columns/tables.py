"""A LOTS chunk as the kernel's integer tables, whatever order its rows are in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.proposer.domain import codes
from services.proposer.domain import layout as at
from services.proposer.domain.layout import Ints
from shared.columnar import entries
from shared.rules.relief.lots import Lots, lots_from

_ACCOUNT = (
    ("reserve_cents", at.A_RESERVE),
    ("cash_target_ppb", at.A_CASH_TARGET),
    ("cash_threshold_ppb", at.A_CASH_THRESHOLD),
    ("floor_ppb", at.A_FLOOR),
    ("min_trade_cents", at.A_MIN_CENTS),
    ("min_trade_ppb", at.A_MIN_PPB),
    ("do_not_trade", at.A_DO_NOT_TRADE),
    ("liquidate", at.A_LIQUIDATE),
    ("taxable", at.A_TAXABLE),
    ("lot_method", at.A_METHOD),
    ("no_short_term_gains", at.A_NO_SHORT_GAINS),
)
_BUDGETS = (("gain_budget_short_cents", at.A_BUDGET_SHORT), ("gain_budget_total_cents", at.A_BUDGET_TOTAL))
_SECURITY = (
    ("price_micro", at.S_PRICE),
    ("step_micro", at.S_STEP),
    ("restriction", at.S_RESTRICTION),
    ("substitute", at.S_SUBSTITUTE),
    ("is_fund", at.S_FUND),
)
_POSITION = (
    ("security", at.P_SECURITY),
    ("quantity_micro", at.P_QUANTITY),
    ("target_ppb", at.P_TARGET),
    ("threshold_ppb", at.P_THRESHOLD),
    ("precision_ppb", at.P_PRECISION),
)


@dataclass
class Tables:
    """The integer tables of a chunk; *_indexes hold each row's index inside its account in the chunk."""

    accounts: Ints
    securities: Ints
    security_starts: Ints
    security_indexes: Ints
    positions: Ints
    position_starts: Ints
    position_indexes: Ints
    lots: Lots
    lot_starts: Ints


def tables_of(batch: pa.RecordBatch) -> Tables:
    """Return the tables of a chunk of schema LOTS (or more columns); securities, positions and lots sorted by ids."""
    count = batch.num_rows
    accounts = np.zeros((count, at.ACCOUNT_COLUMNS), np.int64)
    for name, column in _ACCOUNT:
        accounts[:, column] = _ints(batch.column(name))
    for name, column in _BUDGETS:
        accounts[:, column] = _ints(batch.column(name), at.NO_LIMIT)
    accounts[:, at.A_CASH] = _ints(batch.column("cash_cents")) - _ints(batch.column("set_aside_cents"))
    accounts[:, at.A_GIVEN] = np.where(_valid(batch.column("failure_code")), codes.PASSED, codes.OK)
    accounts[:, at.A_WHERE] = -1
    listed, security_starts = entries(batch.column("securities"))
    held, position_starts = entries(batch.column("positions"))
    securities = _table(listed, _SECURITY, at.SECURITY_COLUMNS)
    positions = _table(held, _POSITION, at.POSITION_COLUMNS)
    owned, lot_starts = entries(batch.column("lots"))
    sleeves = _ranks(pa.concat_arrays([held.field("sleeve_id"), owned.field("sleeve_id")]))
    positions[:, at.P_SLEEVE] = sleeves[: len(held)]
    securities, security_indexes, renamed = _sorted_securities(
        accounts, securities, security_starts, _ranks(listed.field("security_id"))
    )
    positions[:, at.P_SECURITY] = _renamed(positions[:, at.P_SECURITY], position_starts, security_starts, renamed)
    positions, position_indexes = _sorted_positions(positions, position_starts)
    lot_security = _renamed(_ints(owned.field("security")), lot_starts, security_starts, renamed)
    lots = _sorted_lots(owned, lot_starts, lot_security, sleeves[len(held) :])
    return Tables(
        accounts, securities, security_starts, security_indexes, positions, position_starts, position_indexes, lots,
        lot_starts,
    )  # fmt: skip


def _sorted_securities(accounts: Ints, securities: Ints, starts: Ints, ranks: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the securities by id, the chunk's index of each, and the new index of each index of the chunk.

    An account that lists a security twice is given that failure.
    """
    owner = _owner(starts)
    indexes = np.arange(len(owner)) - starts[owner]
    beside = owner[1:] == owner[:-1]
    if np.any(beside & (ranks[1:] < ranks[:-1])):
        order = np.lexsort((ranks, owner))
        renamed = np.empty_like(indexes)
        renamed[order] = indexes
        securities, sorted_indexes, ranks = securities[order], indexes[order], ranks[order]
        given = securities[:, at.S_SUBSTITUTE]
        found = _renamed(given, starts, starts, renamed)
        securities[:, at.S_SUBSTITUTE] = np.where(given < 0, given, np.where(found < 0, len(owner), found))
    else:
        renamed, sorted_indexes = indexes, indexes
    for row in np.flatnonzero(beside & (ranks[1:] == ranks[:-1])):
        if accounts[owner[row], at.A_GIVEN] == codes.OK:
            accounts[owner[row], at.A_GIVEN] = codes.DUPLICATE_SECURITY
            accounts[owner[row], at.A_WHERE] = indexes[row]
    return securities, sorted_indexes, renamed


def _sorted_positions(positions: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Return the positions by security index and sleeve id, and the chunk's index of each."""
    owner = _owner(starts)
    indexes = np.arange(len(owner)) - starts[owner]
    security, sleeve = positions[:, at.P_SECURITY], positions[:, at.P_SLEEVE]
    if not np.any((owner[1:] == owner[:-1]) & _later(security, sleeve)):
        return positions, indexes
    order = np.lexsort((sleeve, security, owner))
    return positions[order], indexes[order]


def _sorted_lots(owned: Any, starts: Ints, security: Ints, sleeve: Ints) -> Lots:
    """Return the lots by security index and sleeve id.

    Where picks do not fit none count here: whatever is sold of that security is refused when it is booked.
    """
    owner = _owner(starts)
    if np.any((owner[1:] == owner[:-1]) & _later(security, sleeve)):
        order = np.lexsort((sleeve, security, owner))
        owned, security, sleeve = owned.take(pa.array(order)), security[order], sleeve[order]
    return lots_from(owned, security, sleeve, np.maximum(_ints(owned.field("picked_micro")), 0))


def _later(first: Ints, second: Ints) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Say where a row stands before its neighbour though its pair of numbers is larger."""
    return np.asarray((first[1:] < first[:-1]) | ((first[1:] == first[:-1]) & (second[1:] < second[:-1])))


def _renamed(index: Ints, starts: Ints, target_starts: Ints, renamed: Ints) -> Ints:
    """Return `renamed` at each account's index, or -1 where the account has no such index."""
    owner = _owner(starts)
    first, end = target_starts[owner], target_starts[owner + 1]
    known = (index >= 0) & (first + index < end)
    out = np.full(len(index), -1, np.int64)
    out[known] = renamed[(first + index)[known]]
    return out


def _owner(starts: Ints) -> Ints:
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def _ranks(ids: Any) -> Ints:
    """Return a number for each id: equal for equal ids, and in their order."""
    coded = pc.dictionary_encode(ids)
    rank = np.empty(len(coded.dictionary), np.int64)
    rank[np.asarray(pc.sort_indices(coded.dictionary))] = np.arange(len(rank))
    ranks: Ints = rank[np.asarray(coded.indices)]
    return ranks


def _table(rows: Any, fields: tuple[tuple[str, int], ...], width: int) -> Ints:
    table = np.zeros((len(rows), width), np.int64)
    for name, column in fields:
        table[:, column] = _ints(rows.field(name))
    return table


def _ints(array: Any, missing: int = 0) -> Ints:
    if array.null_count:
        array = pc.fill_null(array, missing)
    return np.asarray(array.to_numpy(zero_copy_only=False)).astype(np.int64, copy=False)


def _valid(array: Any) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.asarray(pc.is_valid(array).to_numpy(zero_copy_only=False))
