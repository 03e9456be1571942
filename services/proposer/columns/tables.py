"""A LOTS chunk as the records of the kernel, whatever order its rows are in."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.proposer.columns.holding_roles import (
    Treatment,
    count_unmanaged,
    drop_unusable_substitutes,
    refuse_too_fine,
)
from services.proposer.domain import codes
from services.proposer.domain.records import ACCOUNT, ALL_OF_IT, NO_LIMIT, POSITION, SECURITY, Accounts, Ints
from shared.columnar import entries
from shared.fixed_point.limits import PPB
from shared.fixed_point.records import Kind, Records, records
from shared.rules.relief.lots import Lots, lots_from

# Columns of the chunk by the field that takes them.
_ACCOUNT: Final = {
    "reserve": "reserve_cents",
    "cash_target": "cash_target_ppb",
    "cash_threshold": "cash_threshold_ppb",
    "drift_floor": "floor_ppb",
    "minimum_cents": "min_trade_cents",
    "minimum_weight": "min_trade_ppb",
    "do_not_trade": "do_not_trade",
    "liquidate": "liquidate",
    "taxable": "taxable",
    "lot_method": "lot_method",
    "no_short_gains": "no_short_term_gains",
}
_SECURITY: Final = {
    "price": "price_micro",
    "step": "step_micro",
    "restriction": "restriction",
    "substitute": "substitute",
    "is_fund": "is_fund",
}
_POSITION: Final = {
    "security": "security",
    "quantity": "quantity_micro",
    "target": "target_ppb",
    "threshold": "threshold_ppb",
    "precision": "precision_ppb",
}


@dataclass
class Tables:
    """The accounts of a chunk and their lots, without the positions that are not MANAGED.

    *_indexes hold each row's index inside its account in the chunk; *_divisors what a quantity of the chunk was divided
    by, because quantity x price of it is.
    """

    accounts: Accounts
    security_indexes: Ints
    position_indexes: Ints
    security_divisors: Ints
    position_divisors: Ints
    lots: Lots


def tables_of(batch: pa.RecordBatch) -> Tables:
    """Return the tables of a chunk of schema LOTS (or more columns); securities, positions and lots sorted by ids."""
    rows = _account_rows(batch)
    listed, security_starts = entries(batch.column("securities"))
    held, position_starts = entries(batch.column("positions"))
    owned, lot_starts = entries(batch.column("lots"))
    securities = _table(SECURITY, listed, _SECURITY)
    positions = _table(POSITION, held, _POSITION)
    sleeves = _ranks(pa.concat_arrays([held.field("sleeve_id"), owned.field("sleeve_id")]))
    positions.sleeve = sleeves[: len(held)]
    positions.target = _exact(positions.target, held.field("target_rest_edge"))
    securities, security_indexes, renamed = _sorted_securities(
        rows, securities, security_starts, _ranks(listed.field("security_id"))
    )
    treatment = _treatment(listed, security_starts, security_indexes)
    _set_edits(securities, batch.column("edits"), security_starts, renamed, treatment.divisor)
    drop_unusable_substitutes(securities, _owner(security_starts), treatment)
    securities.step //= treatment.divisor
    positions.security = _renamed(positions.security, position_starts, security_starts, renamed)
    positions, position_indexes, position_starts = _managed(
        rows, securities, *_sorted_positions(positions, position_starts), position_starts, treatment
    )
    position_divisors = _in_kernel_units(rows, positions, _owner(position_starts), treatment)
    lot_security = _renamed(_ints(owned.field("security")), lot_starts, security_starts, renamed)
    lots = _sorted_lots(owned, lot_starts, lot_security, sleeves[len(held) :])
    lots.rows.picked //= _in_kernel_units(rows, lots.rows, _owner(lot_starts), treatment)
    accounts = Accounts(rows, securities, security_starts, positions, position_starts, lot_starts)
    return Tables(accounts, security_indexes, position_indexes, treatment.divisor, position_divisors, lots)


def _set_edits(securities: Records, edits: Any, starts: Ints, renamed: Ints, divisor: Ints) -> None:
    """Note what a person made of market orders; few accounts are edited.  Raises IndexError for no such security."""
    for account in np.flatnonzero(_valid(edits)).tolist():
        for edit in edits[account].as_py():
            if not 0 <= edit["security"] < starts[account + 1] - starts[account]:
                raise IndexError(f"an edit names security {edit['security']}, which the account does not have")
            at = starts[account] + renamed[starts[account] + edit["security"]]
            securities[at].edit_of = 1 + edit["logic"]
            securities[at].edit = edit["quantity_micro"] // int(divisor[at])


def _treatment(listed: Any, starts: Ints, indexes: Ints) -> Treatment:
    """Return how securities are treated, in their order in the tables.  indexes: their places in their accounts."""
    at = starts[_owner(starts)] + indexes
    return Treatment(_ints(listed.field("role"))[at], _ints(listed.field("price_divisor"), 1)[at], starts)


def _managed(
    accounts: Records, securities: Records, positions: Records, indexes: Ints, starts: Ints, treatment: Treatment
) -> tuple[Records, Ints, Ints]:
    """Return the positions that are MANAGED with their indexes, and where those of each account begin."""
    owner = _owner(starts)
    managed = count_unmanaged(accounts, securities, positions, owner, treatment)
    if managed.all():
        return positions, indexes, starts
    kept = np.searchsorted(owner[managed], np.arange(len(starts)))
    return positions[managed], indexes[managed], kept


def _in_kernel_units(accounts: Records, rows: Records, owner: Ints, treatment: Treatment) -> Ints:
    """Divide the quantities of positions or lots by their divisors, which are returned."""
    divisor = treatment.divisor_of(owner, rows.security)
    if len(divisor) and divisor.max() > 1:
        refuse_too_fine(accounts, owner, rows.security, rows.quantity, divisor)
        rows.quantity //= divisor
    return divisor


def _account_rows(batch: pa.RecordBatch) -> Records:
    rows = records(ACCOUNT, batch.num_rows)
    for field, column in _ACCOUNT.items():
        rows[field] = _ints(batch.column(column))
    rows.cash_target = _exact(rows.cash_target, batch.column("cash_target_rest_edge"))
    rows.budget_short = _ints(batch.column("gain_budget_short_cents"), NO_LIMIT)
    rows.budget_total = _ints(batch.column("gain_budget_total_cents"), NO_LIMIT)
    rows.cash = _ints(batch.column("cash_cents")) - _ints(batch.column("set_aside_cents"))
    rows.given_failure = np.where(_valid(batch.column("failure_code")), codes.PASSED, codes.OK)
    rows.failed_at = ALL_OF_IT
    return rows


def _sorted_securities(accounts: Records, securities: Records, starts: Ints, ranks: Ints) -> tuple[Records, Ints, Ints]:
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
        given = securities.substitute
        found = _renamed(given, starts, starts, renamed)
        securities.substitute = np.where(given < 0, given, np.where(found < 0, len(owner), found))
    else:
        renamed, sorted_indexes = indexes, indexes
    for row in np.flatnonzero(beside & (ranks[1:] == ranks[:-1])):
        account = accounts[owner[row]]
        if account.given_failure == codes.OK:
            account.given_failure = codes.DUPLICATE_SECURITY
            account.failed_at = indexes[row]
    return securities, sorted_indexes, renamed


def _sorted_positions(positions: Records, starts: Ints) -> tuple[Records, Ints]:
    """Return the positions by security index and sleeve id, and the chunk's index of each."""
    owner = _owner(starts)
    indexes = np.arange(len(owner)) - starts[owner]
    if not np.any((owner[1:] == owner[:-1]) & _later(positions.security, positions.sleeve)):
        return positions, indexes
    order = np.lexsort((positions.sleeve, positions.security, owner))
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


def _table(kind: Kind, rows: Any, columns: dict[str, str]) -> Records:
    table = records(kind, len(rows))
    for field, column in columns.items():
        table[field] = _ints(rows.field(column))
    return table


def _ints(array: Any, missing: int = 0) -> Ints:
    if array.null_count:
        array = pc.fill_null(array, missing)
    return np.asarray(array.to_numpy(zero_copy_only=False)).astype(np.int64, copy=False)


def _exact(target_ppb: Ints, rest: Any) -> Ints:
    """Return targets in 1e-18.  What is outside 0 to 1 stays outside; rest: null in chunks of early releases."""
    return np.clip(target_ppb, -1, PPB + 1) * PPB + _ints(rest)


def _valid(array: Any) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.asarray(pc.is_valid(array).to_numpy(zero_copy_only=False))
